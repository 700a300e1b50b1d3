// SPDX-License-Identifier: MIT
// What spawn() promises holds on older kernels and under filters of system
// calls: each newer call is refused, and all of them at once.
#include "clofork/features.h"
#include "clofork/gate.h"
#include "clofork/marked_fd.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <functional>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clofork::command;
using clofork::spawn;
using clofork::spawn_method;
using clofork::unique_fd;
namespace stdio = clofork::stdio;

struct refused_call {
  const char *name;
  std::function<bool(unsigned)> refuse;
  spawn_method left;
};

std::ostream &operator<<(std::ostream &out, const refused_call &each) {
  return out << each.name;
}

/// But not for threads, whose flags are others.
bool refuse_shared_tables(unsigned code) {
  constexpr unsigned flags = CLONE_VM | CLONE_VFORK | CLONE_FILES;
  return refuse_clone3(code) &&
         refuse_call_with_value(SYS_clone, 0, flags, code) &&
         refuse_call_with_value(SYS_clone, 0, flags | CLONE_PIDFD, code);
}

bool refuse_everything(unsigned code) {
  return refuse_pidfds(code) && refuse_shared_tables(code) &&
         refuse_call(SYS_close_range, code) &&
         refuse_call(SYS_pidfd_getfd, code);
}

const std::vector<refused_call> refused_calls = {
    {"clone3", refuse_clone3, {.clone3 = false}},
    {"pidfd",
     refuse_pidfds,
     {.clone3 = false, .pidfd = false, .fetching = false}},
    {"pidfd_send_signal",
     [](unsigned code) { return refuse_call(SYS_pidfd_send_signal, code); },
     {}},
    {"waitid_by_pidfd",
     [](unsigned /*code*/) {
       return refuse_call_with_value(SYS_waitid, 0, 3, EINVAL);
     },
     {}},
    {"shared_table",
     refuse_shared_tables,
     {.clone3 = false, .pidfd = false, .shared_table = false}},
    {"unshare_of_close_range",
     [](unsigned code) {
       return refuse_call_with_bits(SYS_close_range, 2, CLOSE_RANGE_UNSHARE,
                                    code);
     },
     {.shared_table = false}},
    {"close_range",
     [](unsigned code) { return refuse_call(SYS_close_range, code); },
     {.shared_table = false, .close_range = false}},
    {"pidfd_open",
     [](unsigned code) { return refuse_call(SYS_pidfd_open, code); },
     {.fetching = false}},
    {"pidfd_getfd",
     [](unsigned code) { return refuse_call(SYS_pidfd_getfd, code); },
     {.fetching = false}},
    {"everything",
     refuse_everything,
     {.clone3 = false,
      .pidfd = false,
      .shared_table = false,
      .close_range = false}}, // nothing to fetch with a full copy
};

class fallback
    : public spawning,
      public testing::WithParamInterface<std::tuple<refused_call, unsigned>> {
protected:
  /// In a process of its own: a filter stays, and so does what spawn() has
  /// learned of it.
  static void refused(const std::function<void()> &check) {
    EXPECT_TRUE(in_child([&] {
      const auto &[call, code] = GetParam();
      EXPECT_TRUE(call.refuse(code));
      check();
      return !testing::Test::HasFailure();
    }));
  }

  static const spawn_method &left() { return std::get<0>(GetParam()).left; }
};

TEST_P(fallback, is_what_the_child_tells) {
  refused([] {
    const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
    const unique_fd high(fcntl(root.get(), F_DUPFD_CLOEXEC, 3000));
    auto wanted = shell("exit 0");
    wanted.descriptors = {{high.get(), 5}};
    for (int round = 0; round < 2; ++round) { // found out, then remembered
      auto child = spawn(wanted);
      ASSERT_TRUE(child.has_value()) << child.error().message();
      EXPECT_EQ(child->method(), left());
      EXPECT_EQ(child->pidfd() != -1, left().pidfd);
      EXPECT_TRUE(child->wait()->success());
    }
  });
}

TEST_P(fallback, gives_the_child_what_it_is_to_have_and_no_more) {
  refused([] {
    const unique_fd inheritable(open("/dev/null", O_RDONLY)); // NOLINT
    const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
    const unique_fd high(fcntl(root.get(), F_DUPFD_CLOEXEC, 3000));
    ASSERT_TRUE(clofork::mark(root.get()).has_value());
    ASSERT_TRUE(clofork::mark(high.get()).has_value());
    auto wanted = telling_command();
    wanted.input = stdio::null{};
    wanted.descriptors = {
        {root.get(), 3}, {0, root.get()}, {high.get(), 90}, {root.get(), 3100}};
    const auto told = told_by(wanted);
    const auto &all = told["descriptors"];
    EXPECT_EQ(all.size(), 7U) << all;
    EXPECT_EQ(all["0"]["path"], "/dev/null");
    EXPECT_EQ(all["3"]["path"], "/");
    EXPECT_EQ(all["90"]["path"], "/");
    EXPECT_EQ(all["3100"]["path"], "/");
    for (const auto &[number, descriptor] : all.items()) {
      EXPECT_EQ(descriptor["flags"], 0) << number;
    }
  });
}

