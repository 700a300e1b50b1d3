// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"
#include "clofork/unique_fd.h"

#include <string>
#include <string_view>

namespace clofork::demo {

enum class program { static_elf, script };

/// The bytes of a program that exits with 0 at once.
[[nodiscard]] std::string_view image_of(program which) noexcept;

/// Writes a new executable through a descriptor that is close-on-exec, and
/// what else the flags of open(2) say; the caller closes it. Errors: those of
/// open(2) and write(2).
result<unique_fd> write_program(const char *path, std::string_view image,
                                int flags = 0) noexcept;

/// Writes the static one with the library's executable_file. Errors: its.
result<void> publish_program(const std::string &path);

} // namespace clofork::demo
