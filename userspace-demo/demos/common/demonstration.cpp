// SPDX-License-Identifier: MIT
#include "demonstration.h"

#include "console.h"
#include "report.h"
#include "scratch_directory.h"

#include <csignal>

namespace clofork::demo {
namespace {

void play_in(const std::string &directory, report &about,
             termination_signals &signals) {
  const auto made = about.what.make(about.settings, directory);
  if (!made) {
    about.result.failure = made.error();
    return;
  }
  game &played = **made;
  const progress_line progress;
  about.result =
      race({about.settings.threads, about.settings.rounds}, played, signals)
          .run([&](std::uint64_t rounds, std::uint64_t lost) {
            progress.show(std::to_string(rounds) + " of " +
                          std::to_string(about.settings.rounds) + " rounds, " +
                          std::to_string(lost) + ' ' + about.what.event);
          });
  if (const auto *counted = dynamic_cast<const counted_game *>(&played)) {
    about.count = counted->count();
  }
}

void play_in_scratch(report &about, termination_signals &signals) {
  const auto scratch = scratch_directory::create(about.where.directory);
  if (!scratch) {
    about.result.failure = scratch.error();
    return;
  }
  play_in(scratch->path(), about, signals);
}

/// Why there is no verdict, on stderr.
void explain(const report &about) {
  if (about.result.failure) {
    complain(about.what.name, "in " + about.where.directory + ": " +
                                  about.result.failure->message());
  } else if (about.ended() == outcome::absent) {
    complain(about.what.name, "--descriptors clofork needs a kernel that "
                              "honours O_CLOFORK");
  }
}

int run(const demonstration &what, const options &opts) {
  // Started with SIGCHLD ignored, the children could not be waited for.
  std::signal(SIGCHLD, SIG_DFL);
  termination_signals signals;

  report about{.what = what,
               .settings = opts,
               .where = surroundings::look(opts.directory)};
  bool printed = opts.json || print(what.name, kernel_line(about));
  if (about.ended() == outcome::clean) {
    play_in_scratch(about, signals);
  }
  explain(about);
  if (opts.json) {
    printed = print(what.name, to_json(about));
  } else if (about.result.rounds > 0) {
    printed = print(what.name, summary(about)) && printed;
  }
  if (about.result.signal) {
    termination_signals::die_of(*about.result.signal);
  }
  return static_cast<int>(printed ? about.ended() : outcome::failed);
}

} // namespace

int play(const demonstration &what, int argc, char **argv) {
  constexpr int failed = static_cast<int>(outcome::failed);
  return guarded(what.name, failed, [&] {
    const auto parsed = parse(argc, argv);
    if (const auto *wrong = std::get_if<usage_error>(&parsed)) {
      complain(what.name, wrong->message + "\nTry " + what.name + " --help.");
      return usage_status;
    }
    const auto &opts = std::get<options>(parsed);
    if (opts.help) {
      const auto text = "Usage: " + std::string(what.name) + " [OPTION]...\n" +
                        what.about + std::string(usage());
      return print(what.name, text) ? 0 : failed;
    }
    return run(what, opts);
  });
}

} // namespace clofork::demo
