// SPDX-License-Identifier: MIT
#include "measurement.h"

#include "bystander.h"
#include "fork_storm.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unistd.h>

namespace clofork::demo {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

class write_and_run : public game {
public:
  write_and_run(strategy &cure, std::uint64_t rounds, std::string directory)
      : cure_(cure), directory_(std::move(directory)), times_(rounds) {}

  result<bool> play(std::uint64_t number,
                    std::atomic<int> &exec_errno) override {
    const auto path = directory_ + '/' + std::to_string(number);
    const auto start = clock::now();
    if (const auto written = cure_.write(path); !written) {
      return written.error();
    }
    auto busy = cure_.run(path, exec_errno);
    if (busy && !*busy) {
      times_[number] = clock::now() - start;
    }
    if (busy && unlink(path.c_str()) == -1) {
      return last_error("unlink");
    }
    return busy;
  }

  /// Of the rounds that were won.
  [[nodiscard]] std::vector<nanoseconds> times() const {
    std::vector<nanoseconds> won = times_;
    std::erase(won, nanoseconds(0));
    return won;
  }

private:
  strategy &cure_;
  const std::string directory_;
  std::vector<nanoseconds> times_; ///< by the number of the round
};

} // namespace

nanoseconds quantile(std::vector<nanoseconds> times, double share) {
  if (times.empty()) {
    return nanoseconds(0);
  }
  const auto rank = static_cast<std::size_t>(
      std::ceil(share * static_cast<double>(times.size())));
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(
                                      std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

measurement measure(const named_strategy &cure, bool storm,
                    const strategies_options &opts,
                    const std::string &directory, termination_signals &signals,
                    const race::progress &report) {
  const auto made = cure.make();
  write_and_run played(*made, opts.rounds, directory);
  measurement taken{.cure = &cure, .storm = storm};
  std::optional<fork_storm> forking;
  if (storm) {
    forking.emplace(opts.storm_threads);
  }
  bystander closing(*made);
  taken.result = race({.threads = opts.threads,
                       .rounds = opts.rounds,
                       .time = std::chrono::seconds(opts.seconds)},
                      played, signals)
                     .run(report);
  auto failure = closing.stop();
  taken.longest_close = closing.longest();
  if (forking) {
    forking->stop();
    taken.foreign_forks = forking->forks();
    failure = failure ? failure : forking->failure();
  }
  if (!taken.result.failure) {
    taken.result.failure = failure;
  }
  taken.p99 = quantile(played.times(), 0.99);
  return taken;
}

} // namespace clofork::demo
