// SPDX-License-Identifier: MIT
#pragma once

#include "race.h"
#include "strategies_options.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace clofork::demo {

/// One strategy, with the storm or without.
struct measurement {
  const named_strategy *cure;
  bool storm;
  bool absent = false; ///< the kernel does not have what it takes
  race_result result = {};
  std::chrono::nanoseconds p99{0}; ///< of the rounds without ETXTBSY
  std::chrono::nanoseconds longest_close{0};
  std::uint64_t foreign_forks = 0;
};

/// Takes it in the directory, which is empty again afterwards unless it fails.
/// Main thread only.
measurement measure(const named_strategy &cure, bool storm,
                    const strategies_options &opts,
                    const std::string &directory, termination_signals &signals,
                    const race::progress &report);

/// The smallest time that is not exceeded in the share of the times, from 0 to
/// 1; zero of none.
std::chrono::nanoseconds quantile(std::vector<std::chrono::nanoseconds> times,
                                  double share);

} // namespace clofork::demo
