// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/result.h"

namespace clofork {

/// System calls that the library uses and older kernels or filters lack.
struct system_call_set {
  bool close_range = false; ///< Linux 5.9
  bool clone3 = false;      ///< Linux 5.3
  /// pidfd_open, pidfd_send_signal, and waitid with P_PIDFD: Linux 5.4.
  bool pidfd = false;
  /// clone3 knows CLONE_INTO_CGROUP: Linux 5.7.
  bool clone_into_cgroup = false;
  /// What process_ring needs of io_uring: Linux 5.11, and a library built with
  /// liburing. Else it works with epoll.
  bool io_uring = false;

  bool operator==(const system_call_set &) const = default;
};

/// The interfaces of the running kernel that honour close-on-fork: what each
/// makes or changes has FD_CLOFORK afterwards. Each is found by trying it: a
/// kernel may have some and not others, and a seccomp filter may refuse any.
struct feature_set {
  bool setfd = false; ///< fcntl with F_SETFD; F_GETFD shows it
  bool open = false;  ///< open and openat
  bool openat2 = false;
  bool dupfd = false; ///< fcntl with F_DUPFD_CLOFORK
  bool dup3 = false;
  bool pipe2 = false;
  bool socket = false;
  bool socketpair = false;
  bool accept4 = false; ///< the flag is accepted
  bool recvmsg = false; ///< with MSG_CMSG_CLOFORK
  bool memfd_create = false;
  bool eventfd2 = false;
  bool epoll_create1 = false;
  bool timerfd_create = false;
  bool close_range = false; ///< with CLOSE_RANGE_CLOFORK
  bool io_uring = false;    ///< IORING_OP_OPENAT

  system_call_set calls;

  bool operator==(const feature_set &) const = default;
};

/// Asks the kernel: some forty system calls, with at most five descriptors
/// open for a moment, all of them close-on-exec. EINVAL, seccomp's EPERM and
/// ENOSYS, EACCES of a security module, and EAFNOSUPPORT of a kernel without
/// Unix sockets are read as absence. Any other errno (EMFILE, ENOMEM ...) is no
/// answer and returned as the error. Thread-safe, no cancellation point. A
/// filter that kills instead of refusing kills.
CLOFORK_EXPORT result<feature_set> probe_features() noexcept;

/// The first answer of probe_features() in this process; an error is not
/// kept. Thread-safe. A seccomp filter installed later may make it stale.
CLOFORK_EXPORT result<feature_set> features() noexcept;

} // namespace clofork
