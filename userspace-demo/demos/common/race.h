// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"
#include "signals.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace clofork::demo {

/// What the threads of a race do, again and again.
class game {
public:
  game() = default;
  virtual ~game() = default;
  game(const game &) = delete;
  game &operator=(const game &) = delete;

  /// One round, true when it was lost. Called from many threads, each with its
  /// own exec_errno, and with each number from 0 on once.
  virtual result<bool> play(std::uint64_t number,
                            std::atomic<int> &exec_errno) = 0;
};

struct race_limits {
  unsigned threads;
  std::uint64_t rounds;           ///< of all threads together
  std::chrono::nanoseconds time = ///< after which no round begins
      std::chrono::nanoseconds::max();
};

struct race_result {
  std::uint64_t rounds = 0; ///< that came to an end
  std::uint64_t lost = 0;   ///< of these
  double seconds = 0;
  std::optional<error> failure = std::nullopt; ///< what stopped the run early
  std::optional<int> signal = std::nullopt;    ///< the signal that stopped it
};

/// One run: its threads take rounds from a common number until none is left,
/// the time is over, one of them fails, or a signal comes.
class race {
public:
  /// Called every 200 ms with the rounds so far, and the lost ones.
  using progress = std::function<void(std::uint64_t, std::uint64_t)>;

  race(const race_limits &limits, game &played, termination_signals &signals)
      : limits_(limits), game_(played), signals_(signals) {}

  /// Once, in the main thread. No thread of it is left when it returns.
  [[nodiscard]] race_result run(const progress &report);

private:
  using clock = std::chrono::steady_clock;

  void work(std::atomic<int> &exec_errno) noexcept;
  void supervise(clock::time_point start, const progress &report);
  void fail(error failure);

  const race_limits limits_;
  game &game_;
  termination_signals &signals_;

  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> rounds_ = 0;
  std::atomic<std::uint64_t> lost_ = 0;
  std::atomic<unsigned> working_ = 0;
  std::atomic<bool> stop_ = false;
  std::optional<int> signal_;
  std::mutex failure_lock_;
  std::optional<error> failure_;
};

} // namespace clofork::demo
