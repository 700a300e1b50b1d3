// SPDX-License-Identifier: MIT
#include "clofork/child.h"

#include "clofork/gate.h"
#include "failing_allocation.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <poll.h>
#include <set>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clofork::child;
using clofork::exit_status;
using clofork::spawn;
using clofork::unique_fd;
namespace stdio = clofork::stdio;

static_assert(std::is_nothrow_move_constructible_v<child>);
static_assert(std::is_nothrow_move_assignable_v<child>);
static_assert(!std::is_copy_constructible_v<child>);

class child_test : public spawning {};

bool is_gone(pid_t pid) {
  return kill(pid, 0) == -1 && errno == ESRCH;
}

TEST_F(child_test, wait_returns_the_code) {
  EXPECT_EQ(*started(shell("exit 7")).wait(), (exit_status{.code = 7}));
  EXPECT_TRUE(started(shell("exit 0")).wait()->success());
}

TEST_F(child_test, wait_returns_the_signal) {
  const auto status = started(shell("kill -TERM $$")).wait();
  EXPECT_EQ(*status, (exit_status{.signal = SIGTERM}));
  EXPECT_FALSE(status->success());
}

/// The kernel says whether it could, as the rest of the system may not let it.
TEST_F(child_test, wait_returns_that_core_was_dumped) {
  std::string directory = testing::TempDir() + "child_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string script =
      "cd " + directory + " && ulimit -c unlimited && kill -ABRT $$";
  // NOLINTNEXTLINE(cert-env33-c,concurrency-mt-unsafe): nothing else runs
  const int expected = std::system(script.c_str());
  const auto status = started(shell(script)).wait();
  EXPECT_EQ(*status, (exit_status{.signal = WTERMSIG(expected),
                                  .dumped_core = WCOREDUMP(expected) != 0}));
  std::filesystem::remove_all(directory);
}

std::atomic<int> handled_signals;

/// Interrupts this process each millisecond, without SA_RESTART.
class frequent_signals {
public:
  frequent_signals() {
    handled_signals = 0;
    struct sigaction action {};
    action.sa_handler = [](int /*signal*/) { ++handled_signals; };
    sigaction(SIGALRM, &action, &before_);
    set_interval(1000);
  }
  frequent_signals(const frequent_signals &) = delete;
  frequent_signals &operator=(const frequent_signals &) = delete;
  ~frequent_signals() {
    set_interval(0);
    sigaction(SIGALRM, &before_, nullptr);
  }

private:
  struct sigaction before_ {};

  static void set_interval(suseconds_t microseconds) {
    const itimerval wanted{{0, microseconds}, {0, microseconds}};
    setitimer(ITIMER_REAL, &wanted, nullptr);
  }
};

TEST_F(child_test, wait_goes_on_after_a_signal) {
  auto run = started(waiting());
  const frequent_signals interrupting;
  const auto none = run.wait_for(50ms);
  ASSERT_TRUE(none.has_value()) << none.error().message();
  EXPECT_FALSE(none->has_value());
  const int seen = handled_signals;
  EXPECT_GT(seen, 0);
  auto input = std::move(run.input());
  const std::jthread closer([&] {
    sigset_t all{}; // the thread that waits is to be interrupted
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    std::this_thread::sleep_for(20ms);
    input.reset();
  });
  const auto status = run.wait();
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ(status->code, 1);
  EXPECT_GT(handled_signals, seen);
}

TEST_F(child_test, wait_again_returns_the_same) {
  auto run = started(shell("exit 7"));
  EXPECT_EQ(run.wait()->code, 7);
  EXPECT_EQ(run.wait()->code, 7);
  EXPECT_EQ((*run.wait_for(0s))->code, 7);
}

TEST_F(child_test, wait_for_returns_none_when_the_time_is_over) {
  auto run = started(waiting());
  const auto start = std::chrono::steady_clock::now();
  const auto status = run.wait_for(20ms);
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_FALSE(status->has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
  EXPECT_FALSE(run.wait_for(0s)->has_value());
  EXPECT_FALSE(run.wait_for(-1s)->has_value());
}

TEST_F(child_test, wait_for_the_least_time_there_is_returns_at_once) {
  auto run = started(shell("exec sleep 5"));
  EXPECT_FALSE(run.wait_for(std::chrono::nanoseconds::min())->has_value());
}

TEST_F(child_test, wait_for_returns_as_soon_as_the_program_ends) {
  auto run = started(waiting());
  ASSERT_FALSE(run.input().close());
  const auto status = run.wait_for(std::chrono::nanoseconds::max());
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ((*status)->code, 1);
}

TEST_F(child_test, pidfd_becomes_readable_at_the_end) {
  auto run = started(waiting());
  pollfd ready{.fd = run.pidfd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ready, 1, 0), 0);
  run.input().reset();
  await_end(run);
}

