// SPDX-License-Identifier: MIT
// Built with musl: what its library does to close-on-fork, and that the ways
// around it which the C++ library takes, in raw_open.h and streams.cpp, hold.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close_on_fork.h"

static int is_marked(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOFORK) != 0;
}

static int open_marked(const char *path) {
  return (int)syscall(SYS_openat, AT_FDCWD, path,
                      O_RDONLY | O_CLOEXEC | O_CLOFORK);
}

static int by_open(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC | O_CLOFORK);
}

static int by_open_without_cloexec(void) {
  return open("/dev/null", O_RDONLY | O_CLOFORK);
}

static int by_system_call(void) {
  return open_marked("/dev/null");
}

static int by_fdopen_with_e(void) {
  return fileno(fdopen(open_marked("/dev/null"), "re"));
}

static int by_fdopen(void) {
  return fileno(fdopen(open_marked("/dev/null"), "r"));
}

static int by_fdopendir(void) {
  return dirfd(fdopendir(open_marked("/")));
}

static int by_fdopendir_marked_again(void) {
  const int fd = by_fdopendir();
  fcntl(fd, F_SETFD, FD_CLOEXEC | FD_CLOFORK);
  return fd;
}

static const struct {
  const char *text;
  int (*make)(void);
  int marked;
} tests[] = {
    {"open with O_CLOEXEC wipes the mark", by_open, 0},
    {"open without O_CLOEXEC keeps it", by_open_without_cloexec, 1},
    {"the system call keeps it", by_system_call, 1},
    {"fdopen with \"e\" wipes it", by_fdopen_with_e, 0},
    {"fdopen without \"e\" keeps it", by_fdopen, 1},
    {"fdopendir wipes it", by_fdopendir, 0},
    {"F_SETFD after fdopendir sets it again", by_fdopendir_marked_again, 1},
};

int main(void) {
  const int count = sizeof(tests) / sizeof(tests[0]);
  int failures = 0;
  if (!is_marked(by_system_call())) {
    puts("1..0 # SKIP open of this kernel does not honour close-on-fork");
    return 0;
  }
  printf("1..%d\n", count);
  for (int each = 0; each < count; ++each) {
    const int ok = is_marked(tests[each].make()) == tests[each].marked;
    printf("%sok %d - %s\n", ok ? "" : "not ", each + 1, tests[each].text);
    failures += !ok;
  }
  return failures != 0;
}
