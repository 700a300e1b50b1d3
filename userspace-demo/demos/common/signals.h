// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <pthread.h>

namespace clofork::demo {

/// Holds back SIGHUP, SIGINT and SIGTERM, as far as the program was not
/// started with them ignored, so that a run ends between rounds with its
/// children waited for and its files removed. To be made in the main thread
/// before any other thread. Children run with the signals blocked: they end
/// by themselves at once, and a Ctrl-C to the whole process group must not
/// look like a program that failed.
class termination_signals {
public:
  termination_signals() noexcept;

  /// Waits for one of the signals, for wake() or for the time to pass. The
  /// signal, or none. Main thread only.
  [[nodiscard]] std::optional<int>
  wait(std::chrono::milliseconds time) noexcept;

  /// Ends a wait(), or the next one. Any thread.
  void wake() noexcept;

  /// Dies of the signal, as the program that sent it expects.
  [[noreturn]] static void die_of(int signal) noexcept;

private:
  pthread_t main_ = pthread_self();
  sigset_t set_{};
};

} // namespace clofork::demo
