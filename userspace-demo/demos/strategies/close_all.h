// SPDX-License-Identifier: MIT
// Closing all descriptors from 3 on in a child between fork and exec, in the
// three ways there are. What runs there is async-signal-safe.
#pragma once

#include <functional>

namespace clofork::demo {

/// close_range(2), which is Linux 5.9.
void close_from(int first) noexcept;

/// One close() for each number below the limit of descriptors, whether it is
/// open or not. The limit is that of the moment in which this is called.
std::function<void()> close_above(int first);

/// What getdents64(2) finds in /proc/self/fd.
void close_listed() noexcept;

} // namespace clofork::demo
