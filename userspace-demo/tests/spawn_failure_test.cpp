// SPDX-License-Identifier: MIT
// Each system call of spawn() is made to fail in turn, and each allocation:
// the error has its stage, nothing is left behind, the parent is unharmed.
#include "clofork/descriptors.h"
#include "failing_allocation.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using clofork::command;
using clofork::spawn;
using clofork::unique_fd;
namespace stdio = clofork::stdio;

/// The parent as a spawn must leave it.
struct surroundings {
  long descriptors = open_descriptors();
  std::string directory = std::filesystem::current_path();
  pid_t group = getpgrp();
  pid_t session = getsid(0);
  int nice = getpriority(PRIO_PROCESS, 0);
  int policy = sched_getscheduler(0);
  uid_t user = geteuid();

  bool operator==(const surroundings &) const = default;
};

std::vector<int> blocked_signals() {
  sigset_t mask{};
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  std::vector<int> blocked;
  for (int signal = 1; signal < NSIG; ++signal) {
    if (sigismember(&mask, signal) == 1) {
      blocked.push_back(signal);
    }
  }
  return blocked;
}

/// An errno that none of these calls has, nor is read as absence.
constexpr unsigned code = EDOM;

struct failing_call {
  const char *name;
  const char *stage;
  std::function<bool()> refuse;
  std::function<void(command &)> need = [](command &) {};
};

std::ostream &operator<<(std::ostream &out, const failing_call &each) {
  return out << each.name;
}

class failing : public spawning,
                public testing::WithParamInterface<failing_call> {
protected:
  void SetUp() override {
    spawning::SetUp();
    root_.reset(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    high_.reset(fcntl(root_.get(), F_DUPFD_CLOEXEC, 3000));
  }
  void TearDown() override {
    root_.reset();
    high_.reset();
    spawning::TearDown();
  }

private:
  unique_fd root_;
  unique_fd high_;
};

constexpr int high = 3000;

/// In a thread of its own, the only one that the filter is for.
TEST_P(failing, call_is_reported_and_leaves_nothing) {
  const auto &call = GetParam();
  const clofork::error expected{call.stage, {code, std::system_category()}};
  auto wanted = shell("exit 0");
  call.need(wanted);
  const surroundings before;
  std::jthread([&] {
    ASSERT_TRUE(call.refuse());
    const auto child = spawn(wanted);
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error(), expected) << child.error().message();
    EXPECT_EQ(blocked_signals(), std::vector<int>());
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  }).join();
  EXPECT_TRUE(before == surroundings());
  EXPECT_NE(refusal_of(wanted), expected.message()); // fails no more
}

bool refuse_number(long number) {
  return refuse_call(number, code);
}

bool refuse_flag(long number, unsigned argument, unsigned flags) {
  return refuse_call_with_bits(number, argument, flags, code);
}

bool refuse_value(long number, unsigned argument, unsigned value) {
  return refuse_call_with_value(number, argument, value, code);
}

/// Where the child has no close_range.
bool without_close_range() {
  return refuse_call(SYS_close_range, ENOSYS);
}

