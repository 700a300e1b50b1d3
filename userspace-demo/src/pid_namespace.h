// SPDX-License-Identifier: MIT
#pragma once

namespace clofork {

/// Whether a child of this thread begins in another PID namespace than its own
/// since unshare(2) or setns(2): it cannot name its parent then, and if it is
/// the first one there, no other can be made once it has ended. True where
/// /proc does not tell.
bool child_gets_pid_namespace() noexcept;

} // namespace clofork
