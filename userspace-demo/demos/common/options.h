// SPDX-License-Identifier: MIT
#pragma once

#include "command_line.h"
#include "program.h"
#include "run_program.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace clofork::demo {

/// The mark of the descriptors that must not be in another's child:
/// close-on-exec alone, or close-on-fork with it.
enum class descriptors { cloexec, clofork };

/// What open(2) and pipe2(2) are given for it, beside O_CLOEXEC.
[[nodiscard]] int open_flag_of(descriptors mark) noexcept;

/// The options of the three races.
struct options {
  unsigned threads = 20;
  std::uint64_t rounds = 2000; ///< of all threads together
  descriptors mark = descriptors::cloexec;
  program executable = program::static_elf;
  spawn_method spawn = spawn_method::fork;
  std::string directory = {}; ///< empty: a tmpfs is looked for
  bool certain = false;       ///< another's child comes at the worst moment
  bool json = false;
  bool help = false;
};

/// Reads the command line. Not thread-safe: getopt_long(3) keeps its position
/// in globals.
[[nodiscard]] std::variant<options, usage_error> parse(int argc, char **argv);

/// The part of --help that is the same for each race.
[[nodiscard]] std::string_view usage() noexcept;

/// The names that parse() reads.
[[nodiscard]] std::string_view name_of(descriptors value) noexcept;
[[nodiscard]] std::string_view name_of(program value) noexcept;
[[nodiscard]] std::string_view name_of(spawn_method value) noexcept;

} // namespace clofork::demo
