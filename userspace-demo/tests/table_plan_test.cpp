// SPDX-License-Identifier: MIT
#include "table_plan.h"

#include "table_model.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>

namespace {

using clofork::plan_table;
using clofork::table_copy;
using clofork::table_entry;
using origin = table_entry::origin;

class planned : public testing::TestWithParam<table_copy> {
protected:
  /// Plans and does it, beside what was asked for.
  static void expect_right(const std::vector<table_entry> &wanted) {
    EXPECT_EQ(table_model::difference(wanted, GetParam()), "");
  }
};

TEST_P(planned, nothing) {
  expect_right({});
}

TEST_P(planned, streams_as_they_are) {
  expect_right(
      {{0, origin::parent, 0}, {1, origin::parent, 1}, {2, origin::parent, 2}});
}

TEST_P(planned, one_source_for_all) {
  expect_right({{0, origin::parent, 5},
                {1, origin::parent, 5},
                {5, origin::parent, 5},
                {9, origin::parent, 5}});
}

TEST_P(planned, chain) {
  std::vector<table_entry> chain(50);
  for (int number = 0; auto &entry : chain) {
    entry = {number + 1, origin::parent, number};
    ++number;
  }
  expect_right(chain);
}

TEST_P(planned, swap) {
  expect_right({{3, origin::parent, 4}, {4, origin::parent, 3}});
}

/// The number set aside is above all that is copied.
TEST_P(planned, swap_of_all_there_is) {
  expect_right({{0, origin::parent, 1}, {1, origin::parent, 0}});
}

TEST_P(planned, two_rings_with_a_branch) {
  expect_right({{0, origin::parent, 1},
                {1, origin::parent, 2},
                {2, origin::parent, 0},
                {3, origin::parent, 4},
                {4, origin::parent, 3},
                {7, origin::parent, 3},
                {8, origin::parent, 7}});
}

TEST_P(planned, high_source) {
  expect_right({{0, origin::parent, 2000},
                {2000, origin::parent, 3000},
                {3, origin::parent, 0}});
}

TEST_P(planned, all_origins_at_once) {
  expect_right({{0, origin::file, 0},
                {1, origin::parent, 0},
                {2, origin::child, 5},
                {5, origin::parent, 1500, true},
                {6, origin::file, 1, true},
                {7, origin::child, 0}});
}

TEST_P(planned, gaps_between) {
  expect_right({{3, origin::parent, 3},
                {7, origin::parent, 7},
                {100, origin::parent, 12}});
}

INSTANTIATE_TEST_SUITE_P(copy, planned,
                         testing::Values(table_copy::low, table_copy::needed,
                                         table_copy::all));

TEST(plan_table, copies_no_more_than_is_needed) {
  const std::vector<table_entry> wanted{{0, origin::parent, 0},
                                        {1, origin::parent, 2},
                                        {2, origin::parent, 3},
                                        {3, origin::parent, 1024}};
  EXPECT_EQ(plan_table(wanted, table_copy::low).copied, 3);
  EXPECT_EQ(plan_table(wanted, table_copy::needed).copied, 1025);
}

/// The spawn that counts: one system call for the table, and three to be sure
/// that the streams are not close-on-exec.
TEST(plan_table, of_plain_streams_is_short) {
  const std::vector<table_entry> wanted{
      {0, origin::parent, 0}, {1, origin::parent, 1}, {2, origin::parent, 2}};
  const auto plan = plan_table(wanted, table_copy::low);
  EXPECT_EQ(plan.copied, 3);
  EXPECT_EQ(plan.clean.size(), 3U);
  EXPECT_TRUE(plan.add.empty());
}

TEST(plan_table, closes_nothing_above_what_is_copied) {
  const std::vector<table_entry> wanted{{0, origin::parent, 0},
                                        {100, origin::parent, 1},
                                        {200, origin::parent, 2}};
  const auto plan = plan_table(wanted, table_copy::low);
  EXPECT_EQ(std::ranges::count(plan.clean, clofork::table_step::action::close,
                               &clofork::table_step::what),
            1);
}

TEST(plan_table, lowest_free_number) {
  using clofork::lowest_free;
  EXPECT_EQ(lowest_free({}), 0);
  const std::vector<table_entry> some{{2, origin::parent, 0},
                                      {0, origin::parent, 0},
                                      {1, origin::parent, 0},
                                      {4, origin::parent, 0}};
  EXPECT_EQ(lowest_free(some), 3);
}

} // namespace
