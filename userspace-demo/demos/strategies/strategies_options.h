// SPDX-License-Identifier: MIT
#pragma once

#include "command_line.h"
#include "strategy.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace clofork::demo {

/// Whether threads of other code fork meanwhile.
enum class storm { off, on, both };

struct strategies_options {
  std::vector<const named_strategy *> chosen; ///< in the order asked for
  storm storms = storm::both;
  unsigned threads = 8;
  unsigned storm_threads = 2;
  std::uint64_t rounds = 1000; ///< of each measurement
  unsigned seconds = 60;       ///< after which a measurement ends as well
  unsigned open_max = 1024;    ///< the limit of descriptors, RLIMIT_NOFILE
  std::string directory = {};  ///< empty: a tmpfs is looked for
  bool json = false;
  bool help = false;
};

/// Reads the command line. Not thread-safe: getopt_long(3) keeps its position
/// in globals.
[[nodiscard]] std::variant<strategies_options, usage_error>
parse_strategies(int argc, char **argv);

/// The text of --help.
[[nodiscard]] std::string strategies_usage();

} // namespace clofork::demo
