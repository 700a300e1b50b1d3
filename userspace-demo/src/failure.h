// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/error.h"

namespace clofork {

/// The error of a stage with an errno that is at hand.
inline error failure(const char *stage, int code) noexcept {
  return {stage, {code, std::system_category()}};
}

} // namespace clofork
