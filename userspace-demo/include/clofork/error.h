// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"

#include <string>
#include <string_view>
#include <system_error>

namespace clofork {

/// What failed: the stage, by the name of its system call, and the errno.
struct CLOFORK_EXPORT error {
  /// Never null; a string literal, so that an error can be made anywhere.
  const char *stage = "";
  /// Zero where the stage failed without an errno.
  std::error_code code;

  /// "stage: text (errno N)", or the stage alone without an errno.
  [[nodiscard]] std::string message() const;

  /// By the text of the stage, not by where it lies.
  bool operator==(const error &other) const noexcept {
    return std::string_view(stage) == other.stage && code == other.code;
  }
};

/// The error of a system call that has just failed, from errno.
[[nodiscard]] CLOFORK_EXPORT error last_error(const char *stage) noexcept;

} // namespace clofork
