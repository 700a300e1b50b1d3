// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

#include <atomic>
#include <cstddef>
#include <functional>
#include <sys/types.h>

namespace clofork::demo {

enum class spawn_method { fork, vfork, posix_spawn };

/// One int for each thread in memory shared with its children, where a child
/// leaves the errno of a failed exec. A status pipe would not do: children of
/// other threads inherit its write end and keep the reader waiting.
class exec_errors {
public:
  /// Errors: those of mmap(2).
  static result<exec_errors> create(std::size_t count);
  exec_errors(exec_errors &&other) noexcept;
  exec_errors &operator=(exec_errors &&) = delete;
  exec_errors(const exec_errors &) = delete;
  exec_errors &operator=(const exec_errors &) = delete;
  ~exec_errors();

  [[nodiscard]] std::atomic<int> &operator[](std::size_t index) noexcept {
    return slots_[index].value;
  }

private:
  struct alignas(64) slot { // a cache line each
    std::atomic<int> value;
  };
  static_assert(std::atomic<int>::is_always_lock_free);

  exec_errors(slot *slots, std::size_t count) : slots_(slots), count_(count) {}

  slot *slots_;
  std::size_t count_;
};

/// Runs the program at path without arguments or environment and waits for
/// it. True when its exec failed with ETXTBSY, false when it ran and exited
/// with 0; anything else is the error. Thread-safe with one exec_errno for
/// each thread.
result<bool> run_program(spawn_method method, const char *path,
                         std::atomic<int> &exec_errno) noexcept;

/// The first half of run_program() with spawn_method::fork: the child calls
/// before_exec, which must be async-signal-safe, and executes.
result<pid_t> start_program(const char *path, std::atomic<int> &exec_errno,
                            const std::function<void()> &before_exec) noexcept;

/// The second: waits, and returns as run_program().
result<bool> finish_program(pid_t child, std::atomic<int> &exec_errno) noexcept;

} // namespace clofork::demo
