// SPDX-License-Identifier: MIT
#include "spawning.h"

#include "in_child.h"

#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

using nlohmann::json;
namespace stdio = clofork::stdio;

namespace {

/// The numbers that tests use are beyond the limit that many systems set.
class many_descriptors : public testing::Environment {
  void SetUp() override {
    constexpr rlim_t wanted = 16384;
    rlimit limit{wanted, wanted};
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1) { // raising it takes privilege
      getrlimit(RLIMIT_NOFILE, &limit);
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_NOFILE, &limit);
    }
  }
};
const auto *const allowed =
    testing::AddGlobalTestEnvironment(new many_descriptors);

} // namespace

clofork::command telling_command() {
  return {.program = SPAWNED_PROGRAM,
          .arguments = {"spawned_program"},
          .output = stdio::pipe{}};
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t got = 0; (got = read(fd, block.data(), block.size())) > 0;) {
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

json told_by(const clofork::command &wanted) {
  auto child = clofork::spawn(wanted);
  if (!child) {
    ADD_FAILURE() << child.error().message();
    return {};
  }
  const std::string told = read_all(child->output().get());
  const auto status = child->wait();
  EXPECT_TRUE(status && status->success());
  return json::parse(told, nullptr, false);
}

clofork::command shell(std::string_view script) {
  return {.program = "/bin/sh", .arguments = {"sh", "-c", std::string(script)}};
}

clofork::command waiting() {
  auto wanted = shell("read line");
  wanted.input = stdio::pipe{};
  return wanted;
}

clofork::child started(const clofork::command &wanted) {
  return std::move(*clofork::spawn(wanted));
}

void await_end(const clofork::child &run) {
  pollfd ready{.fd = run.pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ready, 1, -1), 1);
}

std::string refusal_of(const clofork::command &wanted) {
  auto child = clofork::spawn(wanted);
  if (!child) {
    return child.error().message();
  }
  (void)child->wait();
  return "";
}

void spawning::SetUp() {
  // Descriptors that the first spawn of a process may leave are none, but the
  // first question for the features opens some for a moment.
  descriptors_ = open_descriptors();
}

void spawning::TearDown() {
  EXPECT_EQ(open_descriptors(), descriptors_) << "a descriptor is left";
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1) << "a child is left";
  EXPECT_EQ(errno, ECHILD);
}
