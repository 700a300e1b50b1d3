// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

namespace clofork::demo {

/// Moves this process, which must have one thread, to a mount namespace of its
/// own, with a user namespace if it takes one. What it mounts is gone with it.
/// Errors: those of unshare(2), mount(2), and of writing /proc/self/uid_map.
result<void> own_mounts();

} // namespace clofork::demo
