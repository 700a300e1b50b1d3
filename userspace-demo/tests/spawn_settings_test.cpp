// SPDX-License-Identifier: MIT
// What a spawned program finds besides its descriptors.
#include "clofork/unique_fd.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

using clofork::command;
using clofork::spawn;
using clofork::unique_fd;
using nlohmann::json;
namespace stdio = clofork::stdio;

class spawn_settings : public spawning {};

TEST_F(spawn_settings, are_the_parents_by_default) {
  const auto told = told_by(telling_command());
  const mode_t mask = umask(022);
  umask(mask);
  EXPECT_EQ(told["umask"], mask);
  EXPECT_EQ(told["parent"], getpid());
  EXPECT_EQ(told["group"], getpgrp());
  EXPECT_EQ(told["session"], getsid(0));
  EXPECT_EQ(told["nice"], getpriority(PRIO_PROCESS, 0));
  EXPECT_EQ(told["death_signal"], 0);
  EXPECT_EQ(told["status"]["NoNewPrivs"], "0");
}

TEST_F(spawn_settings, directory_by_path) {
  auto wanted = telling_command();
  wanted.directory = "/usr";
  EXPECT_EQ(told_by(wanted)["directory"], "/usr");
}

TEST_F(spawn_settings, directory_by_descriptor) {
  const unique_fd usr(open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto wanted = telling_command();
  wanted.directory = usr.get();
  const auto told = told_by(wanted);
  EXPECT_EQ(told["directory"], "/usr");
  EXPECT_EQ(told["descriptors"].size(), 3U);
}

TEST_F(spawn_settings, directory_by_high_descriptor) {
  const unique_fd usr(open("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const unique_fd high(fcntl(usr.get(), F_DUPFD_CLOEXEC, 3000));
  auto wanted = telling_command();
  wanted.directory = high.get();
  const auto told = told_by(wanted);
  EXPECT_EQ(told["directory"], "/usr");
  EXPECT_EQ(told["descriptors"].size(), 3U);
}

TEST_F(spawn_settings, directory_decides_where_the_program_is) {
  auto wanted = shell("exit 0");
  wanted.program = "./sh";
  wanted.directory = "/bin";
  EXPECT_EQ(refusal_of(wanted), "");
}

TEST_F(spawn_settings, directory_that_is_none) {
  auto wanted = shell("exit 0");
  wanted.directory = "/dev/null";
  EXPECT_EQ(refusal_of(wanted), "chdir: Not a directory (errno 20)");
  wanted.directory = 0;
  wanted.input = stdio::inherit{};
  const unique_fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  wanted.directory = null.get();
  EXPECT_EQ(refusal_of(wanted), "fchdir: Not a directory (errno 20)");
}

TEST_F(spawn_settings, umask) {
  auto wanted = telling_command();
  wanted.umask = 0017;
  EXPECT_EQ(told_by(wanted)["umask"], 0017);
}

TEST_F(spawn_settings, group_of_its_own) {
  auto wanted = telling_command();
  wanted.process.group = 0;
  const auto told = told_by(wanted);
  EXPECT_EQ(told["group"], told["pid"]);
  EXPECT_EQ(told["session"], getsid(0));
}

TEST_F(spawn_settings, group_of_another_child) {
  auto leader = shell("read line");
  leader.input = stdio::pipe{};
  leader.process.group = 0;
  auto leading = spawn(leader);
  ASSERT_TRUE(leading.has_value()) << leading.error().message();
  auto wanted = telling_command();
  wanted.process.group = leading->pid();
  EXPECT_EQ(told_by(wanted)["group"], leading->pid());
}

TEST_F(spawn_settings, session) {
  auto wanted = telling_command();
  wanted.process.session = true;
  const auto told = told_by(wanted);
  EXPECT_EQ(told["session"], told["pid"]);
  EXPECT_EQ(told["group"], told["pid"]);
  EXPECT_EQ(told["has_terminal"], false);
}

TEST_F(spawn_settings, controlling_terminal) {
  const unique_fd master(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master);
  ASSERT_EQ(grantpt(master.get()), 0);
  ASSERT_EQ(unlockpt(master.get()), 0);
  std::string name(64, '\0');
  ASSERT_EQ(ptsname_r(master.get(), name.data(), name.size()), 0);
  auto wanted = telling_command();
  wanted.process.session = true;
  wanted.process.controlling_terminal = 0;
  name.resize(name.find('\0'));
  wanted.input = stdio::file{name, O_RDWR | O_NOCTTY};
  EXPECT_EQ(told_by(wanted)["has_terminal"], true);
}

TEST_F(spawn_settings, limits) {
  auto wanted = telling_command();
  wanted.limits = {{RLIMIT_CORE, 0, 4096}, {RLIMIT_NOFILE, 50, 60}};
  const auto told = told_by(wanted);
  EXPECT_EQ(told["limits"][RLIMIT_CORE], (json{0, 4096}));
  EXPECT_EQ(told["limits"][RLIMIT_NOFILE], (json{50, 60}));
}

TEST_F(spawn_settings, nice) {
  auto wanted = telling_command();
  wanted.scheduling.nice = 7;
  EXPECT_EQ(told_by(wanted)["nice"], 7);
}

TEST_F(spawn_settings, policy) {
  auto wanted = telling_command();
  wanted.scheduling.policy = SCHED_BATCH;
  EXPECT_EQ(told_by(wanted)["policy"], SCHED_BATCH);
}

TEST_F(spawn_settings, policy_and_priority_of_real_time) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root";
  }
  auto wanted = telling_command();
  wanted.scheduling.policy = SCHED_RR;
  wanted.scheduling.priority = 3;
  const auto told = told_by(wanted);
  EXPECT_EQ(told["policy"], SCHED_RR);
  EXPECT_EQ(told["priority"], 3);
}

TEST_F(spawn_settings, no_new_privileges) {
  auto wanted = telling_command();
  wanted.no_new_privileges = true;
  EXPECT_EQ(told_by(wanted)["status"]["NoNewPrivs"], "1");
}

TEST_F(spawn_settings, parent_death_signal) {
  auto wanted = telling_command();
  wanted.process.parent_death_signal = SIGTERM;
  EXPECT_EQ(told_by(wanted)["death_signal"], SIGTERM);
}

// ---- Credentials ----------------------------------------------------------

/// Run by a user that may not read where this test was built.
std::string status_line(const command &like, const std::string &name) {
  command wanted = like;
  wanted.program = "/bin/grep";
  wanted.arguments = {"grep", "^" + name + ":", "/proc/self/status"};
  wanted.output = stdio::pipe{};
  auto child = spawn(wanted);
  if (!child) {
    return child.error().message();
  }
  auto line = read_all(child->output().get());
  (void)child->wait();
  return line;
}

class spawn_credentials : public spawning {
protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "needs root";
    }
    spawning::SetUp();
  }
};

