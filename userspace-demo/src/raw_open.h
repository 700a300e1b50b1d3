// SPDX-License-Identifier: MIT
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clofork {

/// openat(2), close-on-exec. Not the C library's: musl's sets close-on-exec
/// once more with F_SETFD, which wipes close-on-fork.
inline int raw_openat(int directory, const char *path, int flags,
                      mode_t mode = 0) noexcept {
  return static_cast<int>(syscall(SYS_openat, directory, path,
                                  flags | O_CLOEXEC | O_LARGEFILE, mode));
}

} // namespace clofork
