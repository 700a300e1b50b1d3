// SPDX-License-Identifier: MIT
// usage: unaware WHAT
// A program without a word of close-on-fork, for the preloaded library to be
// tried on: it tells what it sees, and what marks its descriptors have.
#include "unaware.h"

#include "interfaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern int early_descriptor; /* of a constructor that runs early */

const char *__asan_default_options(void);

int marks_of(int fd) {
  return (int)syscall(SYS_fcntl, fd, F_GETFD);
}

static void show_marks(const char *name, const char *made, int fd,
                       const char *mark) {
  if (fd == -1) {
    printf("%s\t%s\terrno %d\t%s\n", name, made, errno, mark);
  } else {
    printf("%s\t%s\t%d\t%s\n", name, made, marks_of(fd), mark);
  }
}

int show_interfaces(void) {
  for (const struct interface *each = interfaces; each->name != NULL; ++each) {
    const char *mark = each->mark == born ? "born" : "late";
    show_marks(each->name, "plain", each->make(0), mark);
    show_marks(each->name, "cloexec", each->make(1), mark);
  }
  show_marks("open in a constructor", "cloexec", early_descriptor, "born");
  return 0;
}

/* Streams are left open: it is their descriptors that are looked at. */
const char *__asan_default_options(void) {
  return "detect_leaks=0";
}

static const struct {
  const char *name;
  int (*show)(void);
} sights[] = {
    {"interfaces", show_interfaces},
    {"written", show_written},
    {"behaviour", show_behaviour},
    {"streams", show_streams},
    {"prefork", show_prefork},
    {"exec-error-pipe", show_exec_error_pipe},
    {"spawn-action", show_spawn_action},
    {"log", show_log},
    {"redirection", show_redirection},
};

int main(int argc, char **argv) {
  unsetenv("LD_PRELOAD"); // what this starts may be of another C library
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t each = 0; each < sizeof(sights) / sizeof(sights[0]); ++each) {
    if (argc == 2 && strcmp(argv[1], sights[each].name) == 0) {
      return sights[each].show();
    }
  }
  return 2;
}
