// SPDX-License-Identifier: MIT
// What a child of spawn() holds of its parent's table on the way to its own:
// of what it was not given, nothing, if it may fetch what it was.
#include "clofork/descriptors.h"
#include "clofork/features.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <linux/seccomp.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

namespace {

using clofork::command;
using clofork::spawn;
using clofork::unique_fd;

/// By what /proc shows of its descriptors.
bool process_has(pid_t process, std::string_view file) {
  const auto table = "/proc/" + std::to_string(process) + "/fd";
  for (const auto &each : std::filesystem::directory_iterator(table)) {
    std::error_code ignored;
    const auto path = std::filesystem::read_symlink(each.path(), ignored);
    if (path.native().find(file) != std::string::npos) {
      return true;
    }
  }
  return false;
}

/// Lets a call go on that is held. Whether a process that made it, other than
/// the thread that spawns, had the file.
bool let_go_on(int listener, pid_t spawning, std::string_view file) {
  seccomp_notif held{};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &held) == -1) {
    return false;
  }
  const auto caller = static_cast<pid_t>(held.pid);
  const bool had = caller != spawning && process_has(caller, file);
  seccomp_notif_resp answer{};
  answer.id = held.id;
  answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  return had;
}

/// Spawns in a thread that is held, as its children are, at each F_SETFD: a
/// child's first is for a stream that it keeps, as soon as it has a table of
/// its own. Whether a child had the file then; none: it cannot be held.
std::optional<bool> child_had(std::string_view file, const command &wanted) {
  constexpr int unknown = -2;
  std::atomic<int> listener = unknown;
  std::atomic<pid_t> thread = 0;
  std::atomic<bool> over = false;
  std::jthread spawning([&] {
    thread = static_cast<pid_t>(syscall(SYS_gettid));
    listener = hold_call_with_value(SYS_fcntl, 1, F_SETFD);
    listener.notify_one();
    EXPECT_EQ(refusal_of(wanted), "");
    over = true;
  });
  listener.wait(unknown);
  const unique_fd calls(listener);
  bool had = false;
  while (!over) {
    pollfd held{.fd = calls.get(), .events = POLLIN, .revents = 0};
    if (poll(&held, 1, 10) == 1 && (held.revents & POLLIN) != 0) {
      had = let_go_on(calls.get(), thread, file) || had;
    }
  }
  spawning.join();
  return calls ? std::optional(had) : std::nullopt;
}

class spawn_table : public spawning {
protected:
  void SetUp() override {
    spawning::SetUp();
    (void)clofork::features(); // asked with F_SETFD too
  }
};

/// A file whose name is that, at a number, marked as far as can be.
unique_fd uninvited(int number) {
  const auto file = clofork::memfd("uninvited");
  unique_fd moved(fcntl(file->fd.get(), F_DUPFD_CLOEXEC, number));
  EXPECT_TRUE(clofork::mark(moved.get()));
  return moved;
}

/// Kernels that do not honour the mark copy a whole word of 64 all the same.
TEST_F(spawn_table, is_never_one_of_files_below_the_one_handed_over) {
  std::vector<int> all{100};
  if (clofork::features()->close_range) {
    all.push_back(10);
  }
  for (const int number : all) {
    const unique_fd file = uninvited(number);
    const unique_fd handed(fcntl(0, F_DUPFD_CLOEXEC, number + 100));
    auto wanted = shell("exit 0");
    wanted.descriptors = {{handed.get(), 3}};
    const auto had = child_had("uninvited", wanted);
    if (!had) {
      GTEST_SKIP() << "another listens to the filters of this process";
    }
    EXPECT_FALSE(*had) << number;
  }
}

/// As it is documented, and to see that the above would be seen.
TEST_F(spawn_table, has_files_for_a_moment_where_none_may_be_fetched) {
  EXPECT_TRUE(in_child([] {
    const unique_fd file = uninvited(100);
    const unique_fd handed(fcntl(0, F_DUPFD_CLOEXEC, 200));
    auto wanted = shell("exit 0");
    wanted.descriptors = {{handed.get(), 3}};
    EXPECT_TRUE(refuse_call(SYS_pidfd_getfd, EPERM));
    EXPECT_TRUE(child_had("uninvited", wanted).value_or(true));
    return !HasFailure();
  }));
}

/// Whether a child that is handed a descriptor from there on fetched it.
std::optional<bool> fetched(int from) {
  const unique_fd handed(fcntl(0, F_DUPFD_CLOEXEC, from));
  auto wanted = shell("exit 0");
  wanted.descriptors = {{handed.get(), 3}};
  auto child = spawn(wanted);
  if (!child || !child->wait()->success()) {
    return std::nullopt;
  }
  return child->method().fetching;
}

/// Fetching takes two numbers for a moment. The next spawn may have them.
TEST_F(spawn_table, may_be_filled_by_what_is_handed_over) {
  EXPECT_TRUE(in_child([] {
    const unique_fd handed(fcntl(0, F_DUPFD_CLOEXEC, 10));
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    auto wanted = shell("exit 0");
    wanted.limits = {{RLIMIT_NOFILE, 100, 100}}; // the program needs some
    limit.rlim_cur = 64;
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (int number = 3; number < 64; ++number) {
      wanted.descriptors.push_back({handed.get(), number});
    }
    EXPECT_EQ(refusal_of(wanted), "");
    EXPECT_EQ(fetched(10), true);
    return !HasFailure();
  }));
}

/// Of a security module, of which none of the others is told.
TEST_F(spawn_table, is_copied_where_access_to_the_parent_is_denied) {
  for (const long number : {SYS_pidfd_open, SYS_pidfd_getfd}) {
    EXPECT_TRUE(in_child([number] {
      EXPECT_TRUE(refuse_call(number, EACCES));
      EXPECT_EQ(fetched(10), false);
      return !HasFailure();
    }));
  }
}

/// Where nothing tells whether there will be a second child.
TEST_F(spawn_table, is_copied_into_a_new_pid_namespace_without_proc) {
  EXPECT_TRUE(in_child([] {
    const int user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
    EXPECT_EQ(unshare(CLONE_NEWNS | CLONE_NEWPID | user), 0);
    EXPECT_EQ(mount("none", "/proc", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(mount("none", "/proc", "tmpfs", 0, nullptr), 0);
    EXPECT_EQ(fetched(10), false);
    return !HasFailure();
  }));
}

/// Not dumpable: it leaves no core, and on kernels before 5.16, where a dump
/// ends all that share memory, no parent that ends with the child.
TEST_F(spawn_table, is_copied_where_a_filter_kills_whoever_fetches) {
  EXPECT_TRUE(in_child([] {
    prctl(PR_SET_DUMPABLE, 0);
    EXPECT_TRUE(kill_for_call(SYS_pidfd_getfd));
    EXPECT_EQ(fetched(10), false);
    EXPECT_EQ(fetched(10), false);
    return !HasFailure();
  }));
}

} // namespace
