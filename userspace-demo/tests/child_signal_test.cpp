// SPDX-License-Identifier: MIT
// Signals reach the child and its group, and nobody else: not even one that
// has got the child's number since.
#include "clofork/child.h"

#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <functional>
#include <linux/sched.h>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using clofork::child;
namespace stdio = clofork::stdio;

class child_signal_test : public spawning {};

/// Whether all writers of a pipe are gone, soon and without a word.
bool has_ended(int fd) {
  constexpr int patience = 10'000; // milliseconds
  pollfd end{.fd = fd, .events = POLLIN, .revents = 0};
  return poll(&end, 1, patience) == 1 && read_all(fd).empty();
}

/// The leader of a group or session, whose cats run until its input is closed.
/// Its script says so after them. (What runs behind has another descriptor 0.)
child leader(std::string_view script, bool of_session = false) {
  auto wanted = shell("exec 3<&0; cat <&3 & cat <&3 & " + std::string(script));
  wanted.input = wanted.output = stdio::pipe{};
  if (of_session) {
    wanted.process.session = true;
  } else {
    wanted.process.group = 0;
  }
  auto run = started(wanted);
  char said = 0;
  EXPECT_EQ(read(run.output().get(), &said, 1), 1);
  return run;
}

/// PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9.
bool knows_group(int pidfd) {
  constexpr unsigned to_group = 1U << 2;
  return syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, to_group) == 0;
}

TEST_F(child_signal_test, reaches_the_program) {
  auto run = started(waiting());
  EXPECT_TRUE(run.signal(SIGTERM).has_value());
  EXPECT_EQ(run.wait()->signal, SIGTERM);
}

TEST_F(child_signal_test, after_the_wait_is_esrch) {
  auto run = started(shell("exit 0"));
  ASSERT_TRUE(run.wait().has_value());
  EXPECT_EQ(run.signal(SIGTERM).error().code, std::errc::no_such_process);
}

TEST_F(child_signal_test, that_is_none_is_einval) {
  auto run = started(waiting());
  EXPECT_EQ(run.signal(-1).error().code, std::errc::invalid_argument);
  EXPECT_EQ(run.signal(65).error().code, std::errc::invalid_argument);
}

/// The number may be another's when somebody else has waited.
TEST_F(child_signal_test, after_another_wait_is_esrch) {
  auto run = started(shell("exit 0"));
  ASSERT_EQ(waitpid(run.pid(), nullptr, 0), run.pid());
  EXPECT_EQ(run.signal(SIGTERM).error().code, std::errc::no_such_process);
  EXPECT_EQ(run.wait().error().code, std::errc::no_child_process);
  EXPECT_EQ(run.wait().error().code, std::errc::no_child_process);
}

TEST_F(child_signal_test, reaches_the_whole_group) {
  auto run = leader("echo; wait");
  EXPECT_TRUE(run.signal_group(SIGKILL).has_value());
  EXPECT_EQ(run.wait()->signal, SIGKILL);
  EXPECT_TRUE(has_ended(run.output().get()));
}

/// EINVAL is of Linux before 6.9, which does not know the group.
TEST_F(child_signal_test, reaches_the_whole_group_by_its_number) {
  for (const unsigned code : {EINVAL, ENOSYS, EPERM}) {
    EXPECT_TRUE(in_child([&] {
      EXPECT_TRUE(refuse_call(SYS_pidfd_send_signal, code));
      auto run = leader("echo; wait");
      if (!run.signal_group(SIGKILL)) {
        return false;
      }
      EXPECT_EQ(run.wait()->signal, SIGKILL);
      EXPECT_TRUE(has_ended(run.output().get()));
      return !HasFailure();
    })) << code;
  }
}

/// The group outlives its leader.
TEST_F(child_signal_test, reaches_what_the_leader_left) {
  auto run = leader("echo; exit 0", true);
  ASSERT_TRUE(run.wait()->success());
  // Before Linux 6.9 a group has no name that is safe to use after the wait.
  const bool can = knows_group(run.pidfd());
  const auto sent = run.signal_group(SIGKILL);
  EXPECT_EQ(sent.has_value(), can);
  if (!can) {
    EXPECT_EQ(sent.error().code, std::errc::no_such_process);
    run.input().reset();
  }
  EXPECT_TRUE(has_ended(run.output().get()));
}

TEST_F(child_signal_test, group_needs_a_leader) {
  auto run = started(waiting());
  EXPECT_EQ(run.signal_group(SIGKILL).error().code,
            std::errc::invalid_argument);
}

