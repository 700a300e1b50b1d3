// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

namespace clofork {

/// The interfaces of the running kernel that honour close-on-fork. Each is
/// found by trying it: a kernel may have some and not others, and a seccomp
/// filter may refuse any.
struct feature_set {
  /// F_SETFD keeps FD_CLOFORK and F_GETFD shows it.
  bool setfd = false;
  /// open with O_CLOFORK makes a descriptor that has FD_CLOFORK.
  bool open = false;
  /// F_DUPFD_CLOFORK makes a descriptor that has FD_CLOFORK.
  bool dupfd = false;

  bool operator==(const feature_set &) const = default;
};

/// Asks the kernel, with at most three descriptors open for a moment. EINVAL,
/// and seccomp's EPERM and ENOSYS, are read as absence. Any other errno
/// (EMFILE, ENOMEM, EACCES on the root directory ...) is no answer and
/// returned as the error. Thread-safe.
result<feature_set> probe_features() noexcept;

/// The first answer of probe_features() in this process; an error is not
/// kept. Thread-safe. A seccomp filter installed later may make it stale.
result<feature_set> features() noexcept;

} // namespace clofork
