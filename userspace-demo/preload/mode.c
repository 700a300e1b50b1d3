// SPDX-License-Identifier: MIT
#include "mode.h"

#include "next.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close_on_fork.h"

static const struct {
  const char *name;
  unsigned mode;
} modes[] = {
    {"", 0},
    {"0", 0},
    {"1", preload_cloexec},
    {"cloexec", preload_cloexec},
    {"written", preload_written},
};

static const char complaint[] =
    "libclofork-preload.so: CLOFORK_PRELOAD is to be 0, 1, cloexec, written, "
    "or several with commas in between: nothing is marked\n";

/* The mode of a word, -1 if it names none. */
static int named_mode(const char *word, size_t length) {
  for (size_t each = 0; each < sizeof(modes) / sizeof(modes[0]); ++each) {
    if (strlen(modes[each].name) == length &&
        memcmp(modes[each].name, word, length) == 0) {
      return (int)modes[each].mode;
    }
  }
  return -1;
}

static unsigned asked_mode(void) {
  const char *word = secure_getenv("CLOFORK_PRELOAD");
  unsigned asked = 0;
  while (word != NULL) {
    const size_t length = strcspn(word, ",");
    const int mode = named_mode(word, length);
    if (mode == -1) {
      // Nobody is left to tell where standard error is closed.
      if (write(STDERR_FILENO, complaint, sizeof(complaint) - 1) == -1) {
      }
      return 0;
    }
    asked |= (unsigned)mode;
    word = word[length] == ',' ? word + length + 1 : NULL;
  }
  return asked;
}

enum kernel { kernel_without, kernel_with, kernel_unknown };

/*
 * An older kernel ignores the bit, so it must be there to be read. The system
 * call, as musl's open() would wipe it.
 */
static enum kernel ask_kernel(void) {
  const long fd =
      syscall(SYS_openat, AT_FDCWD, "/", O_PATH | O_CLOEXEC | O_CLOFORK);
  if (fd == -1) {
    const bool full = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
    return full ? kernel_unknown : kernel_without;
  }
  const int marks = NEXT(fcntl)((int)fd, F_GETFD);
  close((int)fd);
  return marks != -1 && (marks & FD_CLOFORK) != 0 ? kernel_with
                                                  : kernel_without;
}

unsigned preload_mode(void) {
  enum { unasked, known = 1U << 31 };
  // No lock: threads that ask together get the same answer.
  static _Atomic unsigned cache = unasked;

  unsigned answer = atomic_load_explicit(&cache, memory_order_relaxed);
  if (answer == unasked) {
    const int before = errno;
    answer = known | asked_mode();
    if (answer != known) {
      const enum kernel told = ask_kernel();
      if (told != kernel_with) {
        answer = known;
      }
      if (told == kernel_unknown) {
        errno = before;
        return 0;
      }
    }
    errno = before;
    atomic_store_explicit(&cache, answer, memory_order_relaxed);
  }
  return answer & ~(unsigned)known;
}