TEST_F(child_test, destructor_kills_and_leaves_no_zombie) {
  pid_t pid = 0;
  {
    const auto run = started(waiting());
    pid = run.pid();
    EXPECT_FALSE(is_gone(pid));
  }
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(child_test, destructor_takes_a_program_that_has_ended) {
  pid_t pid = 0;
  {
    auto run = started(shell("exit 0"));
    pid = run.pid();
    await_end(run);
  }
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(child_test, destructor_in_a_forked_process_leaves_it_alone) {
  std::optional<child> run = started(waiting());
  EXPECT_TRUE(in_child([&] {
    run.reset();
    return true;
  }));
  EXPECT_FALSE(run->wait_for(0s)->has_value());
  ASSERT_FALSE(run->input().close());
  EXPECT_EQ(run->wait()->signal, 0);
}

/// A user that may not be killed by the one that is left of the parent.
TEST_F(child_test, destructor_detaches_what_may_not_be_killed) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  EXPECT_TRUE(in_child([] {
    alarm(10); // should the destructor wait
    auto wanted = waiting();
    wanted.output = stdio::pipe{};
    wanted.arguments[2] = "echo; read line; echo";
    std::optional<child> run = started(wanted);
    char line = 0;
    if (read(run->output().get(), &line, 1) != 1 || setresuid(1, 1, 1) != 0) {
      return false;
    }
    auto input = std::move(run->input());
    auto output = std::move(run->output());
    run.reset();
    input.reset();
    return read_all(output.get()) == "\n";
  }));
}

TEST_F(child_test, move_takes_the_child_along) {
  auto first = started(waiting());
  const auto pid = first.pid();
  auto second = std::move(first);
  EXPECT_EQ(first.pid(), -1); // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.pid(), pid);
  EXPECT_EQ(first.wait().error().code, std::errc::no_child_process);
  EXPECT_FALSE(second.input().close());
  EXPECT_EQ(second.wait()->code, 1);
}

TEST_F(child_test, move_onto_a_child_ends_the_old_one) {
  auto target = started(waiting());
  const auto old = target.pid();
  auto source = started(waiting());
  const auto fresh = source.pid();
  target = std::move(source);
  EXPECT_TRUE(is_gone(old));
  EXPECT_EQ(target.pid(), fresh);
  EXPECT_FALSE(is_gone(fresh));
}

TEST_F(child_test, detached_program_runs_on_and_becomes_no_zombie) {
  pid_t pid = 0;
  {
    auto wanted = waiting();
    wanted.output = stdio::pipe{};
    wanted.arguments[2] = "read line; echo end";
    auto run = started(wanted);
    pid = run.pid();
    ASSERT_TRUE(run.detach().has_value());
    EXPECT_EQ(run.pid(), -1);
    EXPECT_EQ(run.pidfd(), -1);
    EXPECT_EQ(run.signal(SIGTERM).error().code, std::errc::no_such_process);
    EXPECT_EQ(run.wait().error().code, std::errc::no_child_process);
    EXPECT_FALSE(is_gone(pid));
    run.input().reset();
    EXPECT_EQ(read_all(run.output().get()), "end\n");
  }
  while (!is_gone(pid)) { // a zombie would be there for ever
    std::this_thread::sleep_for(1ms);
  }
}

/// The numbers of the threads of this process.
std::set<std::string> threads() {
  std::set<std::string> numbers;
  for (const auto &each :
       std::filesystem::directory_iterator("/proc/self/task")) {
    numbers.insert(each.path().filename());
  }
  return numbers;
}

/// The first word of a file of that thread in /proc, after another word.
std::string word_of(const std::string &thread, const std::string &file,
                    const std::string &after = "") {
  std::ifstream text("/proc/self/task/" + thread + "/" + file);
  std::string word;
  while (text >> word && !after.empty() && word != after) {
  }
  if (!after.empty()) {
    text >> word;
  }
  EXPECT_TRUE(text) << file;
  return word;
}

/// Until the thread is in that system call: it is made with all blocked.
void await_call(const std::string &thread, long number) {
  while (word_of(thread, "syscall") != std::to_string(number) &&
         !testing::Test::HasFailure()) {
    std::this_thread::sleep_for(1ms);
  }
}

/// A handler of the program must not run in a thread that it knows nothing of.
TEST_F(child_test, thread_of_a_detached_child_takes_no_signal) {
  auto run = started(waiting());
  const pid_t pid = run.pid();
  const auto before = threads();
  ASSERT_TRUE(run.detach().has_value());
  auto added = threads();
  std::erase_if(added, [&](const auto &each) { return before.contains(each); });
  ASSERT_EQ(added.size(), 1U);
  await_call(*added.begin(), SYS_waitid);
  const auto blocked =
      std::stoull(word_of(*added.begin(), "status", "SigBlk:"), nullptr, 16);
  for (const int number : {SIGALRM, SIGCHLD, SIGINT, SIGTERM, SIGUSR1}) {
    EXPECT_NE(blocked & 1ULL << (number - 1), 0U) << number;
  }
  run.input().reset();
  while (!is_gone(pid)) {
    std::this_thread::sleep_for(1ms);
  }
}

TEST_F(child_test, detach_without_memory_leaves_the_child_as_it_was) {
  auto run = started(waiting());
  const int pidfd = run.pidfd();
  failing_allocation next(0);
  const auto detached = run.detach();
  next.stop();
  EXPECT_EQ(detached.error().code, std::errc::not_enough_memory);
  EXPECT_EQ(run.pidfd(), pidfd);
  EXPECT_FALSE(run.input().close());
  EXPECT_EQ(run.wait()->code, 1);
}

TEST_F(child_test, detach_without_a_thread_leaves_the_child_as_it_was) {
  EXPECT_TRUE(in_child([] {
    auto run = started(waiting());
    EXPECT_TRUE(refuse_call(SYS_clone3, EAGAIN) &&
                refuse_call(SYS_clone, EAGAIN));
    const auto detached = run.detach();
    EXPECT_EQ(detached.error().message(),
              "pthread_create: Resource temporarily unavailable (errno 11)");
    EXPECT_FALSE(run.input().close());
    EXPECT_EQ(run.wait()->code, 1);
    return !HasFailure();
  }));
}

TEST_F(child_test, detach_after_the_wait_is_nothing) {
  auto run = started(shell("exit 0"));
  ASSERT_TRUE(run.wait().has_value());
  EXPECT_TRUE(run.detach().has_value());
  EXPECT_TRUE(run.detach().has_value());
}

/// The kernel then takes the zombie itself and forgets the status.
TEST_F(child_test, wait_with_sigchld_ignored_is_echild) {
  std::signal(SIGCHLD, SIG_IGN);
  auto run = started(shell("exit 7"));
  EXPECT_EQ(run.wait().error().code, std::errc::no_child_process);
  std::signal(SIGCHLD, SIG_DFL);
}

/// It waits for a program that is busy, in a group where everybody is killed.
TEST_F(child_test, killed_before_its_exec_is_like_one_killed_after) {
  std::string path = testing::TempDir() + "child_test.XXXXXX";
  const unique_fd writer(mkostemp(path.data(), O_CLOEXEC));
  ASSERT_TRUE(writer && fchmod(writer.get(), 0700) == 0);
  auto wanted = waiting();
  wanted.process.group = 0;
  auto leader = started(wanted);
  std::jthread killer([&](const std::stop_token &stop) {
    while (!stop.stop_requested()) {
      EXPECT_EQ(kill(-leader.pid(), SIGKILL), 0);
      std::this_thread::sleep_for(1ms);
    }
  });
  auto run = spawn({.program = path,
                    .arguments = {path},
                    .process = {.group = leader.pid()},
                    .busy_patience = 1h});
  killer.request_stop();
  killer.join();
  unlink(path.c_str());
  ASSERT_TRUE(run.has_value()) << run.error().message();
  EXPECT_EQ(run->wait()->signal, SIGKILL);
  const clofork::closing_section section; // the child has left the gate
}

/// A child that fails before its exec sends no SIGCHLD: it never was.
TEST_F(child_test, failed_spawn_is_not_to_be_noticed) {
  static std::atomic<int> signals;
  signals = 0;
  std::signal(SIGCHLD, [](int /*signal*/) { ++signals; });
  auto wanted = shell("exit 0");
  wanted.program = "/nowhere/program";
  EXPECT_NE(refusal_of(wanted), "");
  EXPECT_EQ(signals, 0);
  EXPECT_EQ(refusal_of(shell("exit 0")), "");
  EXPECT_EQ(signals, 1);
  std::signal(SIGCHLD, SIG_DFL);
}

} // namespace
