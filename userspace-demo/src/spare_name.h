// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"
#include "clofork/unique_fd.h"
#include "failure.h"

#include <cerrno>
#include <string>

namespace clofork {

/// Says that the file with a spare name has an owner, as long as anybody has
/// this open file description. flock(2) would not do alone: it passes from the
/// descriptor for writing to the one for reading, and is free in between.
void claim(int reading) noexcept;
void disclaim(int reading) noexcept;

/// Removes a file that a killed process left under a spare name: one that
/// nobody has claimed or locked. True when the name is free now.
bool remove_abandoned(int directory, const char *name) noexcept;

/// Calls make(name) with one spare name of the directory after the other,
/// until it is true. It is false with EEXIST where the name is taken; what it
/// makes is locked with flock(2), and from before the lock may go, claimed.
/// Errors: any other errno of make; EEXIST when a thousand names are taken.
/// Throws std::bad_alloc.
template <class Make>
result<void> take_spare_name(int directory, const char *stage, Make make) {
  for (int number = 0; number < 1000; ++number) {
    const std::string name = ".clofork-" + std::to_string(number);
    do {
      if (make(name)) {
        return {};
      }
      if (errno != EEXIST) {
        return last_error(stage);
      }
    } while (remove_abandoned(directory, name.c_str()));
  }
  return failure(stage, EEXIST);
}

} // namespace clofork
