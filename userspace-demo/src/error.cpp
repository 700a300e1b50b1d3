// SPDX-License-Identifier: MIT
#include "clofork/error.h"

#include <cerrno>

namespace clofork {

std::string error::message() const {
  if (!code) {
    return stage;
  }
  return std::string(stage) + ": " + code.message() + " (errno " +
         std::to_string(code.value()) + ")";
}

error last_error(const char *stage) noexcept {
  return {stage, {errno, std::system_category()}};
}

} // namespace clofork
