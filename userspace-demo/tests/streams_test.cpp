// SPDX-License-Identifier: MIT
#include "clofork/streams.h"

#include "clofork/descriptors.h"
#include "clofork/features.h"
#include "in_child.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using clofork::features;
using clofork::marked_fd;

marked_fd open_marked(const char *path, int flags) {
  auto made = clofork::open(path, flags);
  return made ? std::move(*made) : marked_fd{};
}

/// As good as the kernel can: what open() gives a descriptor.
void expect_marks_of_open(int fd) {
  EXPECT_NE(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(child_lacks(fd), features()->open || features()->setfd);
}

TEST(streams, fdopen_keeps_the_marks) {
  for (const char *mode : {"r", "re", "rbe"}) {
    const auto stream =
        clofork::fdopen(open_marked("/dev/zero", O_RDONLY), mode);
    ASSERT_TRUE(stream.has_value()) << mode;
    expect_marks_of_open(fileno(stream->get()));
    EXPECT_EQ(std::fgetc(stream->get()), 0);
  }
}

TEST(streams, fdopendir_keeps_the_marks) {
  const auto stream = clofork::fdopendir(open_marked("/proc/self", O_RDONLY));
  ASSERT_TRUE(stream.has_value());
  expect_marks_of_open(dirfd(stream->get()));
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has the stream
  EXPECT_NE(readdir(stream->get()), nullptr);
}

TEST(streams, fdopendir_does_not_mark_what_was_not) {
  auto directory = open_marked("/", O_RDONLY);
  ASSERT_TRUE(clofork::unmark(directory.fd.get()).has_value());
  directory.mark = clofork::fork_mark::none;
  const auto stream = clofork::fdopendir(std::move(directory));
  EXPECT_FALSE(child_lacks(dirfd(stream->get())));
}

TEST(streams, failures_close_the_descriptor) {
  const auto before = open_descriptors();
  const auto file = clofork::fdopendir(open_marked("/dev/null", O_RDONLY));
  ASSERT_FALSE(file.has_value());
  EXPECT_STREQ(file.error().stage, "fdopendir");
  EXPECT_EQ(file.error().code, std::errc::not_a_directory);
  for (const char *mode : {"", "e", "q", "rrrrrrrrrrrrrrrr"}) {
    const auto stream =
        clofork::fdopen(open_marked("/dev/null", O_RDONLY), mode);
    ASSERT_FALSE(stream.has_value()) << mode;
    EXPECT_STREQ(stream.error().stage, "fdopen");
    EXPECT_EQ(stream.error().code, std::errc::invalid_argument);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST(streams, close_returns_the_error) {
  auto full = clofork::fdopen(open_marked("/dev/full", O_WRONLY), "w");
  ASSERT_TRUE(full.has_value());
  std::fputs("lost", full->get());
  const auto closed = clofork::close(std::move(*full));
  ASSERT_FALSE(closed.has_value());
  EXPECT_EQ(closed.error(),
            (clofork::error{"fclose", {ENOSPC, std::system_category()}}));
}

TEST(streams, close_reports_success) {
  auto null = clofork::fdopen(open_marked("/dev/null", O_WRONLY), "w");
  const auto before = open_descriptors();
  EXPECT_TRUE(clofork::close(std::move(*null)).has_value());
  EXPECT_EQ(open_descriptors(), before - 1);
}

} // namespace