/// Some refuse no more than they must: sanitizers use pipes of their own.
const std::vector<failing_call> failing_calls = {
    {"pipe2", "pipe2", [] { return refuse_flag(SYS_pipe2, 1, O_CLOEXEC); },
     [](command &c) { c.input = c.output = c.errors = stdio::pipe{}; }},
    {"block_signals", "rt_sigprocmask",
     [] { return refuse_number(SYS_rt_sigprocmask); }},
    {"clone3", "clone3", [] { return refuse_number(SYS_clone3); }},
    {"clone", "clone",
     [] {
       return refuse_call(SYS_clone3, ENOSYS) && refuse_number(SYS_clone);
     }},
    {"close_range_unshare", "close_range",
     [] { return refuse_flag(SYS_close_range, 2, CLOSE_RANGE_UNSHARE); }},
    {"close_range", "close_range",
     [] { return refuse_value(SYS_close_range, 2, 0); },
     [](command &c) {
       c.descriptors = {{0, 50}, {1, 60}};
       c.input = stdio::closed{};
     }},
    {"dup3", "dup3", [] { return refuse_number(SYS_dup3); },
     [](command &c) {
       c.descriptors = {{0, 5}};
     }},
    {"keep", "fcntl(F_SETFD)",
     [] { return refuse_value(SYS_fcntl, 1, F_SETFD); }},
    {"pidfd_open", "pidfd_open", [] { return refuse_number(SYS_pidfd_open); },
     [](command &c) {
       c.descriptors = {{high, 5}};
     }},
    {"pidfd_getfd", "pidfd_getfd",
     [] { return refuse_number(SYS_pidfd_getfd); },
     [](command &c) {
       c.descriptors = {{high, 5}};
     }},
    {"open_input", "open(command.input)",
     [] { return refuse_number(SYS_openat); },
     [](command &c) { c.input = stdio::null{}; }},
    {"open_output", "open(command.output)",
     [] { return refuse_number(SYS_openat); },
     [](command &c) {
       c.output = stdio::file{"/dev/null", O_WRONLY};
     }},
    {"open_list", "open(/proc/self/fd)",
     [] { return without_close_range() && refuse_number(SYS_openat); }},
    {"getdents64", "getdents64",
     [] { return without_close_range() && refuse_number(SYS_getdents64); }},
    {"setsid", "setsid", [] { return refuse_number(SYS_setsid); },
     [](command &c) { c.process.session = true; }},
    {"setpgid", "setpgid", [] { return refuse_number(SYS_setpgid); },
     [](command &c) { c.process.group = 0; }},
    {"terminal", "ioctl(TIOCSCTTY)",
     [] { return refuse_value(SYS_ioctl, 1, TIOCSCTTY); },
     [](command &c) {
       c.process = {.session = true, .controlling_terminal = 0};
     }},
    {"policy", "sched_setscheduler",
     [] { return refuse_number(SYS_sched_setscheduler); },
     [](command &c) { c.scheduling.policy = SCHED_BATCH; }},
    {"nice", "setpriority", [] { return refuse_number(SYS_setpriority); },
     [](command &c) { c.scheduling.nice = 5; }},
    {"limits", "prlimit64", [] { return refuse_number(SYS_prlimit64); },
     [](command &c) {
       c.limits = {{RLIMIT_CORE, 0, 0}};
     }},
    {"groups", "setgroups", [] { return refuse_number(SYS_setgroups); },
     [](command &c) { c.credentials.groups.emplace(); }},
    {"gid", "setresgid", [] { return refuse_number(SYS_setresgid); },
     [](command &c) { c.credentials.gid = getegid(); }},
    {"uid", "setresuid", [] { return refuse_number(SYS_setresuid); },
     [](command &c) {
       c.credentials.groups.emplace();
       c.credentials.uid = geteuid();
     }},
    {"chdir", "chdir", [] { return refuse_number(SYS_chdir); },
     [](command &c) { c.directory = "/"; }},
    {"fchdir", "fchdir", [] { return refuse_number(SYS_fchdir); },
     [](command &c) { c.directory = high; }},
    {"death_signal", "prctl(PR_SET_PDEATHSIG)",
     [] { return refuse_value(SYS_prctl, 0, PR_SET_PDEATHSIG); },
     [](command &c) { c.process.parent_death_signal = SIGTERM; }},
    {"no_new_privileges", "prctl(PR_SET_NO_NEW_PRIVS)",
     [] { return refuse_value(SYS_prctl, 0, PR_SET_NO_NEW_PRIVS); },
     [](command &c) { c.no_new_privileges = true; }},
    {"disposition", "rt_sigaction",
     [] { return refuse_number(SYS_rt_sigaction); },
     [](command &c) { c.signals.defaulted = {SIGTERM}; }},
    {"execve", "execve", [] { return refuse_number(SYS_execve); }},
    {"clock_when_busy", "clock_gettime",
     [] {
       return refuse_call(SYS_execve, ETXTBSY) &&
              refuse_number(SYS_clock_gettime);
     }},
    {"sleep_when_busy", "nanosleep",
     [] {
       return refuse_call(SYS_execve, ETXTBSY) && refuse_number(SYS_nanosleep);
     }},
};

