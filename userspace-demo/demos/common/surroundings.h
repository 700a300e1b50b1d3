// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace clofork::demo {

using json = nlohmann::ordered_json;

/// Where a demonstration runs.
struct surroundings {
  std::string directory; ///< a tmpfs unless another was asked for
  std::string filesystem;
  std::string kernel;                  ///< the release, as of uname(2)
  std::optional<feature_set> honoured; ///< none when the kernel did not say
  std::optional<error> failure;        ///< why it did not

  /// directory: as asked for, or empty.
  static surroundings look(const std::string &directory);
};

[[nodiscard]] json kernel_of(const surroundings &where);

/// The stage, errno and message; null for none.
[[nodiscard]] json error_of(const std::optional<error> &failure);

/// The number, or null.
[[nodiscard]] json signal_of(const std::optional<int> &signal);

/// As text: file names need not be UTF-8, JSON must be.
[[nodiscard]] std::string text_of(const json &all);

} // namespace clofork::demo
