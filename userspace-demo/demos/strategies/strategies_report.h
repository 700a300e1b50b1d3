// SPDX-License-Identifier: MIT
#pragma once

#include "measurement.h"
#include "surroundings.h"

#include <optional>
#include <string>
#include <vector>

namespace clofork::demo {

struct strategies_report {
  strategies_options settings;
  surroundings where;
  std::vector<measurement> taken = {};
  std::optional<error> failure = where.failure;
  std::optional<int> signal = {}; ///< that ended the run
};

/// A table, a line for each measurement.
[[nodiscard]] std::string table_of(const strategies_report &about);

/// All of it as one JSON object.
[[nodiscard]] std::string to_json(const strategies_report &about);

} // namespace clofork::demo
