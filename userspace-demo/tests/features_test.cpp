// SPDX-License-Identifier: MIT
#include "clofork/features.h"

#include "in_child.h"
#include "interfaces.h"
#include "seccomp_filter.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "close_on_fork.h" // after the headers whose names it completes

namespace {

using clofork::features;
using clofork::probe_features;
using clofork::unique_fd;

/// Of a test with something that has a name, and an errno.
template <class Info>
std::string name_with_errno(const Info &info) {
  return std::string(std::get<0>(info.param).name) + "_" +
         strerrorname_np(std::get<1>(info.param));
}

class interface : public testing::TestWithParam<kernel_interface> {};

TEST_P(interface, is_what_a_child_sees) {
  const unique_fd made = GetParam().make();
  const auto probed = probe_features();
  ASSERT_TRUE(probed.has_value()) << probed.error().message();
  EXPECT_EQ((*probed).*GetParam().answer, child_lacks(made.get()));
}

INSTANTIATE_TEST_SUITE_P(features, interface,
                         testing::ValuesIn(kernel_interfaces()),
                         [](const auto &info) { return info.param.name; });

/// A seccomp filter's errno that must be read as absence of this interface
/// and of no other.
class refused
    : public testing::TestWithParam<std::tuple<kernel_interface, int>> {};

TEST_P(refused, is_absent) {
  EXPECT_TRUE(in_child([] {
    const auto &[interface, code] = GetParam();
    auto expected = probe_features();
    (*expected).*interface.answer = false;
    expected->calls.io_uring =
        expected->calls.io_uring &&
        interface.answer != &clofork::feature_set::io_uring;
    const bool filtered = interface.refuse(static_cast<unsigned>(code));
    const auto probed = probe_features();
    return filtered && probed && *probed == *expected;
  }));
}

INSTANTIATE_TEST_SUITE_P(
    features, refused,
    testing::Combine(testing::ValuesIn(kernel_interfaces()),
                     testing::Values(EPERM, EACCES, ENOSYS, EINVAL)),
    [](const auto &info) { return name_with_errno(info); });

TEST(features, probing_leaves_no_descriptor) {
  const auto before = open_descriptors();
  ASSERT_TRUE(probe_features().has_value());
  EXPECT_EQ(open_descriptors(), before);
}

TEST(features, probing_needs_few_descriptors) {
  EXPECT_TRUE(in_child([] {
    const auto enough = static_cast<rlim_t>(open_descriptors() - 1 + 5);
    const rlimit limit{.rlim_cur = enough, .rlim_max = enough};
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && probe_features();
  }));
}

TEST(features, probing_makes_no_child) {
  ASSERT_TRUE(probe_features().has_value());
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(features, threads_agree) {
  in_fresh_process([] {
    const auto probed = probe_features();
    std::atomic<int> agreeing = 0;
    {
      std::array<std::jthread, 8> threads;
      for (auto &each : threads) {
        each = std::jthread([&] {
          const auto answer = features();
          agreeing += answer && probed && *answer == *probed ? 1 : 0;
        });
      }
    }
    return agreeing == 8;
  });
}

TEST(features, answer_is_kept) {
  in_fresh_process([] {
    const auto first = features();
    return first && refuse_dupfd_clofork(EMFILE) && !probe_features() &&
           features() && *features() == *first;
  });
}

TEST(features, error_is_not_kept) {
  in_fresh_process([] {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto starved = features();
    const bool again = features().has_value();
    setrlimit(RLIMIT_NOFILE, &limit);
    return !starved && starved.error().code.value() == EMFILE && !again &&
           features();
  });
}

/// What the library does not rely on, but others may.
TEST(features, recvmsg_gives_the_flag_back_where_it_is_honoured) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const unique_fd reading(ends[0]);
  unique_fd(ends[1]).reset();
  msghdr header{};
  ASSERT_EQ(recvmsg(reading.get(), &header, MSG_CMSG_CLOFORK), 0);
  const auto flags = static_cast<unsigned>(header.msg_flags);
  EXPECT_EQ((flags & MSG_CMSG_CLOFORK) != 0, probe_features()->recvmsg);
}

/// Calls of clone3 that end in a child, which exits at once, or in an errno.
int try_clone3(std::uint64_t flags, int cgroup) {
  clone_args args{};
  args.flags = flags;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<std::uint64_t>(cgroup);
  const long child = syscall(SYS_clone3, &args, sizeof(args));
  if (child == 0) {
    _exit(0);
  }
  return child > 0 && waitpid(static_cast<pid_t>(child), nullptr, 0) == child
             ? 0
             : errno;
}

TEST(system_calls, clone3_is_there_when_it_works) {
  EXPECT_EQ(probe_features()->calls.clone3, try_clone3(0, 0) == 0);
}

/// The root directory is in no cgroup file system.
TEST(system_calls, clone_into_cgroup_is_there_when_it_looks_for_the_cgroup) {
  const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(probe_features()->calls.clone_into_cgroup,
            try_clone3(CLONE_INTO_CGROUP, root.get()) == EBADF);
}

TEST(system_calls, close_range_is_there_when_it_closes) {
  const int fd = open("/", O_RDONLY | O_CLOEXEC);
  const auto number = static_cast<unsigned>(fd);
  syscall(SYS_close_range, number, number, 0);
  const bool closed = fcntl(fd, F_GETFD) == -1;
  EXPECT_EQ(probe_features()->calls.close_range, closed);
}

TEST(system_calls, pidfd_is_there_when_it_reaps) {
  const pid_t child = fork();
  if (child == 0) {
    pause();
    _exit(0);
  }
  const unique_fd fd(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  siginfo_t info{};
  const bool reaped =
      syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0) == 0 &&
      waitid(static_cast<idtype_t>(3), static_cast<id_t>(fd.get()), &info,
             WEXITED) == 0;
  EXPECT_EQ(probe_features()->calls.pidfd, reaped);
  if (!reaped) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
}

/// A refused system call, and what of the set is left without it.
struct refused_call {
  const char *name;
  long number;
  clofork::system_call_set left;
};

class refused_calls
    : public testing::TestWithParam<std::tuple<refused_call, int>> {};

TEST_P(refused_calls, are_absent) {
  EXPECT_TRUE(in_child([] {
    auto [call, code] = GetParam();
    // The library may have been built without liburing.
    call.left.io_uring = call.left.io_uring && probe_features()->calls.io_uring;
    const bool filtered = refuse_call(call.number, static_cast<unsigned>(code));
    const auto probed = probe_features();
    return filtered && probed && probed->calls == call.left;
  }));
}

constexpr clofork::system_call_set all_but_io_uring{.close_range = true,
                                                    .clone3 = true,
                                                    .pidfd = true,
                                                    .clone_into_cgroup = true};

constexpr std::array calls{
    refused_call{"close_range",
                 SYS_close_range,
                 {.clone3 = true,
                  .pidfd = true,
                  .clone_into_cgroup = true,
                  .io_uring = true}},
    refused_call{"clone3",
                 SYS_clone3,
                 {.close_range = true, .pidfd = true, .io_uring = true}},
    refused_call{"pidfd_open",
                 SYS_pidfd_open,
                 {.close_range = true,
                  .clone3 = true,
                  .clone_into_cgroup = true,
                  .io_uring = true}},
    refused_call{"pidfd_send_signal",
                 SYS_pidfd_send_signal,
                 {.close_range = true,
                  .clone3 = true,
                  .clone_into_cgroup = true,
                  .io_uring = true}},
    refused_call{"waitid",
                 SYS_waitid,
                 {.close_range = true,
                  .clone3 = true,
                  .clone_into_cgroup = true,
                  .io_uring = true}},
    refused_call{"io_uring_setup", SYS_io_uring_setup, all_but_io_uring},
    refused_call{"io_uring_enter", SYS_io_uring_enter, all_but_io_uring},
};

INSTANTIATE_TEST_SUITE_P(
    system_calls, refused_calls,
    testing::Combine(testing::ValuesIn(calls),
                     testing::Values(EPERM, EACCES, ENOSYS)),
    [](const auto &info) { return name_with_errno(info); });

/// Linux 5.3 to 5.6: clone3 without the field for the cgroup.
TEST(system_calls, clone_into_cgroup_is_absent_from_a_shorter_clone3) {
  EXPECT_TRUE(in_child([] {
    const bool filtered =
        refuse_call_with_value(SYS_clone3, 1, CLONE_ARGS_SIZE_VER2, E2BIG);
    const auto probed = probe_features();
    return filtered && probed && probed->calls.clone3 &&
           !probed->calls.clone_into_cgroup;
  }));
}

TEST(features, other_errno_is_an_error_with_its_stage) {
  EXPECT_TRUE(in_child([] {
    const bool filtered = refuse_open_clofork(ENFILE);
    const auto probed = probe_features();
    return filtered && !probed &&
           probed.error() ==
               clofork::error{"open(/)", {ENFILE, std::system_category()}};
  }));
}

} // namespace
