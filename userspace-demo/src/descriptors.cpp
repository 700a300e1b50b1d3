// SPDX-License-Identifier: MIT
#include "clofork/descriptors.h"

#include "make_marked.h"
#include "raw_open.h"

#include <array>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "close_on_fork.h" // after the headers whose names it completes

namespace clofork {

result<marked_fd> openat(int directory, const char *path, int flags,
                         mode_t mode) noexcept {
  return make_marked("openat", &feature_set::open, [&](bool marked) {
    return raw_openat(directory, path, flags | (marked ? O_CLOFORK : 0), mode);
  });
}

result<marked_fd> open(const char *path, int flags, mode_t mode) noexcept {
  return openat(AT_FDCWD, path, flags, mode);
}

result<marked_fd> openat2(int directory, const char *path,
                          const ::open_how &how) noexcept {
  return make_marked("openat2", &feature_set::openat2, [&](bool marked) {
    ::open_how with = how;
    with.flags |= O_CLOEXEC | (marked ? O_CLOFORK : 0);
    return syscall(SYS_openat2, directory, path, &with, sizeof(with));
  });
}

result<pipe_ends> pipe(int flags) noexcept {
  const bool marked = honours(&feature_set::pipe2);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), flags | O_CLOEXEC | (marked ? O_CLOFORK : 0)) == -1) {
    return last_error("pipe2");
  }
  return pipe_ends{{unique_fd(ends[0]), settle_mark(ends[0], marked)},
                   {unique_fd(ends[1]), settle_mark(ends[1], marked)}};
}

result<marked_fd> dup(int fd, int at_least) noexcept {
  auto copy =
      make_marked("fcntl(F_DUPFD)", &feature_set::dupfd, [&](bool marked) {
        return fcntl(fd, marked ? F_DUPFD_CLOFORK : F_DUPFD_CLOEXEC, at_least);
      });
  if (copy && copy->mark == fork_mark::born) {
    // F_DUPFD_CLOFORK leaves close-on-exec off.
    if (fcntl(copy->fd.get(), F_SETFD, FD_CLOEXEC | FD_CLOFORK) == -1) {
      return last_error("fcntl(F_SETFD)");
    }
  }
  return copy;
}

result<marked_fd> memfd(const char *name, unsigned flags) noexcept {
  return make_marked(
      "memfd_create", &feature_set::memfd_create, [&](bool marked) {
        return memfd_create(name,
                            flags | MFD_CLOEXEC | (marked ? MFD_CLOFORK : 0));
      });
}

result<marked_fd> eventfd(unsigned initial, int flags) noexcept {
  return make_marked("eventfd2", &feature_set::eventfd2, [&](bool marked) {
    return ::eventfd(initial, flags | EFD_CLOEXEC | (marked ? EFD_CLOFORK : 0));
  });
}

result<marked_fd> epoll() noexcept {
  return make_marked(
      "epoll_create1", &feature_set::epoll_create1, [](bool marked) {
        return epoll_create1(EPOLL_CLOEXEC | (marked ? EPOLL_CLOFORK : 0));
      });
}

result<marked_fd> timerfd(clockid_t clock, int flags) noexcept {
  return make_marked(
      "timerfd_create", &feature_set::timerfd_create, [&](bool marked) {
        return timerfd_create(clock,
                              flags | TFD_CLOEXEC | (marked ? TFD_CLOFORK : 0));
      });
}

} // namespace clofork