TEST_F(spawn_credentials, are_set_groups_first_and_user_last) {
  command wanted;
  wanted.credentials = {.groups = {{7, 8}}, .gid = 1234, .uid = 4321};
  EXPECT_EQ(status_line(wanted, "Uid"), "Uid:\t4321\t4321\t4321\t4321\n");
  EXPECT_EQ(status_line(wanted, "Gid"), "Gid:\t1234\t1234\t1234\t1234\n");
  EXPECT_EQ(status_line(wanted, "Groups"), "Groups:\t7 8 \n");
}

TEST_F(spawn_credentials, of_another_user_are_without_roots_groups) {
  EXPECT_TRUE(in_child([] {
    const gid_t group = 77;
    command wanted;
    wanted.credentials.uid = 4321;
    return syscall(SYS_setgroups, 1, &group) == 0 &&
           status_line(wanted, "Groups") == "Groups:\t \n";
  }));
}

TEST_F(spawn_credentials, are_the_childs_alone) {
  command wanted;
  wanted.credentials.uid = 4321;
  std::atomic<bool> stop = false;
  std::thread other([&] {
    while (!stop) {
      EXPECT_EQ(geteuid(), 0U);
    }
  });
  status_line(wanted, "Uid");
  stop = true;
  other.join();
  EXPECT_EQ(getuid(), 0U);
}

