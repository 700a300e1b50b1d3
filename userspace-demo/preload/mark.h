/* SPDX-License-Identifier: MIT */
#pragma once

#include "mode.h"

#include <errno.h>
#include <stdbool.h>

/* All here keep errno unless they say otherwise, and are async-signal-safe. */

/* The flag that a descriptor is to be made with, if it is close-on-exec. */
static inline int mark_beside(bool cloexec, int flag) {
  return cloexec && (preload_mode() & preload_cloexec) != 0 ? flag : 0;
}

/*
 * Whether a call may have failed for the mark: a kernel answers EINVAL where
 * it does not know a flag, a filter what it likes.
 */
static inline bool may_be_refused(void) {
  return errno == EINVAL || errno == EPERM || errno == ENOSYS;
}

/* Sets these and clears the others; close-on-exec also if the mark cannot be.
 */
void set_marks(int fd, int marks);

/* The descriptor's flags as the kernel has them, -1 where there is none. */
int get_marks(int fd);

/*
 * Marks what is there already, if it is close-on-exec: a child forked before
 * this has it. Takes -1 for no descriptor.
 */
void mark_late(int fd);

/* musl does itself what the kernel is said not to have, and sets no mark. */
#ifdef __GLIBC__
enum { libc_emulates = false };
#else
enum { libc_emulates = true };
#endif

/*
 * The value of an expression that makes a descriptor with `mark` among its
 * flags; where the interface refuses that, without it, and `late` follows.
 * `made` is the value in there. Should both fail, errno is of the second.
 */
#define MARKED(cloexec, flag, refused, expression, late)                       \
  ({                                                                           \
    const int before = errno;                                                  \
    __typeof__(flag) mark = mark_beside(cloexec, flag);                        \
    const bool asked = mark != 0;                                              \
    int made = (expression);                                                   \
    if (made == -1 && asked && (refused)) {                                    \
      errno = before;                                                          \
      mark = 0;                                                                \
      made = (expression);                                                     \
    }                                                                          \
    if (made != -1 && asked && (mark == 0 || libc_emulates)) {                 \
      late;                                                                    \
    }                                                                          \
    made;                                                                      \
  })

#define MARKED_FD(cloexec, flag, expression)                                   \
  MARKED(cloexec, flag, may_be_refused(), expression, mark_late(made))

#define MARKED_PAIR(cloexec, flag, fds, expression)                            \
  MARKED(cloexec, flag, may_be_refused(), expression, {                        \
    mark_late((fds)[0]);                                                       \
    mark_late((fds)[1]);                                                       \
  })
