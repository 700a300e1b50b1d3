// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "clofork/marked_fd.h"

#include <ostream>
#include <span>

/// One interface of the kernel that close-on-fork can be asked of.
struct kernel_interface {
  const char *name;
  bool clofork::feature_set::*answer;
  /// Asks the kernel itself; none where it refuses.
  clofork::unique_fd (*make)();
  /// Filters what make() asks for, and nothing else.
  bool (*refuse)(unsigned code);
  /// The library's function that uses it; null where there is none.
  clofork::result<clofork::marked_fd> (*make_by_library)();
};

std::span<const kernel_interface> kernel_interfaces();

std::ostream &operator<<(std::ostream &out, const kernel_interface &each);

/// Sends the descriptors with one byte. True when they went.
bool send_descriptors(int socket, std::span<const int> fds);
