// SPDX-License-Identifier: MIT
#include "clofork/unique_fd.h"

#include "no_cancellation.h"

#include <cerrno>
#include <unistd.h>

namespace clofork {

void unique_fd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) {
    const no_cancellation held;
    const int saved = errno;
    ::close(old);
    errno = saved;
  }
}

std::error_code unique_fd::close() noexcept {
  const no_cancellation held;
  if (::close(release()) == 0) {
    return {};
  }
  return {errno, std::system_category()};
}

} // namespace clofork
