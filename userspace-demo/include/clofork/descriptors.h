// SPDX-License-Identifier: MIT
/// \file
/// Descriptors made close-on-exec, and close-on-fork where features() says that
/// the interface honours it; else the mark is set afterwards with F_SETFD; else
/// it is left out. Each says which. The flags need not name either mark. All
/// are thread-safe, and none is a cancellation point. Errors are those of the
/// system call, whose name is the stage; EINTR is one of them.
#pragma once

#include "clofork/export.h"
#include "clofork/marked_fd.h"

#include <ctime>
#include <sys/types.h>

struct open_how; // <linux/openat2.h>

namespace clofork {

/// openat(2). Never the open() of the C library: musl's sets close-on-exec
/// with F_SETFD afterwards, which takes close-on-fork off again.
CLOFORK_EXPORT result<marked_fd> openat(int directory, const char *path,
                                        int flags, mode_t mode = 0) noexcept;

/// openat() from the working directory.
CLOFORK_EXPORT result<marked_fd> open(const char *path, int flags,
                                      mode_t mode = 0) noexcept;

/// openat2(2): Linux 5.6, ENOSYS before. There is no fallback: what the
/// caller asks to be resolved safely cannot be had from openat.
CLOFORK_EXPORT result<marked_fd> openat2(int directory, const char *path,
                                         const ::open_how &how) noexcept;

/// Both ends are marked alike.
struct pipe_ends {
  marked_fd reading;
  marked_fd writing;
};

/// pipe2(2). An end that a child forked by other code is to use must be
/// unmarked: see unmark().
CLOFORK_EXPORT result<pipe_ends> pipe(int flags = 0) noexcept;

/// A copy of the descriptor with the lowest free number from at_least on.
/// Says born also where close-on-exec is set after the copy was made: that
/// matters to no child, only to a thread that replaces this very program.
CLOFORK_EXPORT result<marked_fd> dup(int fd, int at_least = 0) noexcept;

/// memfd_create(2). name: for /proc, at most 249 bytes.
CLOFORK_EXPORT result<marked_fd> memfd(const char *name,
                                       unsigned flags = 0) noexcept;

/// eventfd(2).
CLOFORK_EXPORT result<marked_fd> eventfd(unsigned initial,
                                         int flags = 0) noexcept;

/// epoll_create1(2).
CLOFORK_EXPORT result<marked_fd> epoll() noexcept;

/// timerfd_create(2).
CLOFORK_EXPORT result<marked_fd> timerfd(clockid_t clock,
                                         int flags = 0) noexcept;

} // namespace clofork
