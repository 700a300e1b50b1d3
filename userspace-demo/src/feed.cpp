// SPDX-License-Identifier: MIT
#include "feed.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <pthread.h>
#include <unistd.h>

namespace clofork {
namespace {

/// SIGPIPE of a write is sent to the thread that writes. Held back there and
/// taken off again, it reaches nobody. One that was pending before is left.
class no_sigpipe {
public:
  no_sigpipe() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    sigset_t pending{};
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
  }
  no_sigpipe(const no_sigpipe &) = delete;
  no_sigpipe &operator=(const no_sigpipe &) = delete;
  ~no_sigpipe() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  void take() const noexcept {
    const timespec now{};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &now) == -1 &&
           errno == EINTR) {
    }
  }

private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

} // namespace

ssize_t feed(int fd, std::string_view bytes) noexcept {
  const no_sigpipe held;
  const ssize_t done = write(fd, bytes.data(), bytes.size());
  if (done != -1) {
    return done;
  }
  const int code = errno;
  if (code == EPIPE) {
    held.take();
  }
  return -code;
}

} // namespace clofork
