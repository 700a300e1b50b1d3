// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "options.h"
#include "race.h"

#include <string>

namespace clofork::etxtbsy_race {

/// How a run ended; the values are the exit statuses.
enum class outcome { clean = 0, race = 1, absent = 3, failed = 4 };

/// Everything that is known when the run is over.
struct report {
  options settings; ///< directory: the one in use
  std::string filesystem;
  std::string kernel;                  ///< the release, as of uname(2)
  std::optional<feature_set> honoured; ///< none when the kernel did not say
  race_result result;

  [[nodiscard]] outcome ended() const noexcept;
};

/// One line: whether the kernel honours close-on-fork.
[[nodiscard]] std::string kernel_line(const report &about);

/// The lines that follow it for a reader.
[[nodiscard]] std::string summary(const report &about);

/// All of it as one JSON object.
[[nodiscard]] std::string to_json(const report &about);

} // namespace clofork::etxtbsy_race
