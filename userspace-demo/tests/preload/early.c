// SPDX-License-Identifier: MIT
// A library that the program needs: its constructor runs before that of a
// preloaded one.
#include <fcntl.h>

int early_descriptor = -1;

__attribute__((constructor)) static void open_early(void) {
  early_descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
}
