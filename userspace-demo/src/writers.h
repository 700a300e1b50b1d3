// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

#include <chrono>

namespace clofork {

/// Locks the open file description of a file being written, for
/// wait_for_writers(). Every child that inherits the descriptor shares the
/// lock, and it is free when the last of them has closed it. False where the
/// file system has no such locks.
bool lock_as_writer(int writing) noexcept;

struct writers_gone {
  bool certain = false; ///< false when the file system could not tell
  std::chrono::nanoseconds waited{0};
};

/// Waits until nobody has the file open for writing, seen through a
/// descriptor that was opened for reading; locked: what lock_as_writer() said.
/// Keeps a shared lock on it. Errors: ETIMEDOUT.
result<writers_gone> wait_for_writers(int reading, bool locked,
                                      std::chrono::nanoseconds patience);

} // namespace clofork