/// Its change of user takes the signal back, so the order matters.
TEST_F(spawn_credentials, leave_the_parent_death_signal) {
  auto wanted = shell("exec cat /proc/self/status");
  wanted.credentials.uid = 4321;
  wanted.process.parent_death_signal = SIGKILL;
  wanted.program = "/usr/bin/python3";
  wanted.arguments = {"python3", "-c",
                      "import ctypes; n = ctypes.c_int(); "
                      "ctypes.CDLL(None).prctl(2, ctypes.byref(n)); "
                      "print(n.value)"};
  wanted.output = stdio::pipe{};
  auto child = spawn(wanted);
  ASSERT_TRUE(child.has_value()) << child.error().message();
  EXPECT_EQ(read_all(child->output().get()), "9\n");
  EXPECT_TRUE(child->wait()->success());
}

/// As far as the parent may raise them.
TEST_F(spawn_credentials, come_after_limits) {
  rlimit more{};
  getrlimit(RLIMIT_NOFILE, &more);
  more.rlim_max += 1;
  const bool allowed =
      in_child([&] { return setrlimit(RLIMIT_NOFILE, &more) == 0; });
  command wanted;
  wanted.program = "/bin/true";
  wanted.arguments = {"true"};
  wanted.limits = {{RLIMIT_NOFILE, more.rlim_cur, more.rlim_max}};
  wanted.credentials.uid = 4321;
  EXPECT_EQ(refusal_of(wanted),
            allowed ? "" : "prlimit64: Operation not permitted (errno 1)");
}

TEST_F(spawn_credentials, decide_which_directory_can_be_entered) {
  std::string directory = testing::TempDir() + "spawn_test.XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  auto wanted = shell("exit 0");
  wanted.credentials.uid = 4321;
  wanted.directory = directory;
  EXPECT_EQ(refusal_of(wanted), "chdir: Permission denied (errno 13)");
  const unique_fd fd(open(directory.c_str(), O_PATH | O_CLOEXEC));
  wanted.directory = fd.get();
  EXPECT_EQ(refusal_of(wanted), "fchdir: Permission denied (errno 13)");
  rmdir(directory.c_str());
}

// ---- Signals --------------------------------------------------------------

class spawn_signals : public spawning {};

std::uint64_t bits(const json &told, const char *line) {
  return std::stoull(told["status"][line].get<std::string>(), nullptr, 16);
}

constexpr std::uint64_t bit(int signal) {
  return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
}

TEST_F(spawn_signals, mask_is_the_threads_by_default) {
  sigset_t set{};
  sigset_t before{};
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_SETMASK, &set, &before);
  const auto told = told_by(telling_command());
  sigset_t after{};
  pthread_sigmask(SIG_SETMASK, &before, &after);
  EXPECT_EQ(bits(told, "SigBlk"), bit(SIGUSR2));
  EXPECT_EQ(sigismember(&after, SIGUSR2), 1);
  EXPECT_EQ(sigismember(&after, SIGUSR1), 0);
}

TEST_F(spawn_signals, mask_as_asked_for) {
  auto wanted = telling_command();
  wanted.signals.blocked = {SIGUSR1, SIGTERM};
  EXPECT_EQ(bits(told_by(wanted), "SigBlk"), bit(SIGUSR1) | bit(SIGTERM));
  wanted.signals.blocked.emplace();
  EXPECT_EQ(bits(told_by(wanted), "SigBlk"), 0U);
}

TEST_F(spawn_signals, dispositions_as_asked_for) {
  std::signal(SIGUSR1, SIG_IGN);
  std::signal(SIGUSR2, SIG_IGN);
  auto wanted = telling_command();
  wanted.signals.defaulted = {SIGUSR2};
  wanted.signals.ignored = {SIGTERM};
  const auto ignored = bits(told_by(wanted), "SigIgn");
  std::signal(SIGUSR1, SIG_DFL);
  EXPECT_EQ(std::signal(SIGUSR2, SIG_DFL), SIG_IGN);
  EXPECT_EQ(ignored & (bit(SIGUSR1) | bit(SIGUSR2) | bit(SIGTERM)),
            bit(SIGUSR1) | bit(SIGTERM));
}

