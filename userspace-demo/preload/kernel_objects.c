// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 36)

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>

#include "close_on_fork.h" // after the headers whose names it completes

// Both are always close-on-exec, with no flag for it.
EXPORTED int pidfd_open(pid_t pid, unsigned flags) {
  const int fd = NEXT(pidfd_open)(pid, flags);
  mark_late(fd);
  return fd;
}

EXPORTED int pidfd_getfd(int pidfd, int target, unsigned flags) {
  const int fd = NEXT(pidfd_getfd)(pidfd, target, flags);
  mark_late(fd);
  return fd;
}

EXPORTED int open_tree(int directory, const char *path, unsigned flags) {
  return MARKED_FD((flags & OPEN_TREE_CLOEXEC) != 0, OPEN_TREE_CLOFORK,
                   NEXT(open_tree)(directory, path, flags | (unsigned)mark));
}

EXPORTED int fsopen(const char *name, unsigned flags) {
  return MARKED_FD((flags & FSOPEN_CLOEXEC) != 0, FSOPEN_CLOFORK,
                   NEXT(fsopen)(name, flags | (unsigned)mark));
}

EXPORTED int fspick(int directory, const char *path, unsigned flags) {
  return MARKED_FD((flags & FSPICK_CLOEXEC) != 0, FSPICK_CLOFORK,
                   NEXT(fspick)(directory, path, flags | (unsigned)mark));
}

EXPORTED int fsmount(int context, unsigned flags, unsigned attributes) {
  return MARKED_FD((flags & FSMOUNT_CLOEXEC) != 0, FSMOUNT_CLOFORK,
                   NEXT(fsmount)(context, flags | (unsigned)mark, attributes));
}

#endif
#endif
