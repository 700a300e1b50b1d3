// SPDX-License-Identifier: MIT
#include "strategies_options.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace clofork::demo {
namespace {

constexpr std::array storm_names{
    choice<storm>{"off", storm::off},
    choice<storm>{"on", storm::on},
    choice<storm>{"both", storm::both},
};

constexpr std::array<option, 11> long_options{{
    {"cures", required_argument, nullptr, 'c'},
    {"storm", required_argument, nullptr, 'S'},
    {"threads", required_argument, nullptr, 't'},
    {"storm-threads", required_argument, nullptr, 'T'},
    {"rounds", required_argument, nullptr, 'r'},
    {"seconds", required_argument, nullptr, 's'},
    {"open-max", required_argument, nullptr, 'o'},
    {"directory", required_argument, nullptr, 'D'},
    {"json", no_argument, nullptr, 'j'},
    {"help", no_argument, nullptr, 'h'},
    {nullptr, 0, nullptr, 0},
}};

std::string names() {
  std::string all;
  for (const auto &each : all_strategies()) {
    all.append(all.empty() ? "" : ", ").append(each.name);
  }
  return all;
}

/// Names with commas between.
std::string read_cures(std::string_view text,
                       std::vector<const named_strategy *> &chosen) {
  chosen.clear();
  for (std::size_t at = 0; at <= text.size();) {
    const auto comma = std::min(text.find(',', at), text.size());
    const auto name = text.substr(at, comma - at);
    const auto &all = all_strategies();
    const auto *found =
        std::find_if(all.begin(), all.end(), [&](const named_strategy &each) {
          return each.name == name;
        });
    if (found == all.end()) {
      return "--cures takes some of " + names() + ", not '" +
             std::string(name) + "'";
    }
    if (std::find(chosen.begin(), chosen.end(), found) != chosen.end()) {
      return "--cures takes each name once, not '" + std::string(name) +
             "' again";
    }
    chosen.push_back(found);
    at = comma + 1;
  }
  return {};
}

std::string store(int found, std::string_view text, strategies_options &into) {
  switch (found) {
  case 'c':
    return read_cures(text, into.chosen);
  case 'S':
    return read_choice("--storm", storm_names, text, into.storms);
  case 't':
    return read_number("--threads", text, 1U, max_threads, into.threads);
  case 'T':
    return read_number("--storm-threads", text, 1U, max_threads,
                       into.storm_threads);
  case 'r': // a latency is kept for each
    return read_number<std::uint64_t>("--rounds", text, 1, 10'000'000,
                                      into.rounds);
  case 's':
    return read_number("--seconds", text, 1U, 86'400U, into.seconds);
  case 'o':
    return read_number("--open-max", text, 64U, 1U << 20U, into.open_max);
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

std::variant<strategies_options, usage_error> parse_strategies(int argc,
                                                               char **argv) {
  strategies_options parsed;
  for (const auto &each : all_strategies()) {
    parsed.chosen.push_back(&each);
  }
  if (auto wrong = read_command_line(argc, argv, long_options.data(),
                                     [&](int found, std::string_view text) {
                                       return store(found, text, parsed);
                                     })) {
    return std::move(*wrong);
  }
  return parsed;
}

std::string strategies_usage() {
  std::ostringstream text;
  text << R"(Usage: strategies [OPTION]...
Let threads write a program, close it, and run it at once, under each cure for
the ETXTBSY of golang/go#22315: how often it fails all the same, how fast it is,
and how long it holds up a close() in a thread that has nothing to do with it.

  --cures NAME,...    some of these (default: all)
)";
  for (const auto &each : all_strategies()) {
    text << "                        " << each.name
         << std::string(13 - each.name.size(), ' ') << each.words << '\n';
  }
  text
      << R"(  --storm WHEN        threads that fork, as another library may, which no cure
                      knows of: off, on, or both in turn (default)
  --threads N         threads that write and run (default 8)
  --storm-threads N   threads of the storm (default 2)
  --rounds N          rounds of each measurement (default 1000)
  --seconds N         time after which one ends as well (default 60)
  --open-max N        limit of descriptors (default 1024)
  --directory DIR     write below DIR (default: a tmpfs)
  --json              print the result as JSON
  --help              print this text

Exit status: 0 all was measured, or is absent from the kernel; 2 wrong usage;
4 a measurement failed for another reason than ETXTBSY.
)";
  return text.str();
}

} // namespace clofork::demo
