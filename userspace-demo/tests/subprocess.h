// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>
#include <sys/types.h>
#include <vector>

/// A program under test, its output collected in memory.
class subprocess {
public:
  /// Starts arguments[0] with the arguments after it. prepare runs in the
  /// child before exec, to spoil its surroundings.
  explicit subprocess(
      const std::vector<std::string> &arguments,
      const std::function<void()> &prepare = [] {});
  subprocess(const subprocess &) = delete;
  subprocess &operator=(const subprocess &) = delete;
  ~subprocess(); ///< kills the program when wait() has not been called

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The status of waitpid(2); output and errors are complete afterwards.
  int wait();

  std::string output;
  std::string errors;

private:
  pid_t pid_ = -1;
  int output_fd_;
  int errors_fd_;
};
