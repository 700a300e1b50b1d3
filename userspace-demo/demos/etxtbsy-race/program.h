// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace clofork::etxtbsy_race {

enum class program { static_elf, script };

/// The bytes of a program that exits with 0 at once.
[[nodiscard]] std::string_view image_of(program which) noexcept;

} // namespace clofork::etxtbsy_race
