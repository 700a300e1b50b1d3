// SPDX-License-Identifier: MIT
// spawn + wait of a tiny static program, by this library and by others, in a
// process with as many descriptors and as much memory as its arguments say.
#include "clofork/executable_file.h"
#include "clofork/spawn.h"
#include "program.h"
#include "scratch_directory.h"
#include "surroundings.h"

#include <array>
#include <benchmark/benchmark.h>
#include <boost/asio/io_context.hpp>
#include <boost/process/v2.hpp>
#include <cstdio>
#include <cstdlib>
#include <glib.h>
#include <iostream>
#include <optional>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace clofork::demo;

/// The path of what is run, and that alone as argv.
std::string image;
std::array<char *, 2> arguments{};
surroundings around;
std::size_t descriptors = 0;

/// Ends the benchmark when the program was not run.
void expect(benchmark::State &state, bool success) {
  if (!success) {
    state.SkipWithError("the program did not run, or did not exit with 0");
  }
}

bool succeeded(pid_t pid) {
  int status = -1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

bool run_command(const clofork::command &wanted) {
  auto child = clofork::spawn(wanted);
  if (!child) {
    return false;
  }
  const auto status = child->wait();
  return status && status->success();
}

bool with_clofork() {
  static const clofork::command wanted{.program = image, .arguments = {image}};
  return run_command(wanted);
}

/// The streams as pipes: their numbers are above all others.
bool with_clofork_pipes() {
  static const clofork::command wanted{.program = image,
                                       .arguments = {image},
                                       .input = clofork::stdio::pipe{},
                                       .output = clofork::stdio::pipe{},
                                       .errors = clofork::stdio::pipe{}};
  return run_command(wanted);
}

bool with_posix_spawn() {
  pid_t pid = 0;
  return posix_spawn(&pid, image.c_str(), nullptr, nullptr, arguments.data(),
                     environ) == 0 &&
         succeeded(pid);
}

bool with_fork() {
  const pid_t pid = fork();
  if (pid == 0) {
    execv(image.c_str(), arguments.data());
    _exit(127);
  }
  return succeeded(pid);
}

bool with_vfork() {
  // NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork)
  const pid_t pid = vfork();
  if (pid == 0) {
    execv(image.c_str(), arguments.data());
    _exit(127);
  }
  return succeeded(pid);
}

bool with_boost() {
  static boost::asio::io_context context;
  boost::process::v2::process process(context, image, {});
  return process.wait() == 0;
}

bool with_glib() {
  GPid pid = 0;
  return g_spawn_async(nullptr, arguments.data(), nullptr,
                       G_SPAWN_DO_NOT_REAP_CHILD, nullptr, nullptr, &pid,
                       nullptr) != FALSE &&
         succeeded(pid);
}

void run(benchmark::State &state, bool (*spawn_and_wait)()) {
  for ([[maybe_unused]] auto _ : state) {
    if (!spawn_and_wait()) {
      expect(state, false);
      break;
    }
  }
  state.counters["descriptors"] = static_cast<double>(descriptors);
  state.counters["resident_mib"] = static_cast<double>(around.resident_mib);
}

/// Another language's process, in the same surroundings, which spawns, waits
/// and tells the nanoseconds for each line that it reads.
class helper {
public:
  explicit helper(std::vector<std::string> command_line) {
    for (const auto &each : around.arguments()) {
      command_line.push_back(each);
    }
    command_line.push_back(image);
    auto started = clofork::spawn({.program = command_line.front(),
                                   .arguments = command_line,
                                   .input = clofork::stdio::pipe{},
                                   .output = clofork::stdio::pipe{}});
    if (started) {
      child_.emplace(std::move(*started));
      answers_ = fdopen(child_->output().release(), "re");
    }
  }
  ~helper() {
    if (answers_ != nullptr) {
      std::fclose(answers_);
    }
  }
  helper(const helper &) = delete;
  helper &operator=(const helper &) = delete;

  /// Seconds, or a negative number.
  double spawn_and_wait() {
    std::array<char, 64> line{};
    if (!child_ || write(child_->input().get(), "\n", 1) != 1 ||
        std::fgets(line.data(), line.size(), answers_) == nullptr) {
      return -1;
    }
    return std::strtod(line.data(), nullptr) / 1e9;
  }

private:
  std::optional<clofork::child> child_;
  std::FILE *answers_ = nullptr;
};

void run_helper(benchmark::State &state,
                const std::vector<std::string> &command_line) {
  helper other(command_line);
  expect(state, other.spawn_and_wait() > 0); // it is up and warm
  for ([[maybe_unused]] auto _ : state) {
    const double seconds = other.spawn_and_wait();
    if (seconds <= 0) {
      expect(state, false);
      break;
    }
    state.SetIterationTime(seconds);
  }
  state.counters["descriptors"] = static_cast<double>(descriptors);
  state.counters["resident_mib"] = static_cast<double>(around.resident_mib);
}

void add(const char *name, bool (*spawn_and_wait)()) {
  benchmark::RegisterBenchmark(name, run, spawn_and_wait)->UseRealTime();
}

void add_helper(const char *name, std::vector<std::string> command_line) {
  if (access(command_line.back().c_str(), R_OK) == 0) {
    benchmark::RegisterBenchmark(name, run_helper, std::move(command_line))
        ->UseManualTime();
  }
}

/// On tmpfs, so that no run of it waits for a disk.
bool write_image() {
  auto file = clofork::executable_file::create(image);
  return file && file->write(image_of(program::static_elf)) && file->publish();
}

} // namespace

int main(int argc, char **argv) {
  around = surroundings::take_from(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 2;
  }
  const auto directory = scratch_directory::create(find_tmpfs());
  image = directory ? directory->path() + "/program" : "";
  if (!write_image()) {
    std::cerr << "spawn_bench: nowhere to write a program to\n";
    return 2;
  }
  arguments = {image.data(), nullptr};
  descriptors = around.establish();
  add("clofork", with_clofork);
  add("clofork, three pipes", with_clofork_pipes);
  add("posix_spawn", with_posix_spawn);
  add("fork+exec", with_fork);
  add("vfork+exec", with_vfork);
  add("Boost.Process v2", with_boost);
  add("GLib g_spawn", with_glib);
  add_helper("Python subprocess", {"/usr/bin/python3", BENCH_PYTHON});
  add_helper("Go os/exec", {BENCH_GO});
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
