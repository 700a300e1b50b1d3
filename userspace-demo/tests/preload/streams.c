// SPDX-License-Identifier: MIT
// fopen() with each mode does the same with the preloaded library, which opens
// for it, and without.
#include "unaware.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show_file(void) {
  char text[64] = "";
  const int fd = open("streams", O_RDONLY);
  const ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  printf("  holds %zd bytes: %s\n", length, text);
}

static void show_stream(const char *mode) {
  char text[8] = "";
  FILE *before = fopen("streams", "w");
  fputs("0123", before);
  fclose(before);
  errno = E2BIG;
  FILE *stream = fopen("streams", mode);
  printf("%s: errno %d\n", mode, errno);
  if (stream == NULL) {
    return;
  }
  const int fd = fileno(stream);
  printf("  flags %x %d, at %ld\n", fcntl(fd, F_GETFL), fcntl(fd, F_GETFD),
         ftell(stream));
  printf("  read %d", fgets(text, 3, stream) != NULL);
  printf(" %s, at %ld\n", text, ftell(stream));
  clearerr(stream);
  fseek(stream, 1, SEEK_SET);
  printf("  written %d, at %ld\n", fputs("ab", stream) >= 0, ftell(stream));
  printf("  closed %d\n", fclose(stream));
  show_file();
}

int show_streams(void) {
  static const char *const modes[] = {
      "r",
      "w",
      "a",
      "r+",
      "w+",
      "a+",
      "rb",
      "re",
      "we",
      "ae",
      "r+e",
      "w+e",
      "a+e",
      "ab+e",
      "wxe",
      "rxe",
      "rme",
      "rce",
      "qe",
      "",
      "e",
      "rze",
      "wbbe",
      "rbbbbbbe",
      "rbbbbbe+",
      "r,ccs=UTF-8e",
      "re,ccs=UTF-8",
  };
  for (size_t each = 0; each < sizeof(modes) / sizeof(modes[0]); ++each) {
    show_stream(modes[each]);
  }
  return 0;
}