TEST_F(child_signal_test, beside_a_wait_of_another_thread) {
  auto run = started(waiting());
  std::jthread killer([&] { EXPECT_TRUE(run.signal(SIGKILL).has_value()); });
  EXPECT_EQ(run.wait()->signal, SIGKILL);
}

/// A signal takes nothing from a wait that comes after.
TEST_F(child_signal_test, leaves_the_status_of_what_has_ended) {
  EXPECT_TRUE(in_child([] {
    auto run = started(shell("exit 7"));
    await_end(run);
    EXPECT_TRUE(refuse_call(SYS_pidfd_send_signal, ENOSYS));
    EXPECT_TRUE(run.signal(SIGTERM).has_value());
    EXPECT_EQ(run.wait()->code, 7);
    return !HasFailure();
  }));
}

/// A child of this process that has the number; -1 where that is not allowed.
pid_t child_numbered(pid_t number) {
  clone_args wanted{};
  wanted.exit_signal = SIGCHLD;
  wanted.set_tid = reinterpret_cast<std::uintptr_t>(&number);
  wanted.set_tid_size = 1;
  const auto pid =
      static_cast<pid_t>(syscall(SYS_clone3, &wanted, sizeof wanted));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      pause();
    }
  }
  return pid;
}

/// The child that was started and waited for, its number another's by then.
struct recycled {
  const char *name;
  bool (*refuse)(unsigned); ///< for the spawn; no filter if null
  bool by_another;          ///< the wait
};

const std::vector<recycled> recycled_children = {
    {"with_a_pidfd", nullptr, false},
    {"with_a_pidfd_by_another", nullptr, true},
    {"without_a_pidfd", refuse_pidfds, false},
    {"without_a_pidfd_by_another", refuse_pidfds, true},
};

std::ostream &operator<<(std::ostream &out, const recycled &each) {
  return out << each.name;
}

class recycled_number : public spawning,
                        public testing::WithParamInterface<recycled> {
protected:
  void SetUp() override {
    spawning::SetUp();
    const pid_t probe = child_numbered(getpid());
    ASSERT_EQ(probe, -1);
    if (errno == EPERM) {
      GTEST_SKIP() << "needs CAP_SYS_ADMIN, to choose a number";
    }
  }

  /// Uses the ended child, and looks whether its successor in number lives: in
  /// a process of its own, as the library remembers that it had no pidfd.
  static void spares(const std::function<void(child &)> &use) {
    EXPECT_TRUE(in_child([&] {
      auto run = ended();
      const pid_t number = run->pid();
      const pid_t other = child_numbered(number);
      EXPECT_EQ(other, number);
      EXPECT_EQ(setpgid(other, other), 0);
      use(*run);
      run.reset();
      siginfo_t info{};
      waitid(P_PID, static_cast<id_t>(other), &info, WEXITED | WNOHANG);
      EXPECT_EQ(info.si_pid, 0) << "killed with " << info.si_status;
      kill(other, SIGKILL);
      waitpid(other, nullptr, 0);
      return !HasFailure();
    }));
  }

private:
  /// Started in a thread of its own, as filters stay with theirs.
  static std::optional<child> ended() {
    std::optional<child> run;
    std::thread([&] {
      if (GetParam().refuse == nullptr || GetParam().refuse(ENOSYS)) {
        auto wanted = shell("exit 0");
        wanted.process.group = 0;
        run.emplace(started(wanted));
      }
    }).join();
    if (GetParam().by_another) {
      EXPECT_EQ(waitpid(run->pid(), nullptr, 0), run->pid());
      EXPECT_EQ(run->wait().error().code, std::errc::no_child_process);
    } else {
      EXPECT_TRUE(run->wait()->success());
    }
    return run;
  }
};

TEST_P(recycled_number, gets_no_signal) {
  spares([](child &run) {
    EXPECT_EQ(run.signal(SIGTERM).error().code, std::errc::no_such_process);
  });
}

TEST_P(recycled_number, gets_no_signal_to_a_group) {
  spares([](child &run) {
    EXPECT_EQ(run.signal_group(SIGTERM).error().code,
              std::errc::no_such_process);
  });
}

TEST_P(recycled_number, gets_no_signal_after_a_move) {
  spares([](child &run) {
    const child next = std::move(run);
    EXPECT_EQ(next.signal(SIGTERM).error().code, std::errc::no_such_process);
  });
}

TEST_P(recycled_number, gets_no_signal_after_a_move_onto_a_child) {
  spares([](child &run) {
    child next = started(waiting());
    next = std::move(run);
    EXPECT_EQ(next.signal(SIGTERM).error().code, std::errc::no_such_process);
  });
}

INSTANTIATE_TEST_SUITE_P(child, recycled_number,
                         testing::ValuesIn(recycled_children),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

} // namespace
