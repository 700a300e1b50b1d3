// SPDX-License-Identifier: MIT
#include "clofork/unique_fd.h"

#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <type_traits>
#include <unistd.h>

namespace {

using clofork::unique_fd;

static_assert(!std::is_copy_constructible_v<unique_fd>);
static_assert(!std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd>);
static_assert(std::is_nothrow_move_assignable_v<unique_fd>);

int open_null() {
  return open("/dev/null", O_RDWR | O_CLOEXEC);
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

TEST(unique_fd, is_empty_by_default) {
  const unique_fd none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.get(), -1);
}

TEST(unique_fd, owns_descriptor_zero) {
  const unique_fd zero(0);
  EXPECT_TRUE(zero);
  (void)const_cast<unique_fd &>(zero).release();
}

TEST(unique_fd, destructor_closes) {
  const int fd = open_null();
  {
    const unique_fd owner(fd);
    ASSERT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(unique_fd, move_leaves_the_source_empty) {
  unique_fd first(open_null());
  const int fd = first.get();
  const unique_fd second(std::move(first));
  EXPECT_EQ(second.get(), fd);
  EXPECT_FALSE(
      first); // NOLINT(bugprone-use-after-move,hicpp-invalid-access-moved)
  EXPECT_TRUE(is_open(fd));
}

TEST(unique_fd, move_assignment_closes_the_old_descriptor) {
  unique_fd target(open_null());
  const int old = target.get();
  unique_fd source(open_null());
  const int fresh = source.get();
  target = std::move(source);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(target.get(), fresh);
  EXPECT_TRUE(is_open(fresh));
}

TEST(unique_fd, survives_move_to_itself) {
  unique_fd owner(open_null());
  unique_fd &same = owner;
  owner = std::move(same);
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(unique_fd, release_does_not_close) {
  unique_fd owner(open_null());
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(unique_fd, reset_keeps_errno) {
  unique_fd owner(open_null());
  ::close(owner.get()); // so that the close in reset fails with EBADF
  errno = ENOSPC;
  owner.reset();
  EXPECT_EQ(errno, ENOSPC);
}

TEST(unique_fd, close_closes_and_reports_success) {
  unique_fd owner(open_null());
  const int fd = owner.get();
  EXPECT_FALSE(owner.close());
  EXPECT_FALSE(owner);
  EXPECT_FALSE(is_open(fd));
}

TEST(unique_fd, close_returns_the_error) {
  unique_fd owner(open_null());
  ::close(owner.get());
  EXPECT_EQ(owner.close(), std::errc::bad_file_descriptor);
  EXPECT_FALSE(owner);
}

} // namespace