INSTANTIATE_TEST_SUITE_P(system, failing, testing::ValuesIn(failing_calls),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

class spawn_failure : public spawning {};

/// The child's own, told from the parent's by what they do not ask for; with
/// the child's, the parent's way back is refused too.
TEST_F(spawn_failure, mask_of_the_child) {
  std::jthread([] {
    ASSERT_TRUE(refuse_value(SYS_rt_sigprocmask, 2, 0));
    const auto child = spawn(shell("exit 0"));
    ASSERT_FALSE(child.has_value());
    EXPECT_EQ(child.error(), (clofork::error{"rt_sigprocmask",
                                             {code, std::system_category()}}));
  }).join();
}

/// Where clone3 cannot, the child goes into the cgroup by itself: any
/// directory has the file that it writes to.
TEST_F(spawn_failure, way_into_the_cgroup) {
  std::string directory = testing::TempDir() + "spawn_failure_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  const std::string list = directory + "/cgroup.procs";
  EXPECT_TRUE(in_child([&] {
    EXPECT_TRUE(refuse_call(SYS_clone3, ENOSYS));
    const unique_fd group(open(directory.c_str(), O_PATH | O_CLOEXEC));
    auto wanted = shell("exit 0");
    wanted.process.cgroup = group.get();
    EXPECT_EQ(refusal_of(wanted),
              "open(cgroup.procs): No such file or directory (errno 2)");
    EXPECT_EQ(symlink("/dev/full", list.c_str()), 0);
    EXPECT_EQ(refusal_of(wanted),
              "write(cgroup.procs): No space left on device (errno 28)");
    return !testing::Test::HasFailure();
  }));
  std::filesystem::remove_all(directory);
}

/// Copies of marked descriptors are needed only where the kernel leaves those
/// out of a child's table.
TEST_F(spawn_failure, copy_of_a_marked_descriptor) {
  EXPECT_TRUE(in_child([] {
    const auto root = clofork::open("/", O_RDONLY);
    auto wanted = shell("exit 0");
    wanted.descriptors = {{root->fd.get(), 5}};
    EXPECT_TRUE(refuse_call(SYS_close_range, ENOSYS));
    EXPECT_TRUE(refuse_value(SYS_fcntl, 1, F_DUPFD_CLOEXEC));
    const clofork::error expected{"fcntl(F_DUPFD_CLOEXEC)",
                                  {code, std::system_category()}};
    EXPECT_EQ(refusal_of(wanted),
              root->mark == clofork::fork_mark::none ? "" : expected.message());
    return !testing::Test::HasFailure();
  }));
}

/// As in a namespace of processes of its own, where the parent has no number.
TEST_F(spawn_failure, parent_that_cannot_be_named_costs_a_copy) {
  EXPECT_TRUE(in_child([] {
    const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
    const unique_fd far(fcntl(root.get(), F_DUPFD_CLOEXEC, high));
    auto wanted = shell("exit 0");
    wanted.descriptors = {{far.get(), 5}};
    EXPECT_TRUE(refuse_number(SYS_getppid));
    auto child = spawn(wanted);
    EXPECT_TRUE(child && !child->method().fetching && child->wait()->success());
    return !testing::Test::HasFailure();
  }));
}

/// A zombie would be left for ever.
TEST_F(spawn_failure, is_waited_for_by_another_call) {
  for (const long number : {SYS_waitid, SYS_wait4}) {
    std::jthread([number] {
      ASSERT_TRUE(refuse_number(number));
      auto wanted = shell("exit 0");
      wanted.program = "/nowhere/program";
      EXPECT_FALSE(spawn(wanted).has_value());
    }).join();
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  }
}

TEST_F(spawn_failure, full_table_of_the_parent) {
  EXPECT_TRUE(in_child([] {
    const rlimit small{.rlim_cur = 16, .rlim_max = 16};
    setrlimit(RLIMIT_NOFILE, &small);
    while (dup(0) != -1) {
    }
    EXPECT_EQ(refusal_of(shell("exit 0")),
              "clone3: Too many open files (errno 24)");
    auto piped = shell("exit 0");
    piped.input = stdio::pipe{};
    EXPECT_EQ(refusal_of(piped), "pipe2: Too many open files (errno 24)");
    return !testing::Test::HasFailure();
  }));
}

/// The error of wait() keeps the child, for another try.
TEST_F(spawn_failure, wait_can_be_repeated) {
  auto child = spawn(shell("exit 7"));
  ASSERT_TRUE(child.has_value());
  std::jthread([&] {
    ASSERT_TRUE(refuse_number(SYS_waitid));
    const auto status = child->wait();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(
        status.error().message(),
        (clofork::error{"waitid", {code, std::system_category()}}).message());
  }).join();
  EXPECT_EQ(child->wait()->code, 7);
}

TEST_F(spawn_failure, each_allocation_in_turn) {
  auto wanted = shell("exit 0");
  wanted.environment = {{"A=B"}};
  wanted.input = wanted.output = stdio::pipe{};
  wanted.errors = stdio::file{"/dev/null", O_WRONLY};
  wanted.descriptors = {{0, 5}, {1, 0x10}, {2, 0x11}};
  wanted.limits = {{RLIMIT_CORE, 0, 0}};
  wanted.signals = {.blocked = std::vector<int>{}, .defaulted = {SIGTERM}};
  wanted.directory = "/";
  ASSERT_EQ(refusal_of(wanted), ""); // asks for the features, once
  int failures = 0;
  for (bool spawned = false; !spawned; ++failures) {
    failing_allocation next(failures);
    auto child = spawn(wanted);
    next.stop();
    spawned = child.has_value();
    if (!spawned) {
      EXPECT_EQ(child.error().code, std::errc::not_enough_memory);
      ASSERT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
    }
  }
  EXPECT_GT(failures, 10);
}

} // namespace
