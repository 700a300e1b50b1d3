// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/error.h"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace clofork::demo {

/// Threads that fork as fast as they can, each child ending at once, until the
/// object ends: as a library does that no strategy knows of.
class fork_storm {
public:
  /// Throws std::system_error where no thread can be had.
  explicit fork_storm(unsigned threads);
  fork_storm(const fork_storm &) = delete;
  fork_storm &operator=(const fork_storm &) = delete;
  ~fork_storm() { stop(); }

  /// When it returns, every child has been waited for.
  void stop();

  [[nodiscard]] std::uint64_t forks() const noexcept { return forks_; }

  /// Why a thread gave up, after stop().
  [[nodiscard]] const std::optional<error> &failure() const noexcept {
    return failure_;
  }

private:
  void fork_until_stopped();

  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> forks_ = 0;
  std::mutex failure_lock_;
  std::optional<error> failure_;
  std::vector<std::jthread> threads_; ///< last: they use the others
};

} // namespace clofork::demo
