// SPDX-License-Identifier: MIT
// What a spawned program finds: its descriptors and streams, and the error
// when there is none.
#include "clofork/descriptors.h"
#include "clofork/gate.h"
#include "close_on_fork.h"
#include "in_child.h"
#include "spawning.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace {

using clofork::command;
using clofork::spawn;
using clofork::unique_fd;
using nlohmann::json;
namespace stdio = clofork::stdio;

class spawn_descriptors : public spawning {};

unique_fd open_file(const char *path, int flags = O_RDONLY) {
  return unique_fd(open(path, flags | O_CLOEXEC, 0600));
}

std::vector<std::string> numbers(const json &told) {
  std::vector<std::string> found;
  for (const auto &[number, descriptor] : told["descriptors"].items()) {
    found.push_back(number);
  }
  return found;
}

std::string path_of(const json &told, const std::string &number) {
  return told["descriptors"].value(number, json())["path"];
}

TEST_F(spawn_descriptors, are_the_standard_ones_unless_mapped) {
  const unique_fd inheritable(open("/dev/null", O_RDONLY)); // NOLINT
  const auto told = told_by(telling_command());
  EXPECT_EQ(numbers(told), (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(spawn_descriptors, have_no_flags) {
  const unique_fd root = open_file("/");
  auto wanted = telling_command();
  wanted.descriptors = {{root.get(), root.get()}, {root.get(), 9}};
  const auto told = told_by(wanted);
  for (const auto &[number, descriptor] : told["descriptors"].items()) {
    EXPECT_EQ(descriptor["flags"], 0) << number;
  }
}

TEST_F(spawn_descriptors, are_mapped_to_the_numbers_that_were_asked_for) {
  const unique_fd root = open_file("/");
  const unique_fd null = open_file("/dev/null");
  auto wanted = telling_command();
  wanted.descriptors = {{root.get(), 7}, {null.get(), 200}, {root.get(), 3}};
  const auto told = told_by(wanted);
  EXPECT_EQ(numbers(told),
            (std::vector<std::string>{"0", "1", "2", "200", "3", "7"}));
  EXPECT_EQ(path_of(told, "7"), "/");
  EXPECT_EQ(path_of(told, "3"), "/");
  EXPECT_EQ(path_of(told, "200"), "/dev/null");
}

TEST_F(spawn_descriptors, may_swap_their_numbers) {
  const unique_fd root = open_file("/");
  const unique_fd null = open_file("/dev/null");
  auto wanted = telling_command();
  wanted.descriptors = {{root.get(), null.get()}, {null.get(), root.get()}};
  const auto told = told_by(wanted);
  EXPECT_EQ(path_of(told, std::to_string(null.get())), "/");
  EXPECT_EQ(path_of(told, std::to_string(root.get())), "/dev/null");
  EXPECT_EQ(numbers(told).size(), 5U);
}

TEST_F(spawn_descriptors, leave_those_of_the_parent_alone) {
  const unique_fd root = open_file("/");
  const unique_fd null = open_file("/dev/null");
  auto wanted = telling_command();
  wanted.input = stdio::null{};
  wanted.descriptors = {{root.get(), null.get()}, {null.get(), root.get()}};
  const auto before = fcntl(root.get(), F_GETFD);
  const auto input = std::filesystem::read_symlink("/proc/self/fd/0");
  told_by(wanted);
  EXPECT_EQ(fcntl(root.get(), F_GETFD), before);
  const auto self = "/proc/self/fd/" + std::to_string(root.get());
  EXPECT_EQ(std::filesystem::read_symlink(self), "/");
  EXPECT_EQ(std::filesystem::read_symlink("/proc/self/fd/0"), input);
}

/// Above what is copied with the table: fetched from the parent.
TEST_F(spawn_descriptors, with_high_numbers_are_mapped_too) {
  const unique_fd root = open_file("/");
  const unique_fd high(fcntl(root.get(), F_DUPFD_CLOEXEC, 3000));
  ASSERT_EQ(high.get(), 3000);
  auto wanted = telling_command();
  wanted.descriptors = {{high.get(), 5}, {high.get(), 3500}};
  const auto told = told_by(wanted);
  EXPECT_EQ(path_of(told, "5"), "/");
  EXPECT_EQ(path_of(told, "3500"), "/");
  EXPECT_EQ(numbers(told).size(), 5U);
}

/// The namespace dies with its first process: a child that found out only there
/// that it cannot fetch would be the last.
TEST_F(spawn_descriptors, with_high_numbers_reach_a_new_pid_namespace) {
  EXPECT_TRUE(in_child([] {
    const unique_fd root = open_file("/");
    const unique_fd high(fcntl(root.get(), F_DUPFD_CLOEXEC, 3000));
    if (unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWPID | CLONE_NEWUSER) !=
        0) {
      std::perror("unshare");
      return false;
    }
    auto wanted = shell("readlink /proc/self/fd/5; echo $$");
    wanted.descriptors = {{high.get(), 5}};
    wanted.output = clofork::stdio::pipe{};
    auto child = spawn(wanted);
    EXPECT_TRUE(child) << child.error().message();
    EXPECT_FALSE(child->method().fetching);
    EXPECT_EQ(read_all(child->output().get()), "/\n1\n");
    EXPECT_TRUE(child->wait()->success());
    return !HasFailure();
  }));
}

/// Each takes two more numbers for a moment, the lowest that are free.
TEST_F(spawn_descriptors, with_high_numbers_may_fill_the_table) {
  EXPECT_TRUE(in_child([] {
    const rlimit limit{.rlim_cur = 1030, .rlim_max = 1030};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const unique_fd high(fcntl(0, F_DUPFD_CLOEXEC, 1024));
    auto wanted = shell("exit 0");
    for (int number = 1027; number > 2; --number) {
      wanted.descriptors.push_back({high.get(), number});
    }
    EXPECT_EQ(refusal_of(wanted), "");
    return !HasFailure();
  }));
}

/// Not reopened: the offset and the status flags are shared.
TEST_F(spawn_descriptors, with_high_numbers_are_the_same_description) {
  const auto file = clofork::memfd("shared");
  ASSERT_TRUE(file.has_value());
  const unique_fd high(fcntl(file->fd.get(), F_DUPFD_CLOEXEC, 3000));
  auto wanted = shell("printf hello >&4");
  wanted.descriptors = {{high.get(), 4}};
  ASSERT_EQ(refusal_of(wanted), "");
  EXPECT_EQ(lseek(file->fd.get(), 0, SEEK_CUR), 5);
}

class marked : public spawning, public testing::WithParamInterface<int> {};

/// The mark keeps a descriptor from children in general, not from the one
/// that it is handed to. Where the kernel has no close-on-fork, the same test
/// of close-on-exec.
TEST_P(marked, descriptor_can_be_handed_to_a_child) {
  const unique_fd root = open_file("/");
  const unique_fd source(fcntl(root.get(), F_DUPFD_CLOEXEC, GetParam()));
  ASSERT_TRUE(clofork::mark(source.get()).has_value());
  auto wanted = telling_command();
  wanted.descriptors = {{source.get(), 8}, {source.get(), source.get()}};
  const auto told = told_by(wanted);
  EXPECT_EQ(path_of(told, "8"), "/");
  EXPECT_EQ(path_of(told, std::to_string(source.get())), "/");
  EXPECT_EQ(told["descriptors"]["8"]["flags"], 0);
}

INSTANTIATE_TEST_SUITE_P(low_and_high, marked, testing::Values(10, 3000));

class spawn_streams : public spawning {};

TEST_F(spawn_streams, may_be_null) {
  auto wanted = telling_command();
  wanted.input = stdio::null{};
  wanted.errors = stdio::null{};
  const auto told = told_by(wanted);
  EXPECT_EQ(path_of(told, "0"), "/dev/null");
  EXPECT_EQ(path_of(told, "2"), "/dev/null");
}

TEST_F(spawn_streams, may_be_closed) {
  auto wanted = telling_command();
  wanted.input = stdio::closed{};
  wanted.errors = stdio::closed{};
  EXPECT_EQ(numbers(told_by(wanted)), (std::vector<std::string>{"1"}));
}

/// What is opened gets the number of the closed one first.
TEST_F(spawn_streams, may_be_null_beside_a_closed_one) {
  auto wanted = telling_command();
  wanted.input = stdio::closed{};
  wanted.errors = stdio::null{};
  EXPECT_EQ(numbers(told_by(wanted)), (std::vector<std::string>{"1", "2"}));
}

TEST_F(spawn_streams, may_be_pipes) {
  auto wanted = shell("read line; echo out $line; echo err $line >&2");
  wanted.input = wanted.output = wanted.errors = stdio::pipe{};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  ASSERT_EQ(write(child->input().get(), "a\n", 2), 2);
  EXPECT_EQ(read_all(child->output().get()), "out a\n");
  EXPECT_EQ(read_all(child->errors().get()), "err a\n");
  EXPECT_TRUE(child->wait()->success());
}

/// The parent's end is not in the child: closing it is seen there.
TEST_F(spawn_streams, end_when_the_parent_closes_its_end) {
  auto wanted = shell("cat; echo end");
  wanted.input = wanted.output = stdio::pipe{};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  ASSERT_FALSE(child->input().close());
  EXPECT_EQ(read_all(child->output().get()), "end\n");
  EXPECT_TRUE(child->wait()->success());
}

TEST_F(spawn_streams, of_the_parent_are_close_on_exec) {
  auto wanted = shell("exit 0");
  wanted.output = stdio::pipe{};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  EXPECT_NE(fcntl(child->output().get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(fcntl(child->pidfd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_TRUE(child->wait()->success());
}

TEST_F(spawn_streams, may_be_files_of_the_parents_directory) {
  std::string directory = testing::TempDir() + "spawn_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory);
  auto wanted = shell("cat; echo error >&2");
  wanted.directory = "/";
  wanted.umask = 0777;
  std::ofstream("input") << "content";
  wanted.input = stdio::file{"input"};
  wanted.output = stdio::file{"output", O_WRONLY | O_CREAT | O_EXCL, 0640};
  wanted.errors = stdio::file{"errors", O_WRONLY | O_CREAT | O_EXCL};
  const mode_t old = umask(022);
  EXPECT_EQ(refusal_of(wanted), "");
  umask(old);
  struct stat status {};
  EXPECT_EQ(stat("output", &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640U);
  EXPECT_EQ(status.st_size, 7);
  EXPECT_EQ(std::filesystem::file_size("errors"), 6U);
  std::filesystem::current_path(before);
  std::filesystem::remove_all(directory);
}

TEST_F(spawn_streams, name_the_file_that_cannot_be_opened) {
  auto wanted = shell("exit 0");
  wanted.errors = stdio::file{"/nowhere/errors", O_WRONLY};
  EXPECT_EQ(refusal_of(wanted),
            "open(command.errors): No such file or directory (errno 2)");
}

TEST_F(spawn_streams, may_be_the_same_as_another) {
  auto wanted = shell("echo out; echo err >&2");
  wanted.output = stdio::pipe{};
  wanted.errors = stdio::same_as{1};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  EXPECT_FALSE(child->errors());
  EXPECT_EQ(read_all(child->output().get()), "out\nerr\n");
  EXPECT_TRUE(child->wait()->success());
}

TEST_F(spawn_streams, may_be_any_descriptor_and_trade_places) {
  auto wanted = telling_command();
  wanted.arguments.emplace_back("5");
  wanted.output = stdio::descriptor{2};
  wanted.errors = stdio::descriptor{1};
  auto pipe = clofork::pipe();
  ASSERT_TRUE(pipe.has_value());
  wanted.descriptors = {{pipe->writing.fd.get(), 5}};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  pipe->writing.fd.reset();
  const auto told = json::parse(read_all(pipe->reading.fd.get()));
  ASSERT_TRUE(child->wait()->success());
  EXPECT_EQ(path_of(told, "1"),
            std::filesystem::read_symlink("/proc/self/fd/2"));
  EXPECT_EQ(path_of(told, "2"),
            std::filesystem::read_symlink("/proc/self/fd/1"));
}

/// A pipe made when 0 was free would have landed there.
TEST_F(spawn_streams, work_when_the_parent_has_none) {
  std::array<unique_fd, 3> saved;
  for (int fd = 0; fd < 3; ++fd) {
    saved[static_cast<unsigned>(fd)].reset(fcntl(fd, F_DUPFD_CLOEXEC, 10));
    close(fd);
  }
  auto wanted = telling_command();
  wanted.input = stdio::pipe{};
  wanted.errors = stdio::null{};
  const auto told = told_by(wanted);
  const auto inherited = refusal_of(shell("exit 0"));
  for (int fd = 0; fd < 3; ++fd) {
    dup2(saved[static_cast<unsigned>(fd)].get(), fd);
  }
  EXPECT_EQ(numbers(told), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(path_of(told, "0").rfind("pipe:", 0), 0U);
  EXPECT_EQ(path_of(told, "2"), "/dev/null");
  EXPECT_EQ(inherited, "command.input: Bad file descriptor (errno 9)");
}

class spawn_exec : public spawning {};

TEST_F(spawn_exec, gets_arguments_and_environment) {
  auto wanted = telling_command();
  wanted.arguments = {"zero", "1", ""};
  wanted.environment = {{"A=1", "B="}};
  const auto told = told_by(wanted);
  EXPECT_EQ(told["arguments"], (std::vector<std::string>{"zero", "1", ""}));
  EXPECT_EQ(told["environment"], (std::vector<std::string>{"A=1", "B="}));
}

TEST_F(spawn_exec, gets_the_parents_environment_by_default) {
  ASSERT_EQ(setenv("SPAWN_TEST", "set", 1), 0); // NOLINT(concurrency-mt-unsafe)
  const auto told = told_by(telling_command());
  unsetenv("SPAWN_TEST"); // NOLINT(concurrency-mt-unsafe)
  const std::vector<std::string> all = told["environment"];
  EXPECT_EQ(std::ranges::count(all, "SPAWN_TEST=set"), 1);
}

TEST_F(spawn_exec, may_have_an_empty_environment) {
  auto wanted = telling_command();
  wanted.environment.emplace();
  EXPECT_EQ(told_by(wanted)["environment"], json::array());
}

TEST_F(spawn_exec, failure_is_reported_with_its_errno) {
  auto wanted = shell("exit 0");
  wanted.program = "/nowhere/program";
  EXPECT_EQ(refusal_of(wanted), "execve: No such file or directory (errno 2)");
  wanted.program = "/dev/null";
  EXPECT_EQ(refusal_of(wanted), "execve: Permission denied (errno 13)");
}

TEST_F(spawn_exec, failure_leaves_errno_alone) {
  auto wanted = shell("exit 0");
  wanted.program = "/nowhere/program";
  errno = 0;
  refusal_of(wanted);
  EXPECT_EQ(errno, 0);
}

class busy : public spawning {
protected:
  void SetUp() override {
    spawning::SetUp();
    ASSERT_NE(mkdtemp(directory_.data()), nullptr);
    writer_.reset(
        open(program().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
    ASSERT_EQ(write(writer_.get(), "#!/bin/sh\n", 10), 10);
  }
  void TearDown() override {
    writer_.reset();
    std::filesystem::remove_all(directory_);
    spawning::TearDown();
  }

  [[nodiscard]] std::string program() const { return directory_ + "/program"; }
  [[nodiscard]] command run() const {
    return {.program = program(), .arguments = {"program"}};
  }
  unique_fd &writer() { return writer_; }

private:
  std::string directory_ = testing::TempDir() + "spawn_test.XXXXXX";
  unique_fd writer_;
};

TEST_F(busy, program_is_an_error_when_patience_is_over) {
  auto wanted = run();
  wanted.busy_patience = std::chrono::milliseconds(20);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal_of(wanted), "execve: Text file busy (errno 26)");
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, std::chrono::milliseconds(20));
}

TEST_F(busy, program_is_not_tried_again_without_patience) {
  auto wanted = run();
  wanted.busy_patience = std::chrono::milliseconds(0);
  EXPECT_EQ(refusal_of(wanted), "execve: Text file busy (errno 26)");
}

/// Held by another child for ever longer, should this one come too late.
TEST_F(busy, program_is_tried_again_and_the_tries_are_counted) {
  unsigned retries = 0;
  for (const char *script : {"sleep 0.05", "sleep 0.5", "sleep 5"}) {
    auto holder = shell(script);
    holder.descriptors = {{writer().get(), 5}};
    auto holding = spawn(holder);
    ASSERT_TRUE(holding.has_value()) << holding.error().message();
    ASSERT_FALSE(writer().close());
    auto wanted = run();
    wanted.busy_patience = std::chrono::minutes(1);
    auto child = spawn(wanted);
    ASSERT_TRUE(child.has_value()) << child.error().message();
    retries = child->busy_retries();
    EXPECT_TRUE(child->wait()->success());
    EXPECT_TRUE(holding->wait()->success());
    if (retries > 0) {
      break;
    }
    writer().reset(open(program().c_str(), O_WRONLY | O_CLOEXEC));
  }
  EXPECT_GT(retries, 0U);
}

/// The child has left the gate by the time that it opens its files.
TEST_F(busy, program_holds_up_no_closing_section) {
  auto wanted = run();
  wanted.busy_patience = std::chrono::seconds(20);
  const auto begun = program() + ".begun";
  wanted.input = stdio::file{begun, O_RDWR | O_CREAT};
  std::jthread spawning([&] {
    auto child = spawn(wanted);
    ASSERT_TRUE(child.has_value()) << child.error().message();
    EXPECT_GT(child->busy_retries(), 0U);
    EXPECT_TRUE(child->wait()->success());
  });
  while (!std::filesystem::exists(begun)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const clofork::closing_section section;
  writer().reset();
}

TEST_F(busy, program_that_is_not_costs_no_retry) {
  ASSERT_FALSE(writer().close());
  auto child = spawn(run());
  ASSERT_TRUE(child.has_value()) << child.error().message();
  EXPECT_EQ(child->busy_retries(), 0U);
  EXPECT_TRUE(child->wait()->success());
}

} // namespace
