// SPDX-License-Identifier: MIT
#include "report.h"
#include "scratch_directory.h"

#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/utsname.h>
#include <unistd.h>

namespace {

using namespace clofork;
using namespace clofork::etxtbsy_race;

constexpr int usage_status = 2;

void show_progress(std::uint64_t rounds, std::uint64_t of, std::uint64_t busy) {
  std::fprintf(stderr, "\r%llu of %llu rounds, %llu ETXTBSY",
               static_cast<unsigned long long>(rounds),
               static_cast<unsigned long long>(of),
               static_cast<unsigned long long>(busy));
}

race_result run_in_scratch(const options &opts, termination_signals &signals) {
  const auto scratch = scratch_directory::create(opts.directory);
  if (!scratch) {
    return {.failure = scratch.error()};
  }
  const bool watched = isatty(STDERR_FILENO) != 0;
  race game(opts, scratch->path(), signals);
  auto result = game.run([&](std::uint64_t rounds, std::uint64_t busy) {
    if (watched) {
      show_progress(rounds, opts.rounds, busy);
    }
  });
  if (watched) {
    std::fputs("\r\033[K", stderr);
  }
  return result;
}

/// False, with a word on stderr, when the text did not get out.
bool print(const std::string &text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) {
    return true;
  }
  std::perror("etxtbsy-race: writing the result");
  return false;
}

/// Why there is no verdict, on stderr.
void explain(const report &about) {
  if (about.result.failure) {
    std::fprintf(stderr, "etxtbsy-race: in %s: %s\n",
                 about.settings.directory.c_str(),
                 about.result.failure->message().c_str());
  } else if (about.ended() == outcome::absent) {
    std::fputs("etxtbsy-race: --descriptors clofork needs a kernel that "
               "honours O_CLOFORK\n",
               stderr);
  }
}

int run(const options &opts) {
  // Started with SIGCHLD ignored, the children could not be waited for.
  std::signal(SIGCHLD, SIG_DFL);
  termination_signals signals;

  report about;
  about.settings = opts;
  if (about.settings.directory.empty()) {
    about.settings.directory = find_tmpfs();
  }
  about.filesystem = filesystem_of(about.settings.directory);
  utsname system{};
  uname(&system);
  about.kernel = system.release;
  if (const auto honoured = features()) {
    about.honoured = *honoured;
  } else {
    about.result.failure = honoured.error();
  }

  bool printed = opts.json || print(kernel_line(about));
  if (about.ended() == outcome::clean) {
    about.result = run_in_scratch(about.settings, signals);
  }
  explain(about);
  if (opts.json) {
    printed = print(to_json(about));
  } else if (about.result.rounds > 0) {
    printed = print(summary(about)) && printed;
  }
  if (about.result.signal) {
    termination_signals::die_of(*about.result.signal);
  }
  return static_cast<int>(printed ? about.ended() : outcome::failed);
}

} // namespace

int main(int argc, char **argv) try {
  const auto parsed = parse(argc, argv);
  if (const auto *wrong = std::get_if<usage_error>(&parsed)) {
    std::fprintf(stderr, "etxtbsy-race: %s\nTry etxtbsy-race --help.\n",
                 wrong->message.c_str());
    return usage_status;
  }
  const auto &opts = std::get<options>(parsed);
  if (opts.help) {
    return print(std::string(usage())) ? 0 : static_cast<int>(outcome::failed);
  }
  return run(opts);
} catch (const std::exception &failed) {
  std::fprintf(stderr, "etxtbsy-race: %s\n", failed.what());
  return static_cast<int>(outcome::failed);
}
