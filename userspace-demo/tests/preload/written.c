// SPDX-License-Identifier: MIT
// What is opened for writing, and is close-on-exec only where it says so.
#include "unaware.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static const char file[] = "file";

static int for_writing(void) {
  return open(file, O_WRONLY);
}

static int for_both(void) {
  return open(file, O_RDWR);
}

static int for_writing_and_exec(void) {
  return open(file, O_WRONLY | O_CLOEXEC);
}

static int made_new(void) {
  return creat("creat", 0600);
}

static int without_name(void) {
  return open(".", O_WRONLY | O_TMPFILE, 0600);
}

static int by_openat(void) {
  return openat(AT_FDCWD, file, O_WRONLY);
}

static int by_fopen_w(void) {
  return fileno(fopen(file, "w"));
}

static int by_fopen_a(void) {
  return fileno(fopen(file, "a"));
}

static int by_fopen_r_plus(void) {
  return fileno(fopen(file, "r+"));
}

/* A mode that only the C library reads */
static int by_fopen_wm(void) {
  return fileno(fopen(file, "wm"));
}

static int by_freopen_w(void) {
  return fileno(freopen(file, "w", fopen(file, "r")));
}

/* musl takes the letter for an F_SETFD */
static int by_fdopen_we(void) {
  return fileno(fdopen(for_writing_and_exec(), "we"));
}

static int by_tmpfile(void) {
  return fileno(tmpfile());
}

static int by_shm_open(void) {
  const int fd = shm_open("/written", O_RDWR | O_CREAT, 0600);
  shm_unlink("/written");
  return fd;
}

static int by_mkstemp(void) {
  char path[] = "mkstemp.XXXXXX";
  return mkstemp(path);
}

static int by_mkstemps(void) {
  char path[] = "mkstemp.XXXXXX.s";
  return mkstemps(path, 2);
}

static int by_mkostemp(void) {
  char path[] = "mkstemp.XXXXXX";
  return mkostemp(path, O_APPEND);
}

static int made_close_on_exec(void) {
  const int fd = for_writing();
  fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) | FD_CLOEXEC);
  return fd;
}

static int made_close_on_exec_by_ioctl(void) {
  const int fd = for_writing();
  ioctl(fd, FIOCLEX);
  return fd;
}

static int for_reading(void) {
  return open(file, O_RDONLY);
}

static int by_fopen_r(void) {
  return fileno(fopen(file, "r"));
}

static int by_freopen_r(void) {
  return fileno(freopen(file, "r", fopen(file, "w")));
}

static int by_freopen_of_a_device(void) {
  return fileno(freopen("/dev/null", "w", fopen(file, "w")));
}

/* For children, as what dup2() puts there. */
static int in_place_of_stdin(void) {
  return fileno(freopen(file, "r+", stdin));
}

static int shm_opened_to_read(void) {
  close(shm_open("/written", O_RDWR | O_CREAT, 0600));
  const int fd = shm_open("/written", O_RDONLY, 0);
  shm_unlink("/written");
  return fd;
}

static int a_path(void) {
  return open(file, O_PATH | O_RDWR);
}

static int a_device(void) {
  return open("/dev/null", O_RDWR);
}

static int a_device_and_exec(void) {
  return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int a_copy(void) {
  return dup(for_writing());
}

static int made_inheritable(void) {
  const int fd = for_writing_and_exec();
  fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) & ~FD_CLOEXEC);
  return fd;
}

static int made_inheritable_by_ioctl(void) {
  const int fd = for_writing_and_exec();
  ioctl(fd, FIONCLEX);
  return fd;
}

static int by_fdopen_w_of_inheritable(void) {
  return fileno(fdopen(made_inheritable(), "w"));
}

static int a_pipe(void) {
  int fds[2];
  pipe2(fds, O_CLOEXEC);
  return fds[1];
}

static const struct {
  const char *name;
  int (*make)(void);
  int marked;
} files[] = {
    {"open O_WRONLY", for_writing, 1},
    {"open O_RDWR", for_both, 1},
    {"open O_WRONLY | O_CLOEXEC", for_writing_and_exec, 1},
    {"creat", made_new, 1},
    {"open O_TMPFILE", without_name, 1},
    {"openat O_WRONLY", by_openat, 1},
    {"fopen w", by_fopen_w, 1},
    {"fopen a", by_fopen_a, 1},
    {"fopen r+", by_fopen_r_plus, 1},
    {"fopen wm", by_fopen_wm, 1},
    {"freopen w", by_freopen_w, 1},
    {"fdopen we", by_fdopen_we, 1},
    {"tmpfile", by_tmpfile, 1},
    {"shm_open O_RDWR", by_shm_open, 1},
    {"mkstemp", by_mkstemp, 1},
    {"mkstemps", by_mkstemps, 1},
    {"mkostemp", by_mkostemp, 1},
    {"made close-on-exec by F_SETFD", made_close_on_exec, 1},
    {"made close-on-exec by FIOCLEX", made_close_on_exec_by_ioctl, 1},
    {"open O_RDONLY", for_reading, 0},
    {"fopen r", by_fopen_r, 0},
    {"freopen r", by_freopen_r, 0},
    {"freopen w of a device", by_freopen_of_a_device, 0},
    {"freopen r+ of standard input", in_place_of_stdin, 0},
    {"shm_open O_RDONLY", shm_opened_to_read, 0},
    {"open O_PATH", a_path, 0},
    {"open of a device", a_device, 0},
    {"open O_CLOEXEC of a device", a_device_and_exec, 0},
    {"dup", a_copy, 0},
    {"made inheritable by F_SETFD", made_inheritable, 0},
    {"fdopen w of that", by_fdopen_w_of_inheritable, 0},
    {"made inheritable by FIONCLEX", made_inheritable_by_ioctl, 0},
    {"pipe2 O_CLOEXEC", a_pipe, 0},
};

int show_written(void) {
  for (size_t each = 0; each < sizeof(files) / sizeof(files[0]); ++each) {
    printf("%s\t%s\t%d\n", files[each].name,
           files[each].marked ? "written" : "other",
           marks_of(files[each].make()));
  }
  return 0;
}
