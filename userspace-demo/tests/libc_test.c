// SPDX-License-Identifier: MIT
// Built with glibc and with musl: what the C library does to close-on-fork,
// and that the ways around it hold, which the C++ library takes in raw_open.h
// and streams.cpp.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close_on_fork.h"

#ifdef __GLIBC__
#define BY_GLIBC 1
#else
#define BY_GLIBC 0
#endif

static int is_marked(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOFORK) != 0;
}

static int open_marked(const char *path) {
  return (int)syscall(SYS_openat, AT_FDCWD, path,
                      O_RDONLY | O_CLOEXEC | O_CLOFORK);
}

static int marked_again(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC | FD_CLOFORK);
  return fd;
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

static int by_freopen(void) {
  FILE *stream = fdopen(open_marked("/dev/null"), "r");
  return fileno(freopen("/dev/zero", "re", stream));
}

static int by_freopen_marked_again(void) {
  return marked_again(by_freopen());
}

static int by_fdopendir(void) {
  return dirfd(fdopendir(open_marked("/")));
}

static int by_fdopendir_marked_again(void) {
  return marked_again(by_fdopendir());
}

static int by_mkostemp(void) {
  char name[] = "/tmp/libc_test.XXXXXX";
  const int fd = mkostemp(name, O_CLOEXEC | O_CLOFORK);
  unlink(name);
  return fd;
}

static int by_mkostemp_marked_again(void) {
  return marked_again(by_mkostemp());
}

static int by_posix_openpt(void) {
  return posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_CLOFORK);
}

static int by_ptmx(void) {
  return open_marked("/dev/ptmx");
}

static int by_shm_open(void) {
  char name[32];
  snprintf(name, sizeof(name), "/libc_test.%d", getpid());
  const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOFORK, 0600);
  shm_unlink(name);
  return fd;
}

static const struct {
  const char *text;
  int (*make)(void);
  int marked;
} tests[] = {
    {"open with O_CLOEXEC", by_open, BY_GLIBC},
    {"open without O_CLOEXEC", by_open_without_cloexec, 1},
    {"the system call", by_system_call, 1},
    {"fdopen with \"e\"", by_fdopen_with_e, BY_GLIBC},
    {"fdopen without \"e\"", by_fdopen, 1},
    {"freopen", by_freopen, 0},
    {"F_SETFD after freopen", by_freopen_marked_again, 1},
    {"fdopendir", by_fdopendir, 0},
    {"F_SETFD after fdopendir", by_fdopendir_marked_again, 1},
    {"mkostemp with O_CLOEXEC", by_mkostemp, BY_GLIBC},
    {"F_SETFD after mkostemp", by_mkostemp_marked_again, 1},
    {"posix_openpt with O_CLOEXEC", by_posix_openpt, BY_GLIBC},
    {"the system call on /dev/ptmx", by_ptmx, 1},
    {"shm_open", by_shm_open, BY_GLIBC},
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
    const int fd = tests[each].make();
    const int ok = fd >= 0 && is_marked(fd) == tests[each].marked;
    printf("%sok %d - %s: %s\n", ok ? "" : "not ", each + 1, tests[each].text,
           tests[each].marked ? "marked" : "not marked");
    failures += !ok;
  }
  return failures != 0;
}
