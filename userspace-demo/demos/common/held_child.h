// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"
#include "clofork/unique_fd.h"

#include <sys/types.h>
#include <utility>

namespace clofork::demo {

/// A child between fork and exec, which stays there until this object ends it.
/// What the process had open at start() it has as well, but for what is
/// close-on-fork.
class held_child {
public:
  /// No child unless wanted. Any thread, whose end is the child's too. Errors:
  /// those of eventfd(2) and fork(2).
  static result<held_child> start(bool wanted) noexcept;

  held_child(held_child &&other) noexcept;
  held_child &operator=(held_child &&) = delete;
  held_child(const held_child &) = delete;
  held_child &operator=(const held_child &) = delete;
  ~held_child() { end(); }

  /// Has it exit, as opposed to being killed, where FUSE would not be asked to
  /// flush, and waits for that. Then there is none.
  void end() noexcept;

private:
  held_child(pid_t child, unique_fd wake) noexcept
      : child_(child), wake_(std::move(wake)) {}

  pid_t child_;
  unique_fd wake_;
};

} // namespace clofork::demo
