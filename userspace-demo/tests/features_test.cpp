// SPDX-License-Identifier: MIT
#include "clofork/features.h"

#include "clofork/unique_fd.h"
#include "close_on_fork.h"
#include "seccomp_filter.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using clofork::features;
using clofork::probe_features;
using clofork::unique_fd;

/// Runs the check in a forked child, which may spoil its own process. True
/// when it returned true there.
bool in_child(const std::function<bool()> &check) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(check() ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/// What the mark is for, seen without asking for the flag.
bool child_lacks(int fd) {
  return fd != -1 &&
         in_child([fd] { return fcntl(fd, F_GETFD) == -1 && errno == EBADF; });
}

TEST(features, open_is_what_a_child_sees) {
  const unique_fd root(open("/", O_RDONLY | O_CLOEXEC | O_CLOFORK));
  ASSERT_TRUE(root);
  const auto probed = probe_features();
  ASSERT_TRUE(probed.has_value()) << probed.error().message();
  EXPECT_EQ(probed->open, child_lacks(root.get()));
}

TEST(features, setfd_is_what_a_child_sees) {
  const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(fcntl(root.get(), F_SETFD, FD_CLOEXEC | FD_CLOFORK), 0);
  const auto probed = probe_features();
  ASSERT_TRUE(probed.has_value()) << probed.error().message();
  EXPECT_EQ(probed->setfd, child_lacks(root.get()));
}

TEST(features, dupfd_is_what_a_child_sees) {
  const unique_fd root(open("/", O_RDONLY | O_CLOEXEC));
  const unique_fd copy(fcntl(root.get(), F_DUPFD_CLOFORK, 0));
  const auto probed = probe_features();
  ASSERT_TRUE(probed.has_value()) << probed.error().message();
  EXPECT_EQ(probed->dupfd, child_lacks(copy.get()));
}

auto open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       {});
}

TEST(features, probing_leaves_no_descriptor) {
  const auto before = open_descriptors();
  ASSERT_TRUE(probe_features().has_value());
  EXPECT_EQ(open_descriptors(), before);
}

/// features() keeps its first answer, so that its tests need a process that
/// has not asked: the program is started anew for the check alone.
void in_fresh_process(const std::function<bool()> &check) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(_exit(check() ? 0 : 1), testing::ExitedWithCode(0), "");
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

/// A seccomp filter's errno that must be read as absence.
class refused : public testing::TestWithParam<int> {};

TEST_P(refused, dupfd_is_absent) {
  EXPECT_TRUE(in_child([] {
    auto expected = probe_features();
    (*expected).dupfd = false;
    const bool filtered = refuse_dupfd_clofork(GetParam());
    const auto probed = probe_features();
    return filtered && probed && *probed == *expected;
  }));
}

TEST_P(refused, open_is_absent) {
  EXPECT_TRUE(in_child([] {
    auto expected = probe_features();
    (*expected).open = false;
    const bool filtered = refuse_open_clofork(GetParam());
    const auto probed = probe_features();
    return filtered && probed && *probed == *expected;
  }));
}

TEST_P(refused, setfd_is_absent) {
  EXPECT_TRUE(in_child([] {
    auto expected = probe_features();
    (*expected).setfd = false;
    const bool filtered = refuse_setfd_clofork(GetParam());
    const auto probed = probe_features();
    return filtered && probed && *probed == *expected;
  }));
}

INSTANTIATE_TEST_SUITE_P(features, refused,
                         testing::Values(EPERM, ENOSYS, EINVAL));

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
