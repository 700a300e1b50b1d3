// SPDX-License-Identifier: MIT
#include "signals.h"

#include <cstdlib>

namespace clofork::demo {
namespace {

constexpr int wake_signal = SIGUSR1;

bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 &&
         action.sa_handler == SIG_IGN;
}

} // namespace

termination_signals::termination_signals() noexcept {
  sigemptyset(&set_);
  sigaddset(&set_, wake_signal);
  for (const int each : {SIGHUP, SIGINT, SIGTERM}) {
    if (!is_ignored(each)) {
      sigaddset(&set_, each);
    }
  }
  pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

std::optional<int>
termination_signals::wait(std::chrono::milliseconds time) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
  const timespec timeout{.tv_sec = seconds.count(),
                         .tv_nsec =
                             std::chrono::nanoseconds(time - seconds).count()};
  const int got = sigtimedwait(&set_, nullptr, &timeout);
  if (got == -1 || got == wake_signal) {
    return std::nullopt;
  }
  return got;
}

void termination_signals::wake() noexcept {
  pthread_kill(main_, wake_signal);
}

void termination_signals::die_of(int signal) noexcept {
  std::signal(signal, SIG_DFL);
  sigset_t only{};
  sigemptyset(&only);
  sigaddset(&only, signal);
  pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  raise(signal);
  std::abort(); // not reached: the default action of each is to end
}

} // namespace clofork::demo
