// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "close_on_fork.h" // after the headers whose names it completes

EXPORTED int epoll_create1(int flags) {
  return MARKED_FD((flags & EPOLL_CLOEXEC) != 0, EPOLL_CLOFORK,
                   NEXT(epoll_create1)(flags | mark));
}

EXPORTED int eventfd(unsigned initial, int flags) {
  return MARKED_FD((flags & EFD_CLOEXEC) != 0, EFD_CLOFORK,
                   NEXT(eventfd)(initial, flags | mark));
}

EXPORTED int signalfd(int fd, const sigset_t *signals, int flags) {
  return MARKED_FD((flags & SFD_CLOEXEC) != 0, SFD_CLOFORK,
                   NEXT(signalfd)(fd, signals, flags | mark));
}

EXPORTED int timerfd_create(clockid_t clock, int flags) {
  return MARKED_FD((flags & TFD_CLOEXEC) != 0, TFD_CLOFORK,
                   NEXT(timerfd_create)(clock, flags | mark));
}

EXPORTED int inotify_init1(int flags) {
  return MARKED_FD((flags & IN_CLOEXEC) != 0, IN_CLOFORK,
                   NEXT(inotify_init1)(flags | mark));
}

/* FAN_CLOFORK, or O_CLOFORK for the descriptors that come with events. */
static unsigned with_mark(unsigned flags, unsigned cloexec, unsigned clofork) {
  return (flags & cloexec) != 0 ? flags | clofork : flags;
}

EXPORTED int fanotify_init(unsigned flags, unsigned event_flags) {
  return MARKED_FD(
      (flags & FAN_CLOEXEC) != 0 || (event_flags & O_CLOEXEC) != 0, true,
      mark ? NEXT(fanotify_init)(with_mark(flags, FAN_CLOEXEC, FAN_CLOFORK),
                                 with_mark(event_flags, O_CLOEXEC, O_CLOFORK))
           : NEXT(fanotify_init)(flags, event_flags));
}

EXPORTED int memfd_create(const char *name, unsigned flags) {
  return MARKED_FD((flags & MFD_CLOEXEC) != 0, (int)MFD_CLOFORK,
                   NEXT(memfd_create)(name, flags | (unsigned)mark));
}
