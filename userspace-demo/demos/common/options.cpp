// SPDX-License-Identifier: MIT
#include "options.h"

#include <array>
#include <close_on_fork.h>
#include <fcntl.h>

namespace clofork::demo {
namespace {

constexpr std::array mark_names{
    choice<descriptors>{"cloexec", descriptors::cloexec},
    choice<descriptors>{"clofork", descriptors::clofork},
};
constexpr std::array program_names{
    choice<program>{"static", program::static_elf},
    choice<program>{"script", program::script},
};
constexpr std::array spawn_names{
    choice<spawn_method>{"fork", spawn_method::fork},
    choice<spawn_method>{"vfork", spawn_method::vfork},
    choice<spawn_method>{"posix_spawn", spawn_method::posix_spawn},
};

constexpr std::array<option, 10> long_options{{
    {"threads", required_argument, nullptr, 't'},
    {"rounds", required_argument, nullptr, 'r'},
    {"descriptors", required_argument, nullptr, 'd'},
    {"program", required_argument, nullptr, 'p'},
    {"spawn", required_argument, nullptr, 's'},
    {"directory", required_argument, nullptr, 'D'},
    {"certain", no_argument, nullptr, 'c'},
    {"json", no_argument, nullptr, 'j'},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
}};

std::string store(int found, std::string_view text, options &into) {
  switch (found) {
  case 't':
    return read_number("--threads", text, 1U, max_threads, into.threads);
  case 'r':
    return read_number<std::uint64_t>("--rounds", text, 1, max_rounds,
                                      into.rounds);
  case 'd':
    return read_choice("--descriptors", mark_names, text, into.mark);
  case 'p':
    return read_choice("--program", program_names, text, into.executable);
  case 's':
    return read_choice("--spawn", spawn_names, text, into.spawn);
  case 'D':
    return read_directory(text, into.directory);
  case 'c':
    into.certain = true;
    return {};
  case 'j':
    into.json = true;
    return {};
  default:
    into.help = true;
    return {};
  }
}

} // namespace

std::variant<options, usage_error> parse(int argc, char **argv) {
  options parsed;
  if (auto wrong = read_command_line(argc, argv, long_options.data(),
                                     [&](int found, std::string_view text) {
                                       return store(found, text, parsed);
                                     })) {
    return std::move(*wrong);
  }
  return parsed;
}

std::string_view usage() noexcept {
  return R"(
  --threads N         threads (default 20)
  --rounds N          rounds of all threads together (default 2000)
  --descriptors MARK  what another's child must not have is
                        cloexec  close-on-exec (default)
                        clofork  close-on-exec and close-on-fork
  --program KIND      the children run a
                        static   static executable (default)
                        script   shell script
  --spawn METHOD      fork (default), vfork or posix_spawn
  --directory DIR     work below DIR (default: a tmpfs)
  --certain           fork one more child in each round, at the worst moment:
                      the race is lost unless what it must not have is marked
  --json              print the result as JSON
  --help              print this text

Exit status: 0 the race was never lost, 1 it was, 2 wrong usage, 3 clofork asked
for and the kernel does not honour it, 4 the run failed for another reason.
)";
}

int open_flag_of(descriptors mark) noexcept {
  return mark == descriptors::clofork ? O_CLOFORK : 0;
}

std::string_view name_of(descriptors value) noexcept {
  return find_name(mark_names, value);
}

std::string_view name_of(program value) noexcept {
  return find_name(program_names, value);
}

std::string_view name_of(spawn_method value) noexcept {
  return find_name(spawn_names, value);
}

} // namespace clofork::demo
