// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"
#include "open_marked.h"

#include <fcntl.h>
#include <mqueue.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "close_on_fork.h"

/* Whether an argument follows flags. */
static bool takes_mode(int flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

/* In a function whose last named parameter is flags */
#define MODE_AFTER(flags)                                                      \
  ({                                                                           \
    mode_t given = 0;                                                          \
    if (takes_mode(flags)) {                                                   \
      va_list arguments;                                                       \
      va_start(arguments, flags);                                              \
      given = va_arg(arguments, mode_t);                                       \
      va_end(arguments);                                                       \
    }                                                                          \
    given;                                                                     \
  })

#define OPEN(name)                                                             \
  EXPORTED int name(const char *path, int flags, ...) {                        \
    const mode_t mode = MODE_AFTER(flags);                                     \
    return settle_marks(NEXT(name)(path, ask_marked(flags), mode), flags);     \
  }

#define OPENAT(name)                                                           \
  EXPORTED int name(int directory, const char *path, int flags, ...) {         \
    const mode_t mode = MODE_AFTER(flags);                                     \
    return settle_marks(NEXT(name)(directory, path, ask_marked(flags), mode),  \
                        flags);                                                \
  }

/* creat() has no flags to put the mark in. */
#define CREAT(name, open_name)                                                 \
  EXPORTED int name(const char *path, mode_t mode) {                           \
    const int flags = O_CREAT | O_WRONLY | O_TRUNC;                            \
    return settle_marks(NEXT(open_name)(path, ask_marked(flags), mode),        \
                        flags);                                                \
  }

#define MKOSTEMP(name)                                                         \
  EXPORTED int name(char *path, int flags) {                                   \
    const int all = (flags & ~O_ACCMODE) | O_RDWR;                             \
    return settle_marks(NEXT(name)(path, ask_marked(all)), all);               \
  }

#define MKOSTEMPS(name)                                                        \
  EXPORTED int name(char *path, int suffix, int flags) {                       \
    const int all = (flags & ~O_ACCMODE) | O_RDWR;                             \
    return settle_marks(NEXT(name)(path, suffix, ask_marked(all)), all);       \
  }

#define MKSTEMP(name, mkostemp_name)                                           \
  EXPORTED int name(char *path) {                                              \
    return settle_marks(NEXT(mkostemp_name)(path, ask_marked(O_RDWR)),         \
                        O_RDWR);                                               \
  }

#define MKSTEMPS(name, mkostemps_name)                                         \
  EXPORTED int name(char *path, int suffix) {                                  \
    return settle_marks(                                                       \
        NEXT(mkostemps_name)(path, suffix, ask_marked(O_RDWR)), O_RDWR);       \
  }

OPEN(open)
OPENAT(openat)
CREAT(creat, open)
MKOSTEMP(mkostemp)
MKOSTEMPS(mkostemps)
MKSTEMP(mkstemp, mkostemp)
MKSTEMPS(mkstemps, mkostemps)

EXPORTED int open_by_handle_at(int mount, struct file_handle *handle,
                               int flags) {
  return settle_marks(NEXT(open_by_handle_at)(mount, handle, ask_marked(flags)),
                      flags);
}

EXPORTED int posix_openpt(int flags) {
  return settle_marks(NEXT(posix_openpt)(ask_marked(flags)), flags);
}

// Always close-on-exec, and marked late by musl, which wipes the mark.
EXPORTED int shm_open(const char *name, int flags, mode_t mode) {
  const int all = flags | O_CLOEXEC;
  return settle_marks(
      NEXT(shm_open)(name, flags | (ask_marked(all) & O_CLOFORK), mode), all);
}

// Always close-on-exec, with no flag for it.
EXPORTED mqd_t mq_open(const char *name, int flags, ...) {
  mode_t mode = 0;
  struct mq_attr *attributes = NULL;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    attributes = va_arg(arguments, struct mq_attr *);
    va_end(arguments);
  }
  const mqd_t queue = NEXT(mq_open)(name, flags, mode, attributes);
  mark_late(queue);
  return queue;
}

#ifdef __GLIBC__
OPEN(open64)
OPENAT(openat64)
CREAT(creat64, open64)
MKOSTEMP(mkostemp64)
MKOSTEMPS(mkostemps64)
MKSTEMP(mkstemp64, mkostemp64)
MKSTEMPS(mkstemps64, mkostemps64)

/* The checks of _FORTIFY_SOURCE: these take no mode, and flags without one. */
#define OPEN_2(name)                                                           \
  extern int name(const char *path, int flags);                                \
  EXPORTED int name(const char *path, int flags) {                             \
    return settle_marks(NEXT(name)(path, ask_marked(flags)), flags);           \
  }

#define OPENAT_2(name)                                                         \
  extern int name(int directory, const char *path, int flags);                 \
  EXPORTED int name(int directory, const char *path, int flags) {              \
    return settle_marks(NEXT(name)(directory, path, ask_marked(flags)),        \
                        flags);                                                \
  }

#define MQ_OPEN_2(name)                                                        \
  extern mqd_t name(const char *path, int flags);                              \
  EXPORTED mqd_t name(const char *path, int flags) {                           \
    const mqd_t queue = NEXT(name)(path, flags);                               \
    mark_late(queue);                                                          \
    return queue;                                                              \
  }

OPEN_2(__open_2)
OPEN_2(__open64_2)
OPENAT_2(__openat_2)
OPENAT_2(__openat64_2)

MQ_OPEN_2(__mq_open_2)
#endif
