// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"
#include "clofork/unique_fd.h"

namespace clofork {

/// The root directory as a descriptor opened through a ring of its own with
/// O_PATH, close-on-exec and close-on-fork. Errors: the errno of whichever
/// step the kernel or a filter refuses.
result<unique_fd> open_root_by_io_uring() noexcept;

} // namespace clofork
