// SPDX-License-Identifier: MIT
// Threads that each write a program, publish it and run it, over and over:
// how many rounds met ETXTBSY, and how often an exec had to be tried again.
#include "clofork/executable_file.h"
#include "clofork/spawn.h"
#include "program.h"
#include "scratch_directory.h"

#include <atomic>
#include <cstdint>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using namespace clofork::demo;

struct counters {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> rounds = 0;
  std::atomic<std::uint64_t> busy = 0;    ///< ETXTBSY that reached the caller
  std::atomic<std::uint64_t> retries = 0; ///< that did not
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> foreign_forks = 0;
};

/// The error, or none.
clofork::result<void> play(const std::string &path, counters &count) {
  auto file = clofork::executable_file::create(path);
  if (!file) {
    return file.error();
  }
  if (auto written = file->write(image_of(program::static_elf)); !written) {
    return written;
  }
  if (const auto published = file->publish(); !published) {
    return published.error();
  }
  auto child = clofork::spawn({.program = path, .arguments = {path}});
  if (!child) {
    return child.error();
  }
  count.retries += child->busy_retries();
  const auto status = child->wait();
  if (!status) {
    return status.error();
  }
  count.failures += status->success() ? 0 : 1;
  return {};
}

void work(const std::string &directory, std::uint64_t rounds, counters &count) {
  for (std::uint64_t number = 0; (number = count.next++) < rounds;) {
    const auto path = directory + '/' + std::to_string(number);
    if (const auto played = play(path, count); played) {
      ++count.rounds;
    } else if (played.error().code == std::errc::text_file_busy) {
      ++count.busy;
    } else {
      ++count.failures;
      std::cerr << played.error().message() + "\n";
    }
    unlink(path.c_str());
  }
}

/// Code that knows nothing of the library, and forks.
void fork_storm(const std::atomic<bool> &stop, counters &count) {
  while (!stop) {
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/true", "true", nullptr);
      _exit(127);
    }
    if (pid > 0) {
      waitpid(pid, nullptr, 0);
      ++count.foreign_forks;
    }
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: write_and_spawn THREADS ROUNDS FORKING_THREADS\n";
    return 2;
  }
  const auto threads = std::stoul(argv[1]);
  const auto rounds = std::stoul(argv[2]);
  const auto forking = std::stoul(argv[3]);
  auto directory = scratch_directory::create(find_tmpfs());
  if (!directory) {
    std::cerr << directory.error().message() << '\n';
    return 2;
  }
  counters count;
  std::atomic<bool> stop = false;
  std::vector<std::jthread> storm;
  for (unsigned long index = 0; index < forking; ++index) {
    storm.emplace_back([&] { fork_storm(stop, count); });
  }
  {
    std::vector<std::jthread> writers;
    for (unsigned long index = 0; index < threads; ++index) {
      writers.emplace_back([&] { work(directory->path(), rounds, count); });
    }
  }
  stop = true;
  storm.clear();
  std::cout << nlohmann::json{{"threads", threads},
                              {"rounds", count.rounds.load()},
                              {"etxtbsy", count.busy.load()},
                              {"retries", count.retries.load()},
                              {"failures", count.failures.load()},
                              {"foreign_forks", count.foreign_forks.load()}}
            << '\n';
  return count.busy == 0 && count.failures == 0 && count.rounds == rounds ? 0
                                                                          : 1;
}
