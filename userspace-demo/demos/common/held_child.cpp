// SPDX-License-Identifier: MIT
#include "held_child.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace clofork::demo {
namespace {

/// Not a pipe: the child of another thread may have its writing end, and wait
/// for one that this child has.
[[noreturn]] void wait_in_child(int wake, pid_t parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(1); // it was gone before that
  }
  std::uint64_t count = 0;
  while (read(wake, &count, sizeof(count)) == -1 && errno == EINTR) {
  }
  _exit(0);
}

} // namespace

result<held_child> held_child::start(bool wanted) noexcept {
  if (!wanted) {
    return held_child(0, unique_fd());
  }
  unique_fd wake(eventfd(0, EFD_CLOEXEC));
  if (!wake) {
    return last_error("eventfd");
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    wait_in_child(wake.get(), parent);
  }
  return child > 0 ? result<held_child>(held_child(child, std::move(wake)))
                   : last_error("fork");
}

held_child::held_child(held_child &&other) noexcept
    : child_(std::exchange(other.child_, 0)), wake_(std::move(other.wake_)) {}

void held_child::end() noexcept {
  if (child_ == 0) {
    return;
  }
  const std::uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof(one)) == -1) {
    kill(child_, SIGKILL); // it would wait for ever
  }
  while (waitpid(child_, nullptr, 0) == -1 && errno == EINTR) {
  }
  child_ = 0;
}

} // namespace clofork::demo
