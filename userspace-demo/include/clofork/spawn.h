// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/child.h"
#include "clofork/command.h"
#include "clofork/export.h"

namespace clofork {

/// Starts a program: a child that shares the parent's memory and descriptor
/// table (CLONE_VM, CLONE_VFORK, CLONE_FILES) gets a table of its own with no
/// more than it is to have, and executes. Returns when it has, or why not; no
/// child and no descriptor is left then. The cost grows with neither the
/// parent's memory nor its descriptors. Signals are held back meanwhile; no
/// cancellation point.
///
/// Thread-safe. Not async-signal-safe, and not for use within a
/// closing_section, for which it waits. What the command names (descriptors,
/// environ) must not be changed by another thread meanwhile.
///
/// Errors: those of validate(), or the stage and errno of the system call that
/// failed, in the parent or in the child. "execve" with ETXTBSY: the program
/// was still open for writing when command::busy_patience was over.
CLOFORK_EXPORT result<child> spawn(const command &wanted) noexcept;

} // namespace clofork
