// SPDX-License-Identifier: MIT
// Marks: descriptors_test.cpp.
#include "clofork/sockets.h"

#include "in_child.h"
#include "interfaces.h"

#include <array>
#include <cerrno>
#include <gtest/gtest.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

namespace {

using clofork::receive;

/// A connected pair, and how many descriptors there were before.
class sockets : public testing::Test {
protected:
  [[nodiscard]] int from() const { return (*ends_)[0].fd.get(); }
  [[nodiscard]] int to() const { return (*ends_)[1].fd.get(); }

  void send(std::size_t descriptors) const {
    const std::vector<int> fds(descriptors, from());
    ASSERT_TRUE(send_descriptors(from(), fds));
  }

  void TearDown() override { EXPECT_EQ(open_descriptors(), before_ + 2); }

  std::array<std::byte, 8> buffer{};

private:
  long before_ = open_descriptors();
  clofork::result<std::array<clofork::marked_fd, 2>> ends_ =
      clofork::socketpair(AF_UNIX, SOCK_STREAM);
};

TEST_F(sockets, pair_is_marked_alike_and_connected) {
  const auto pair = clofork::socketpair(AF_UNIX, SOCK_SEQPACKET);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ((*pair)[0].mark, (*pair)[1].mark);
  EXPECT_EQ(write((*pair)[0].fd.get(), "word", 4), 4);
  std::array<char, 8> word{};
  EXPECT_EQ(read((*pair)[1].fd.get(), word.data(), word.size()), 4);
}

TEST_F(sockets, receive_takes_bytes_and_descriptors) {
  send(3);
  const auto got = receive(to(), buffer, 5);
  ASSERT_TRUE(got.has_value()) << got.error().message();
  EXPECT_EQ(got->size, 1U);
  ASSERT_EQ(got->descriptors.size(), 3U);
  EXPECT_EQ(got->flags & (MSG_TRUNC | MSG_CTRUNC), 0);
  // What was sent is one end of the pair.
  EXPECT_EQ(write(got->descriptors[2].fd.get(), "x", 1), 1);
  EXPECT_EQ(receive(to(), buffer)->size, 1U);
}

TEST_F(sockets, receive_closes_and_tells_what_is_too_much) {
  send(64);
  const auto before = open_descriptors();
  const auto got = receive(to(), buffer, 2);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->descriptors.size(), 2U);
  EXPECT_NE(got->flags & MSG_CTRUNC, 0);
  EXPECT_EQ(open_descriptors(), before + 2);
}

TEST_F(sockets, receive_has_room_beside_credentials) {
  const int on = 1;
  ASSERT_EQ(setsockopt(to(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
  send(3);
  const auto got = receive(to(), buffer, 3);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->descriptors.size(), 3U);
  EXPECT_EQ(got->flags & MSG_CTRUNC, 0);
}

/// SO_PASSPIDFD, from Linux 6.5 on, brings a descriptor that nobody asked for.
TEST_F(sockets, receive_drops_a_pidfd) {
  constexpr int so_passpidfd = 76;
  const int on = 1;
  if (setsockopt(to(), SOL_SOCKET, so_passpidfd, &on, sizeof(on)) == -1) {
    GTEST_SKIP() << "the kernel has no SO_PASSPIDFD";
  }
  send(1);
  const auto got = receive(to(), buffer, 4);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->descriptors.size(), 1U);
}

TEST_F(sockets, receive_of_none_takes_none) {
  send(2);
  const auto got = receive(to(), buffer, 0);
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->descriptors.empty());
  EXPECT_NE(got->flags & MSG_CTRUNC, 0);
}

TEST_F(sockets, receive_of_too_many_names_the_field) {
  const auto got = receive(to(), buffer, clofork::max_descriptors + 1);
  ASSERT_FALSE(got.has_value());
  EXPECT_STREQ(got.error().stage, "receive.at_most");
  EXPECT_EQ(got.error().code, std::errc::invalid_argument);
}

TEST_F(sockets, errors_name_the_call) {
  EXPECT_STREQ(clofork::socket(-1, SOCK_STREAM).error().stage, "socket");
  EXPECT_STREQ(clofork::socketpair(-1, 0).error().stage, "socketpair");
  EXPECT_STREQ(clofork::accept(from()).error().stage, "accept4");
  const auto got = receive(to(), buffer, 1, MSG_DONTWAIT);
  ASSERT_FALSE(got.has_value());
  EXPECT_STREQ(got.error().stage, "recvmsg");
  EXPECT_EQ(got.error().code, std::errc::resource_unavailable_try_again);
}

} // namespace