/// The list of /proc/self/fd comes in several parts, and the table is full.
TEST_P(fallback, closes_a_thousand_others) {
  refused([] {
    const rlimit limit{.rlim_cur = 1024, .rlim_max = 1024};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    const auto known = clofork::features(); // asked while there is room
    std::vector<unique_fd> many;
    for (int fd = 0; (fd = open("/dev/null", O_RDONLY)) != -1;) { // NOLINT
      many.emplace_back(fd);
    }
    // For the pipe, the pidfd, and a copy of the pipe's end that is marked.
    std::size_t needed = left().pidfd ? 3 : 2;
    needed += known && known->pipe2 && !left().shared_table ? 1 : 0;
    many.resize(many.size() - needed);
    EXPECT_EQ(told_by(telling_command())["descriptors"].size(), 3U);
  });
}

TEST_P(fallback, sets_signals) {
  refused([] {
    std::signal(SIGUSR1, [](int /*signal*/) {});
    std::signal(SIGUSR2, SIG_IGN);
    auto wanted = telling_command();
    wanted.signals.blocked = {SIGTERM};
    const auto status = told_by(wanted)["status"];
    EXPECT_EQ(status["SigBlk"], "0000000000004000");
    // Others may be ignored by whoever started the tests.
    const auto ignored =
        std::stoull(status["SigIgn"].get<std::string>(), nullptr, 16);
    EXPECT_EQ(ignored & 0xa00, 0x800U); // SIGUSR1 and SIGUSR2
  });
}

TEST_P(fallback, reports_a_failed_exec) {
  refused([] {
    auto wanted = shell("exit 0");
    wanted.program = "/nowhere/program";
    EXPECT_EQ(refusal_of(wanted),
              "execve: No such file or directory (errno 2)");
    EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
  });
}

TEST_P(fallback, lets_closing_sections_in) {
  refused([] {
    auto wanted = shell("read line");
    wanted.input = stdio::pipe{};
    auto child = spawn(wanted);
    ASSERT_TRUE(child.has_value()) << child.error().message();
    alarm(10); // should it wait
    const clofork::closing_section section;
    alarm(0);
  });
}

TEST_P(fallback, waits) {
  refused([] {
    auto child = spawn(waiting());
    ASSERT_TRUE(child.has_value()) << child.error().message();
    EXPECT_FALSE(child->wait_for(20ms)->has_value());
    child->input().reset();
    EXPECT_EQ((*child->wait_for(1h))->code, 1);
    EXPECT_EQ(child->wait()->code, 1);
    EXPECT_EQ(child->signal(SIGKILL).error().code, std::errc::no_such_process);
    EXPECT_EQ(waitpid(-1, nullptr, __WALL), -1);
  });
}

TEST_P(fallback, signals) {
  refused([] {
    auto leading = waiting();
    leading.process.group = 0;
    auto child = spawn(waiting());
    auto other = spawn(leading);
    ASSERT_TRUE(child && other);
    EXPECT_TRUE(child->signal(SIGTERM).has_value());
    EXPECT_EQ(child->wait()->signal, SIGTERM);
    EXPECT_TRUE(other->signal_group(SIGTERM).has_value());
    EXPECT_EQ(other->wait()->signal, SIGTERM);
  });
}

TEST_P(fallback, leaves_no_zombie) {
  refused([] {
    pid_t killed = 0;
    {
      auto child = spawn(waiting());
      ASSERT_TRUE(child.has_value()) << child.error().message();
      killed = child->pid();
    }
    EXPECT_EQ(kill(killed, 0), -1);
    if (std::get<1>(GetParam()) != ENOSYS) {
      return; // the C library makes no threads when clone3 ends with EPERM
    }
    auto child = spawn(waiting());
    ASSERT_TRUE(child.has_value()) << child.error().message();
    const auto detached = child->pid();
    ASSERT_TRUE(child->detach().has_value());
    child->input().reset();
    while (kill(detached, 0) == 0) {
      std::this_thread::sleep_for(1ms);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(refused, fallback,
                         testing::Combine(testing::ValuesIn(refused_calls),
                                          testing::Values(ENOSYS, EPERM)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) == EPERM
                                       ? "_eperm"
                                       : "_enosys");
                         });

} // namespace
