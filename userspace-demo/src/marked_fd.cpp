// SPDX-License-Identifier: MIT
#include "clofork/marked_fd.h"

#include "close_on_fork.h"
#include "make_marked.h"

#include <cerrno>
#include <fcntl.h>

namespace clofork {

result<fork_mark> mark(int fd) noexcept {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC | FD_CLOFORK) == 0) {
    const int flags = fcntl(fd, F_GETFD); // an older kernel ignores the bit
    const bool marked = flags != -1 && (flags & FD_CLOFORK) != 0;
    return marked ? fork_mark::late : fork_mark::none;
  }
  // A filter may refuse the bit, and only the bit.
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
    return last_error("fcntl(F_SETFD)");
  }
  return fork_mark::none;
}

result<void> unmark(int fd) noexcept {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
    return last_error("fcntl(F_SETFD)");
  }
  return {};
}

fork_mark settle_mark(int fd, bool born) noexcept {
  if (born) {
    return fork_mark::born;
  }
  const auto known = features();
  if (known && !known->setfd) {
    return fork_mark::none;
  }
  const auto late = mark(fd);
  return late ? *late : fork_mark::none;
}

} // namespace clofork
