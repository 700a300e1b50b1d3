// SPDX-License-Identifier: MIT
#include "console.h"
#include "scratch_directory.h"
#include "strategies_report.h"

#include <csignal>
#include <sys/resource.h>

namespace {

using namespace clofork;
using namespace clofork::demo;

constexpr const char *name = "strategies";
constexpr int failed_status = 4;

/// The program has few descriptors itself; the limit is what close-above is
/// measured against.
result<void> limit_descriptors(unsigned count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? result<void>()
                                               : last_error("setrlimit");
}

/// Adds it, and returns whether to go on.
bool take(const named_strategy &cure, bool storm, strategies_report &about,
          termination_signals &signals) {
  if (cure.interface != nullptr && !((*about.where.honoured).*cure.interface)) {
    about.taken.push_back({.cure = &cure, .storm = storm, .absent = true});
    return true;
  }
  const auto scratch = scratch_directory::create(about.where.directory);
  if (!scratch) {
    about.failure = scratch.error();
    return false;
  }
  const progress_line progress;
  const auto title = std::string(cure.name) + (storm ? ", storm: " : ": ");
  about.taken.push_back(
      measure(cure, storm, about.settings, scratch->path(), signals,
              [&](std::uint64_t rounds, std::uint64_t failures) {
                progress.show(title + std::to_string(rounds) + " rounds, " +
                              std::to_string(failures) + " ETXTBSY");
              }));
  const auto &result = about.taken.back().result;
  about.failure = result.failure;
  about.signal = result.signal;
  return !about.failure && !about.signal;
}

void take_all(strategies_report &about, termination_signals &signals) {
  for (const auto *cure : about.settings.chosen) {
    for (const bool with_storm : {false, true}) {
      const auto unwanted = with_storm ? storm::off : storm::on;
      if (about.settings.storms != unwanted &&
          !take(*cure, with_storm, about, signals)) {
        return;
      }
    }
  }
}

int run(const strategies_options &opts) {
  // Started with SIGCHLD ignored, the children could not be waited for.
  std::signal(SIGCHLD, SIG_DFL);
  termination_signals signals;

  strategies_report about{.settings = opts,
                          .where = surroundings::look(opts.directory)};
  if (const auto limited = limit_descriptors(opts.open_max); !limited) {
    about.failure = limited.error();
  }
  if (!about.failure) {
    take_all(about, signals);
  }
  if (about.failure) {
    complain(name,
             "in " + about.where.directory + ": " + about.failure->message());
  }
  const bool printed =
      print(name, opts.json ? to_json(about) : table_of(about));
  if (about.signal) {
    termination_signals::die_of(*about.signal);
  }
  return printed && !about.failure ? 0 : failed_status;
}

} // namespace

int main(int argc, char **argv) {
  return guarded(name, failed_status, [&] {
    const auto parsed = parse_strategies(argc, argv);
    if (const auto *wrong = std::get_if<usage_error>(&parsed)) {
      complain(name, wrong->message + "\nTry strategies --help.");
      return usage_status;
    }
    const auto &opts = std::get<strategies_options>(parsed);
    if (opts.help) {
      return print(name, strategies_usage()) ? 0 : failed_status;
    }
    return run(opts);
  });
}
