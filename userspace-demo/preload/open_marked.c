// SPDX-License-Identifier: MIT
#include "open_marked.h"

#include "mark.h"
#include "next.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "close_on_fork.h"

static bool is_marked_for_exec(int flags) {
  return mark_beside((flags & O_CLOEXEC) != 0, O_CLOFORK) != 0;
}

bool is_to_be_marked(int flags) {
  return is_marked_for_exec(flags) ||
         ((preload_mode() & preload_written) != 0 &&
          (flags & O_ACCMODE) != O_RDONLY && (flags & O_PATH) == 0);
}

int ask_marked(int flags) {
  if (!is_to_be_marked(flags)) {
    return flags;
  }
#ifndef __GLIBC__
  // musl follows O_CLOEXEC with an F_SETFD that wipes the mark.
  flags &= ~O_CLOEXEC;
#endif
  return flags | O_CLOFORK;
}

static bool is_regular(int fd) {
  struct stat about;
  const int before = errno;
  const bool regular = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  errno = before;
  return regular;
}

int settle_marks(int fd, int flags) {
  if (fd == -1 || !is_to_be_marked(flags)) {
    return fd;
  }
  const int exec = (flags & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
  const int born = (ask_marked(flags) & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
  const bool keep = is_marked_for_exec(flags) || is_regular(fd);
  if (exec != born || !keep) {
    set_marks(fd, exec | (keep ? FD_CLOFORK : 0));
  }
  return fd;
}

static bool is_open_for_writing(int fd) {
  const int before = errno;
  const int flags = NEXT(fcntl)(fd, F_GETFL);
  errno = before;
  return flags != -1 && (flags & O_ACCMODE) != O_RDONLY;
}

void mark_opened_late(int fd) {
  mark_late(fd);
  if (fd == -1 || (preload_mode() & preload_written) == 0 ||
      !is_open_for_writing(fd) || !is_regular(fd)) {
    return;
  }
  const int marks = get_marks(fd);
  if (marks != -1 && (marks & FD_CLOFORK) == 0) {
    set_marks(fd, marks | FD_CLOFORK);
  }
}
