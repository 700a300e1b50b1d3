// SPDX-License-Identifier: MIT
#include "clofork/descriptors.h"

#include "clofork/features.h"
#include "in_child.h"
#include "interfaces.h"
#include "seccomp_filter.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "close_on_fork.h" // after the headers whose names it completes

namespace {

using clofork::features;
using clofork::fork_mark;
using clofork::marked_fd;

std::vector<kernel_interface> used_by_library() {
  std::vector<kernel_interface> used;
  for (const auto &each : kernel_interfaces()) {
    if (each.make_by_library != nullptr) {
      used.push_back(each);
    }
  }
  return used;
}

bool is_close_on_exec(int fd) {
  return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/// What it says is what the kernel and a child see.
bool tells_the_truth(const marked_fd &made) {
  const bool marked = made.mark != fork_mark::none;
  return is_close_on_exec(made.fd.get()) &&
         marked == ((fcntl(made.fd.get(), F_GETFD) & FD_CLOFORK) != 0) &&
         marked == child_lacks(made.fd.get());
}

class maker : public testing::TestWithParam<kernel_interface> {};

TEST_P(maker, marks_as_far_as_the_kernel_can) {
  const auto known = features();
  ASSERT_TRUE(known.has_value());
  const auto made = GetParam().make_by_library();
  ASSERT_TRUE(made.has_value()) << made.error().message();
  EXPECT_TRUE(tells_the_truth(*made));
  EXPECT_EQ(made->mark, (*known).*GetParam().answer ? fork_mark::born
                        : known->setfd              ? fork_mark::late
                                                    : fork_mark::none);
}

TEST_P(maker, leaves_no_other_descriptor) {
  const auto before = open_descriptors();
  { const auto made = GetParam().make_by_library(); }
  EXPECT_EQ(open_descriptors(), before);
}

/// A kernel, or a filter, that has F_SETFD only.
TEST_P(maker, falls_back_where_the_interface_is_refused) {
  in_fresh_process([] {
    GetParam().refuse(ENOSYS);
    const auto known = features();
    const auto made = GetParam().make_by_library();
    if (GetParam().answer == &clofork::feature_set::openat2) {
      return !made && made.error().code == std::errc::function_not_supported;
    }
    return known && made && tells_the_truth(*made) &&
           made->mark == (known->setfd ? fork_mark::late : fork_mark::none);
  });
}

/// Without an answer to which interfaces there are, descriptors are made all
/// the same.
TEST_P(maker, does_not_need_the_probe) {
  in_fresh_process([] {
    refuse_call_with_bits(SYS_dup3, 2, O_CLOFORK, EMFILE);
    const auto made = GetParam().make_by_library();
    return !features() && made && tells_the_truth(*made) &&
           made->mark != fork_mark::born;
  });
}

INSTANTIATE_TEST_SUITE_P(descriptors, maker,
                         testing::ValuesIn(used_by_library()),
                         [](const auto &info) { return info.param.name; });

/// What fails is named, by the function that is called in the end.
template <class Made>
void expect_failure(const Made &made, const char *stage, int code) {
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error(),
            (clofork::error{stage, {code, std::system_category()}}));
}

TEST(descriptors, errors_name_the_call) {
  expect_failure(clofork::open("/none", O_RDONLY), "openat", ENOENT);
  expect_failure(clofork::openat2(-1, "none", {}), "openat2", EBADF);
  expect_failure(clofork::pipe(-1), "pipe2", EINVAL);
  expect_failure(clofork::dup(-1), "fcntl(F_DUPFD)", EBADF);
  expect_failure(clofork::memfd("", ~0U), "memfd_create", EINVAL);
  expect_failure(clofork::eventfd(0, -1), "eventfd2", EINVAL);
  expect_failure(clofork::timerfd(-1), "timerfd_create", EINVAL);
  expect_failure(clofork::mark(-1), "fcntl(F_SETFD)", EBADF);
  expect_failure(clofork::unmark(-1), "fcntl(F_SETFD)", EBADF);
}

TEST(descriptors, epoll_error_names_the_call) {
  EXPECT_TRUE(in_child([] {
    (void)features(); // while there are descriptors to try
    const rlimit none{};
    setrlimit(RLIMIT_NOFILE, &none);
    const auto made = clofork::epoll();
    return !made &&
           made.error() == clofork::error{"epoll_create1",
                                          {EMFILE, std::system_category()}};
  }));
}

TEST(descriptors, open_takes_flags_and_mode) {
  const std::string path = testing::TempDir() + "clofork_descriptors_test";
  unlink(path.c_str());
  const auto made =
      clofork::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR, 0640);
  ASSERT_TRUE(made.has_value()) << made.error().message();
  struct stat status {};
  fstat(made->fd.get(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
  EXPECT_EQ(fcntl(made->fd.get(), F_GETFL) & O_ACCMODE, O_RDWR);
  unlink(path.c_str());
}

TEST(descriptors, openat_starts_at_the_directory) {
  const auto proc = clofork::open("/proc/self", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(proc.has_value());
  EXPECT_TRUE(clofork::openat(proc->fd.get(), "status", O_RDONLY).has_value());
}

TEST(descriptors, openat2_keeps_what_is_asked) {
  const auto root = clofork::open("/proc", O_PATH | O_DIRECTORY);
  open_how how{};
  how.flags = O_PATH;
  how.resolve = RESOLVE_BENEATH;
  EXPECT_TRUE(clofork::openat2(root->fd.get(), "stat", how).has_value());
  expect_failure(clofork::openat2(root->fd.get(), "../proc", how), "openat2",
                 EXDEV);
}

TEST(descriptors, both_ends_of_a_pipe_are_marked_alike) {
  const auto ends = clofork::pipe(O_NONBLOCK);
  ASSERT_TRUE(ends.has_value());
  EXPECT_TRUE(tells_the_truth(ends->reading));
  EXPECT_EQ(ends->reading.mark, ends->writing.mark);
  char byte = 0;
  EXPECT_EQ(read(ends->reading.fd.get(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_EQ(write(ends->writing.fd.get(), "x", 1), 1);
  EXPECT_EQ(read(ends->reading.fd.get(), &byte, 1), 1);
}

TEST(descriptors, dup_starts_at_the_number) {
  const auto copy = clofork::dup(STDERR_FILENO, 200);
  ASSERT_TRUE(copy.has_value());
  EXPECT_GE(copy->fd.get(), 200);
}

TEST(descriptors, memfd_eventfd_and_timerfd_take_their_flags) {
  const auto memory = clofork::memfd("test", MFD_ALLOW_SEALING);
  EXPECT_EQ(fcntl(memory->fd.get(), F_GET_SEALS), 0);
  const auto events = clofork::eventfd(7, O_NONBLOCK);
  std::uint64_t count = 0;
  EXPECT_EQ(read(events->fd.get(), &count, sizeof(count)), 8);
  EXPECT_EQ(count, 7U);
  EXPECT_EQ(read(events->fd.get(), &count, sizeof(count)), -1);
  const auto timer = clofork::timerfd(CLOCK_MONOTONIC, O_NONBLOCK);
  EXPECT_EQ(read(timer->fd.get(), &count, sizeof(count)), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(mark, adds_both_marks_and_unmark_takes_one) {
  const clofork::unique_fd root(open("/", O_RDONLY)); // neither
  const auto got = clofork::mark(root.get());
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(*got, features()->setfd ? fork_mark::late : fork_mark::none);
  EXPECT_TRUE(is_close_on_exec(root.get()));
  EXPECT_EQ(child_lacks(root.get()), features()->setfd);
  EXPECT_TRUE(clofork::unmark(root.get()).has_value());
  EXPECT_TRUE(is_close_on_exec(root.get()));
  EXPECT_FALSE(child_lacks(root.get()));
}

TEST(mark, makes_close_on_exec_where_the_other_mark_is_refused) {
  EXPECT_TRUE(in_child([] {
    refuse_setfd_clofork(EPERM);
    const clofork::unique_fd root(open("/", O_RDONLY));
    const auto got = clofork::mark(root.get());
    return got && *got == fork_mark::none && is_close_on_exec(root.get());
  }));
}

} // namespace
