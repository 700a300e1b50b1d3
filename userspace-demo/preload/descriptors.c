// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "close_on_fork.h"

typedef int fcntl_function(int fd, int command, ...);

/*
 * The mark goes with close-on-exec, so who takes that off must not carry the
 * mark over from F_GETFD, which therefore never shows it.
 */
static int get_flags(fcntl_function *next, int fd) {
  const int flags = next(fd, F_GETFD);
  return flags == -1 || preload_mode() == 0 ? flags : flags & ~FD_CLOFORK;
}

static int set_flags(fcntl_function *next, int fd, int flags) {
  const int before = errno;
  int all = flags;
  if ((flags & FD_CLOEXEC) != 0) {
    all |= mark_beside(true, FD_CLOFORK);
    if (preload_mode() == preload_written) { // its mark is for good
      const int held = next(fd, F_GETFD);
      all |= held == -1 ? 0 : held & FD_CLOFORK;
    }
  }
  int status = next(fd, F_SETFD, all);
  if (status == -1 && all != flags && may_be_refused()) {
    errno = before;
    status = next(fd, F_SETFD, flags);
  }
  return status;
}

/* F_DUPFD_CLOFORK leaves close-on-exec off: the other flag comes after. */
static int duplicate(fcntl_function *next, int fd, int least) {
  const int copy =
      MARKED_FD(true, F_DUPFD_CLOFORK,
                next(fd, mark != 0 ? F_DUPFD_CLOFORK : F_DUPFD_CLOEXEC, least));
  if (copy != -1 && mark_beside(true, F_DUPFD_CLOFORK) != 0) {
    set_marks(copy, FD_CLOEXEC | FD_CLOFORK);
  }
  return copy;
}

/* An argument that is not there may be read, as the C library does itself. */
#define FCNTL(name)                                                            \
  EXPORTED int name(int fd, int command, ...) {                                \
    va_list arguments;                                                         \
    va_start(arguments, command);                                              \
    void *argument = va_arg(arguments, void *);                                \
    va_end(arguments);                                                         \
    switch (command) {                                                         \
    case F_GETFD:                                                              \
      return get_flags(NEXT(name), fd);                                        \
    case F_SETFD:                                                              \
      return set_flags(NEXT(name), fd, (int)(intptr_t)argument);               \
    case F_DUPFD_CLOEXEC:                                                      \
      return duplicate(NEXT(name), fd, (int)(intptr_t)argument);               \
    default:                                                                   \
      return NEXT(name)(fd, command, argument);                                \
    }                                                                          \
  }

FCNTL(fcntl)
#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 28)
FCNTL(fcntl64)
#endif
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;
#endif

EXPORTED int ioctl(int fd, ioctl_request request, ...) {
  va_list arguments;
  va_start(arguments, request);
  void *argument = va_arg(arguments, void *);
  va_end(arguments);
  const int status = NEXT(ioctl)(fd, request, argument);
  if (status != -1 && request == FIOCLEX) {
    mark_late(fd);
  }
  if (status != -1 && request == FIONCLEX && preload_mode() != 0) {
    set_marks(fd, 0);
  }
  return status;
}

EXPORTED int dup3(int from, int to, int flags) {
  return MARKED_FD((flags & O_CLOEXEC) != 0, O_CLOFORK,
                   NEXT(dup3)(from, to, flags | mark));
}

EXPORTED int pipe2(int fds[2], int flags) {
  return MARKED_PAIR((flags & O_CLOEXEC) != 0, O_CLOFORK, fds,
                     NEXT(pipe2)(fds, flags | mark));
}

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
EXPORTED int close_range(unsigned first, unsigned last, int flags) {
  return MARKED((flags & CLOSE_RANGE_CLOEXEC) != 0, (int)CLOSE_RANGE_CLOFORK,
                may_be_refused(), NEXT(close_range)(first, last, flags | mark),
                {});
}
#endif
#endif
