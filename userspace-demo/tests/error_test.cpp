// SPDX-License-Identifier: MIT
#include "clofork/result.h"

#include <cerrno>
#include <gtest/gtest.h>
#include <memory>

namespace {

using clofork::error;
using clofork::last_error;
using clofork::result;

TEST(error, last_error_takes_stage_and_errno) {
  errno = ETXTBSY;
  const error failure = last_error("execve");
  EXPECT_STREQ(failure.stage, "execve");
  EXPECT_EQ(failure.code, std::errc::text_file_busy);
}

TEST(error, message_names_stage_text_and_number) {
  const error failure{"open", {ENOENT, std::system_category()}};
  EXPECT_EQ(failure.message(), "open: No such file or directory (errno 2)");
}

TEST(error, message_without_errno_is_the_stage) {
  EXPECT_EQ((error{"the program died", {}}).message(), "the program died");
}

TEST(error, compares_stage_by_text_and_code) {
  const std::string stage = "open"; // not where the literal is
  const std::error_code code{ENOENT, std::system_category()};
  EXPECT_EQ((error{stage.c_str(), code}), (error{"open", code}));
  EXPECT_FALSE((error{"open", code}) == (error{"close", code}));
  EXPECT_FALSE((error{"open", code}) == (error{"open", {}}));
}

TEST(result, false_is_a_value) {
  const result<bool> answer = false;
  ASSERT_TRUE(answer.has_value());
  EXPECT_FALSE(*answer);
}

TEST(result, holds_an_error_in_place_of_a_value) {
  const error failure{"pipe2", {EMFILE, std::system_category()}};
  const result<int> answer = failure;
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error(), failure);
}

TEST(result, carries_a_move_only_value) {
  result<std::unique_ptr<int>> answer = std::make_unique<int>(7);
  ASSERT_TRUE(answer.has_value());
  const std::unique_ptr<int> taken = std::move(*answer);
  EXPECT_EQ(*taken, 7);
}

} // namespace
