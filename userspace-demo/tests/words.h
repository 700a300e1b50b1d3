// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

/// Words as the argv of main().
class words {
public:
  words(const std::string &program, const std::vector<std::string> &given)
      : words_(given) {
    words_.insert(words_.begin(), program);
    for (auto &each : words_) {
      argv_.push_back(each.data());
    }
    argv_.push_back(nullptr);
  }

  [[nodiscard]] int count() const { return static_cast<int>(words_.size()); }
  [[nodiscard]] char **data() { return argv_.data(); }

private:
  std::vector<std::string> words_;
  std::vector<char *> argv_;
};
