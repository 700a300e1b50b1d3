// SPDX-License-Identifier: MIT
#pragma once

#include "demonstration.h"
#include "surroundings.h"

#include <optional>
#include <string>
#include <utility>

namespace clofork::demo {

/// How a run ended; the values are the exit statuses.
enum class outcome { clean = 0, race = 1, absent = 3, failed = 4 };

/// Everything that is known when the run is over.
struct report {
  const demonstration &what;
  options settings;
  surroundings where;
  race_result result = {.failure = where.failure};
  std::optional<std::pair<const char *, std::uint64_t>> count = {};

  [[nodiscard]] bool honoured() const noexcept;
  [[nodiscard]] outcome ended() const noexcept;
};

/// One line: whether the kernel honours close-on-fork.
[[nodiscard]] std::string kernel_line(const report &about);

/// The lines that follow it for a reader.
[[nodiscard]] std::string summary(const report &about);

/// All of it as one JSON object.
[[nodiscard]] std::string to_json(const report &about);

} // namespace clofork::demo
