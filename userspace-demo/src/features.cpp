// SPDX-License-Identifier: MIT
#include "clofork/features.h"

#include "clofork/unique_fd.h"
#include "close_on_fork.h"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <unistd.h>

namespace clofork {
namespace {

/// How a kernel or a seccomp filter answers what it does not have.
bool means_absent(int code) {
  return code == EINVAL || code == EPERM || code == ENOSYS;
}

/// False for an errno that means absence, the error for any other.
result<bool> absent_or_error(const char *stage) {
  if (means_absent(errno)) {
    return false;
  }
  return last_error(stage);
}

/// The success of an interface proves nothing: kernels without close-on-fork
/// ignore the bit in open and F_SETFD. The mark must be there to be read.
result<bool> is_marked(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags == -1) {
    return absent_or_error("fcntl(F_GETFD)");
  }
  return (flags & FD_CLOFORK) != 0;
}

result<bool> probe_setfd(int fd) {
  if (fcntl(fd, F_SETFD, FD_CLOEXEC | FD_CLOFORK) == -1) {
    return absent_or_error("fcntl(F_SETFD)");
  }
  return is_marked(fd);
}

result<bool> probe_dupfd(int fd) {
  const unique_fd copy(fcntl(fd, F_DUPFD_CLOFORK, 0));
  if (!copy) {
    return absent_or_error("fcntl(F_DUPFD_CLOFORK)");
  }
  return is_marked(copy.get());
}

result<bool> probe_open() {
  const unique_fd root(
      open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_CLOFORK));
  if (!root) {
    return absent_or_error("open(/)");
  }
  return is_marked(root.get());
}

} // namespace

result<feature_set> probe_features() noexcept {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) == -1) {
    return last_error("pipe2");
  }
  // dupfd copies the end that setfd leaves alone.
  const unique_fd unmarked(ends[0]);
  const unique_fd other(ends[1]);

  const auto dupfd = probe_dupfd(unmarked.get());
  const auto setfd = probe_setfd(other.get());
  const auto open = probe_open();
  for (const auto *answer : {&dupfd, &setfd, &open}) {
    if (!*answer) {
      return answer->error();
    }
  }
  return feature_set{.setfd = *setfd, .open = *open, .dupfd = *dupfd};
}

result<feature_set> features() noexcept {
  // No lock: threads that come first together ask twice and agree, and a
  // child forked meanwhile cannot inherit a held lock.
  struct answer {
    bool known;
    feature_set set;
  };
  static std::atomic<std::uint32_t> cache = 0; // an answer, bit by bit

  const auto kept = std::bit_cast<answer>(cache.load());
  if (kept.known) {
    return kept.set;
  }
  auto fresh = probe_features();
  if (fresh) {
    cache = std::bit_cast<std::uint32_t>(answer{true, *fresh});
  }
  return fresh;
}

} // namespace clofork
