// SPDX-License-Identifier: MIT
#include "close_all.h"

#include <array>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clofork::demo {
namespace {

/// The number that a name consists of; -1 for "." and "..".
int number_of(const char *name) noexcept {
  int number = -1;
  for (; *name >= '0' && *name <= '9'; ++name) {
    number = 10 * (number == -1 ? 0 : number) + (*name - '0');
  }
  return number;
}

} // namespace

void close_from(int first) noexcept {
  syscall(SYS_close_range, first, UINT_MAX, 0);
}

std::function<void()> close_above(int first) {
  return [first, limit = sysconf(_SC_OPEN_MAX)] {
    for (int number = first; number < limit; ++number) {
      close(number);
    }
  };
}

void close_listed() noexcept {
  // Not opendir(), which allocates: another thread may have held that lock.
  const int directory =
      open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(dirent64) std::array<char, 4096> block;
  long filled = 0;
  while ((filled = syscall(SYS_getdents64, directory, block.data(),
                           block.size())) > 0) {
    for (long at = 0; at < filled;) {
      const auto *entry = reinterpret_cast<const dirent64 *>(&block[at]);
      const int number = number_of(static_cast<const char *>(entry->d_name));
      if (number > STDERR_FILENO && number != directory) {
        close(number);
      }
      at += entry->d_reclen;
    }
  }
  close(directory);
}

} // namespace clofork::demo