std::atomic<pid_t> parent = 0;
std::atomic<bool> handled_by_a_child = false;

/// Spawns under a storm of signals to the whole process group; true when no
/// child ran the handler.
bool no_child_handles_signals() {
  setpgid(0, 0);
  parent = getpid();
  std::signal(SIGALRM, [](int /*signal*/) {
    if (getpid() != parent) {
      handled_by_a_child = true;
    }
  });
  std::atomic<bool> stop = false;
  std::thread storm([&] {
    while (!stop) {
      kill(0, SIGALRM);
    }
  });
  auto wanted = shell("exit 0");
  wanted.signals.blocked.emplace();
  bool spawned = true;
  for (int round = 0; round < 200; ++round) {
    auto child = spawn(wanted);
    spawned = spawned && child;
  }
  stop = true;
  storm.join();
  return spawned && !handled_by_a_child;
}

/// A signal that waits for the child comes in once its mask lets it, just
/// before the exec. A handler would run on the memory of this process.
TEST_F(spawn_signals, handlers_never_run_in_the_child) {
  EXPECT_TRUE(in_child(no_child_handles_signals));
}

/// Where the child has the parent's handlers until it takes them away.
TEST_F(spawn_signals, handlers_never_run_in_the_child_without_clone3) {
  EXPECT_TRUE(in_child([] {
    return refuse_call(SYS_clone3, ENOSYS) && no_child_handles_signals();
  }));
}

// ---- Cgroups --------------------------------------------------------------

/// A cgroup of its own, below a mount that has no path.
class spawn_cgroup : public spawning {
protected:
  void SetUp() override {
    spawning::SetUp();
    const unique_fd context(
        static_cast<int>(syscall(SYS_fsopen, "cgroup2", 1))); // FSOPEN_CLOEXEC
    if (!context || syscall(SYS_fsconfig, context.get(), 6, nullptr, nullptr,
                            0) == -1) { // FSCONFIG_CMD_CREATE
      GTEST_SKIP() << "no cgroup v2 to be mounted here";
    }
    root_.reset(static_cast<int>(syscall(SYS_fsmount, context.get(), 1, 0)));
    ASSERT_TRUE(root_);
    ASSERT_EQ(mkdirat(root_.get(), name_.c_str(), 0700), 0);
    group_.reset(openat(root_.get(), name_.c_str(), O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(group_);
  }
  void TearDown() override {
    group_.reset();
    if (root_) {
      EXPECT_EQ(unlinkat(root_.get(), name_.c_str(), AT_REMOVEDIR), 0);
    }
    root_.reset();
    spawning::TearDown();
  }

  [[nodiscard]] int group() const { return group_.get(); }
  [[nodiscard]] const std::string &name() const { return name_; }

private:
  std::string name_ = "clofork_test_" + std::to_string(getpid());
  unique_fd root_;
  unique_fd group_;
};

TEST_F(spawn_cgroup, is_where_the_child_begins) {
  auto wanted = telling_command();
  wanted.process.cgroup = group();
  const std::string told = told_by(wanted)["cgroup"];
  EXPECT_NE(told.find("0::/" + name()), std::string::npos) << told;
}

TEST_F(spawn_cgroup, is_entered_without_clone3) {
  EXPECT_TRUE(in_child([&] {
    EXPECT_TRUE(refuse_call(SYS_clone3, ENOSYS));
    auto wanted = telling_command();
    wanted.process.cgroup = group();
    const std::string told = told_by(wanted)["cgroup"];
    EXPECT_NE(told.find("0::/" + name()), std::string::npos) << told;
    return !HasFailure();
  }));
}

TEST_F(spawn_cgroup, must_be_one) {
  const unique_fd root(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  auto wanted = telling_command();
  wanted.process.cgroup = root.get();
  EXPECT_EQ(refusal_of(wanted), "clone3: Bad file descriptor (errno 9)");
}

} // namespace
