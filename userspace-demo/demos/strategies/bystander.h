// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/error.h"
#include "strategy.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>

namespace clofork::demo {

/// A thread that opens and closes /dev/null, through the close() that the
/// strategy asks of all the program, and keeps the longest time that one took.
/// Where it may, it runs before all other threads (SCHED_FIFO): what it waits
/// for is the strategy then, not the processor.
class bystander {
public:
  explicit bystander(strategy &cure)
      : cure_(cure),
        thread_([this](const std::stop_token &stopped) { watch(stopped); }) {}

  /// Why it gave up before, or none.
  std::optional<error> stop();

  /// After stop().
  [[nodiscard]] std::chrono::nanoseconds longest() const noexcept {
    return longest_;
  }

private:
  void watch(const std::stop_token &stopped);

  strategy &cure_;
  std::chrono::nanoseconds longest_{0};
  std::optional<error> failure_;
  std::jthread thread_; ///< last: it uses the others
};

} // namespace clofork::demo
