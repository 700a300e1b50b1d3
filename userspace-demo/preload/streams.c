// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"
#include "open_marked.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "close_on_fork.h"

/* The flags that a mode stands for, -1 if the C library alone reads it. */
static int flags_of(const char *mode) {
  int flags = 0;
  switch (*mode) {
  case 'r':
    flags = O_RDONLY;
    break;
  case 'w':
    flags = O_WRONLY | O_CREAT | O_TRUNC;
    break;
  case 'a':
    flags = O_WRONLY | O_CREAT | O_APPEND;
    break;
  default:
    return -1;
  }
  for (int at = 1; mode[at] != '\0'; ++at) {
    switch (at < 7 ? mode[at] : '?') { // glibc reads no further
    case '+':
      flags = (flags & ~O_ACCMODE) | O_RDWR;
      break;
    case 'e':
      flags |= O_CLOEXEC;
      break;
    case 'x':
      flags |= O_EXCL;
      break;
    case 'b':
      break;
    default:
      return -1;
    }
  }
  return flags;
}

/* A stream of what fopen() would have opened. Takes the file over. */
static FILE *make_stream(int fd, const char *mode, int flags) {
#ifdef __GLIBC__
  // Its fopen() starts an append at the end, its fdopen() where the file is.
  if ((flags & O_APPEND) != 0 && (flags & O_ACCMODE) == O_WRONLY) {
    const int before = errno;
    lseek(fd, 0, SEEK_END);
    errno = before; // a pipe has no end
  }
#endif
  const char kept[] = {mode[0], (flags & O_ACCMODE) == O_RDWR ? '+' : '\0',
                       '\0'};
  FILE *stream = NEXT(fdopen)(fd, kept);
  if (stream == NULL) {
    const int failed = errno;
    close(fd);
    errno = failed;
  }
  return stream;
}

static void mark_stream_late(FILE *stream) {
  if (stream != NULL) {
    mark_late(fileno(stream));
  }
}

static void mark_opened_stream_late(FILE *stream) {
  if (stream != NULL) {
    mark_opened_late(fileno(stream));
  }
}

/* What takes a standard stream's place is for children, as with dup2(). */
static void mark_reopened_late(FILE *stream) {
  if (stream != NULL && fileno(stream) <= STDERR_FILENO) {
    mark_stream_late(stream);
  } else {
    mark_opened_stream_late(stream);
  }
}

/* fopen() opens inside of the C library, where no mark can be put in. */
#define FOPEN(name, open_name)                                                 \
  EXPORTED FILE *name(const char *path, const char *mode) {                    \
    const int flags = flags_of(mode);                                          \
    if (flags != -1 && is_to_be_marked(flags)) {                               \
      const int fd =                                                           \
          settle_marks(NEXT(open_name)(path, ask_marked(flags), 0666), flags); \
      return fd == -1 ? NULL : make_stream(fd, mode, flags);                   \
    }                                                                          \
    FILE *stream = NEXT(name)(path, mode);                                     \
    mark_opened_stream_late(stream);                                           \
    return stream;                                                             \
  }

#define FREOPEN(name)                                                          \
  EXPORTED FILE *name(const char *path, const char *mode, FILE *old) {         \
    FILE *stream = NEXT(name)(path, mode, old);                                \
    mark_reopened_late(stream);                                                \
    return stream;                                                             \
  }

#define TMPFILE(name)                                                          \
  EXPORTED FILE *name(void) {                                                  \
    FILE *stream = NEXT(name)();                                               \
    mark_opened_stream_late(stream);                                           \
    return stream;                                                             \
  }

FOPEN(fopen, open)
FREOPEN(freopen)
TMPFILE(tmpfile)
#ifdef __GLIBC__
FOPEN(fopen64, open64)
FREOPEN(freopen64)
TMPFILE(tmpfile64)
#endif

// glibc ignores "e" here; in musl it sets close-on-exec, and wipes the mark,
// which in this mode is for good.
EXPORTED FILE *fdopen(int fd, const char *mode) {
  const bool kept = preload_mode() == preload_written;
  const int held = kept ? get_marks(fd) : 0;
  FILE *stream = NEXT(fdopen)(fd, mode);
  mark_stream_late(stream);
  if (stream != NULL && held != -1 && (held & FD_CLOFORK) != 0) {
    set_marks(fd, get_marks(fd) | FD_CLOFORK);
  }
  return stream;
}

EXPORTED FILE *popen(const char *command, const char *mode) {
  FILE *stream = NEXT(popen)(command, mode);
  mark_stream_late(stream);
  return stream;
}

static void mark_directory_late(DIR *stream) {
  if (stream != NULL) {
    mark_late(dirfd(stream));
  }
}

EXPORTED DIR *opendir(const char *path) {
  DIR *stream = NEXT(opendir)(path);
  mark_directory_late(stream);
  return stream;
}

EXPORTED DIR *fdopendir(int fd) {
  DIR *stream = NEXT(fdopendir)(fd);
  mark_directory_late(stream);
  return stream;
}
