// SPDX-License-Identifier: MIT
#include "race.h"

#include "run_program.h"

#include <thread>
#include <vector>

namespace clofork::demo {

void race::work(std::atomic<int> &exec_errno) noexcept {
  while (!stop_) {
    const auto number = next_++;
    if (number >= limits_.rounds) {
      break;
    }
    const auto lost = game_.play(number, exec_errno);
    if (!lost) {
      fail(lost.error());
      break;
    }
    lost_ += *lost ? 1 : 0;
    ++rounds_;
  }
  if (--working_ == 0) {
    signals_.wake();
  }
}

/// The first failure counts: it may be the cause of those that follow.
void race::fail(error failure) {
  stop_ = true;
  const std::lock_guard locked(failure_lock_);
  if (!failure_) {
    failure_ = failure;
  }
}

void race::supervise(clock::time_point start, const progress &report) {
  using namespace std::chrono_literals;
  while (working_ > 0) {
    if (const auto signal = signals_.wait(200ms)) {
      signal_ = signal;
      stop_ = true;
    }
    if (clock::now() - start >= limits_.time) {
      stop_ = true;
    }
    report(rounds_, lost_);
  }
}

race_result race::run(const progress &report) {
  auto exec_errnos = exec_errors::create(limits_.threads);
  if (!exec_errnos) {
    return {.failure = exec_errnos.error()};
  }
  const auto start = clock::now();
  {
    std::vector<std::jthread> threads;
    threads.reserve(limits_.threads);
    for (unsigned index = 0; index < limits_.threads && !stop_; ++index) {
      ++working_;
      try {
        threads.emplace_back(
            [this, &slot = (*exec_errnos)[index]] { work(slot); });
      } catch (const std::system_error &failed) {
        --working_;
        fail({"pthread_create", failed.code()});
      }
    }
    supervise(start, report);
  }
  const std::chrono::duration<double> took = clock::now() - start;
  return {.rounds = rounds_,
          .lost = lost_,
          .seconds = took.count(),
          .failure = failure_,
          .signal = signal_};
}

} // namespace clofork::demo
