// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/result.h"
#include "clofork/unique_fd.h"

namespace clofork {

/// Whether a descriptor is close-on-fork, and since when.
enum class fork_mark {
  none, ///< it is not: the kernel cannot, or may not for a filter
  late, ///< since shortly after it was made: a child forked between has it
  born, ///< since it was made: no child ever has it, but one of spawn() for a
        ///< moment where that may not fetch: spawn_method::fetching
};

/// A descriptor as the library makes it: close-on-exec from the start, and
/// close-on-fork as far as the kernel can.
struct marked_fd {
  unique_fd fd;
  fork_mark mark = fork_mark::none;
};

/// Makes an open descriptor close-on-exec and, where the kernel can,
/// close-on-fork. Says late or none. Both flags are set at once, so that no
/// other thread's change is undone by what was read before. Thread-safe.
/// Errors: EBADF.
CLOFORK_EXPORT result<fork_mark> mark(int fd) noexcept;

/// Takes close-on-fork off and leaves the descriptor close-on-exec: for one
/// that a child forked by other code is to have. Spawns of this library hand
/// a marked descriptor over without. Thread-safe. Errors: EBADF, and those of
/// a seccomp filter.
CLOFORK_EXPORT result<void> unmark(int fd) noexcept;

} // namespace clofork
