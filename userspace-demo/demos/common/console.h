// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace clofork::demo {

/// The status of wrong usage.
inline constexpr int usage_status = 2;

/// False, with a word on stderr, when the text did not get out.
bool print(const char *program, const std::string &text);

/// "program: words" on stderr.
void complain(const char *program, const std::string &words);

/// A line on stderr, where that is a terminal, that is rewritten with each
/// show() and gone with the object.
class progress_line {
public:
  progress_line();
  ~progress_line();
  progress_line(const progress_line &) = delete;
  progress_line &operator=(const progress_line &) = delete;

  void show(const std::string &text) const;

private:
  bool watched_;
};

/// main() of a demonstration: what it throws becomes words and the status of
/// a run that failed.
int guarded(const char *program, int failed,
            const std::function<int()> &run) noexcept;

} // namespace clofork::demo
