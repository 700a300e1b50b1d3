// SPDX-License-Identifier: MIT
#include "options.h"

#include <array>
#include <charconv>
#include <getopt.h>
#include <system_error>

namespace clofork::etxtbsy_race {
namespace {

template <class T>
struct choice {
  std::string_view name;
  T value;
};

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

constexpr unsigned max_threads = 1000;
constexpr std::uint64_t max_rounds = 1'000'000'000;

constexpr std::array<option, 9> long_options{{
    {"threads", required_argument, nullptr, 't'},
    {"rounds", required_argument, nullptr, 'r'},
    {"descriptors", required_argument, nullptr, 'd'},
    {"program", required_argument, nullptr, 'p'},
    {"spawn", required_argument, nullptr, 's'},
    {"directory", required_argument, nullptr, 'D'},
    {"json", no_argument, nullptr, 'j'},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
}};

template <class T, std::size_t N>
std::string_view find_name(const std::array<choice<T>, N> &choices, T value) {
  for (const auto &each : choices) {
    if (each.value == value) {
      return each.name;
    }
  }
  return "?";
}

/// The two readers below return an empty string, or what is wrong.
template <class T, std::size_t N>
std::string read_choice(const char *option,
                        const std::array<choice<T>, N> &choices,
                        std::string_view text, T &value) {
  std::string names;
  for (const auto &each : choices) {
    if (each.name == text) {
      value = each.value;
      return {};
    }
    names.append(names.empty() ? "" : ", ").append(each.name);
  }
  return std::string(option) + " takes one of " + names + ", not '" +
         std::string(text) + "'";
}

template <class T>
std::string read_number(const char *option, std::string_view text, T max,
                        T &value) {
  T number = 0;
  const char *end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc{} || stop != end || number < 1 || number > max) {
    return std::string(option) + " takes a number from 1 to " +
           std::to_string(max) + ", not '" + std::string(text) + "'";
  }
  value = number;
  return {};
}

std::string read_directory(std::string_view text, std::string &value) {
  if (text.empty()) {
    return "--directory takes the name of a directory, not ''";
  }
  value = text;
  return {};
}

/// Stores one option as getopt_long(3) found it.
std::string store(int found, options &into) {
  const std::string_view text = optarg != nullptr ? optarg : "";
  switch (found) {
  case 't':
    return read_number("--threads", text, max_threads, into.threads);
  case 'r':
    return read_number("--rounds", text, max_rounds, into.rounds);
  case 'd':
    return read_choice("--descriptors", mark_names, text, into.mark);
  case 'p':
    return read_choice("--program", program_names, text, into.executable);
  case 's':
    return read_choice("--spawn", spawn_names, text, into.spawn);
  case 'D':
    return read_directory(text, into.directory);
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
  optind = 0; // glibc and musl start afresh
  opterr = 0;
  int found = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): stated in the interface
  while ((found = getopt_long(argc, argv, "+:h", long_options.data(),
                              nullptr)) != -1) {
    const std::string word = argv[optind - 1];
    if (found == ':') {
      return usage_error{word + " needs a value"};
    }
    if (found == '?') {
      return usage_error{"unknown option or needless value: " + word};
    }
    if (auto wrong = store(found, parsed); !wrong.empty()) {
      return usage_error{std::move(wrong)};
    }
  }
  if (optind < argc) {
    return usage_error{"takes options only, not '" + std::string(argv[optind]) +
                       "'"};
  }
  return parsed;
}

std::string_view usage() noexcept {
  return R"(Usage: etxtbsy-race [OPTION]...
Let threads write a program, close it, and run it at once, each in its own
child. A child of one thread that still holds the open file of another makes
execve fail with ETXTBSY: the race of golang/go#22315.

  --threads N         threads (default 20)
  --rounds N          rounds of all threads together (default 2000)
  --descriptors MARK  write through descriptors that are
                        cloexec  close-on-exec (default)
                        clofork  close-on-exec and close-on-fork
  --program KIND      static   static executable (default)
                      script   shell script
  --spawn METHOD      fork (default), vfork or posix_spawn
  --directory DIR     write below DIR (default: a tmpfs)
  --json              print the result as JSON
  --help              print this text

Exit status: 0 no ETXTBSY, 1 the race happened, 2 wrong usage, 3 clofork asked
for and the kernel does not honour it, 4 the run failed for another reason.
)";
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

} // namespace clofork::etxtbsy_race
