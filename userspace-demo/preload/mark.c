// SPDX-License-Identifier: MIT
#include "mark.h"

#include "next.h"

#include <fcntl.h>

#include "close_on_fork.h"

void set_marks(int fd, int marks) {
  const int before = errno;
  if (NEXT(fcntl)(fd, F_SETFD, marks) == -1 && (marks & FD_CLOFORK) != 0) {
    NEXT(fcntl)
    (fd, F_SETFD, marks & ~FD_CLOFORK); // a filter may refuse the bit
  }
  errno = before;
}

int get_marks(int fd) {
  const int before = errno;
  const int marks = NEXT(fcntl)(fd, F_GETFD);
  errno = before;
  return marks;
}

void mark_late(int fd) {
  if (fd == -1 || (preload_mode() & preload_cloexec) == 0) {
    return;
  }
  const int marks = get_marks(fd);
  if (marks != -1 && (marks & (FD_CLOEXEC | FD_CLOFORK)) == FD_CLOEXEC) {
    set_marks(fd, marks | FD_CLOFORK);
  }
}
