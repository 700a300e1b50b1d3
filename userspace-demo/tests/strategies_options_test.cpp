// SPDX-License-Identifier: MIT
#include "strategies_options.h"
#include "words.h"

#include <gtest/gtest.h>
#include <optional>

namespace {

using namespace clofork::demo;

std::variant<strategies_options, usage_error>
parsed(const std::vector<std::string> &given) {
  words argv("strategies", given);
  return parse_strategies(argv.count(), argv.data());
}

std::optional<strategies_options>
accepted(const std::vector<std::string> &given) {
  const auto read = parsed(given);
  const auto *opts = std::get_if<strategies_options>(&read);
  return opts != nullptr ? std::optional(*opts) : std::nullopt;
}

std::string refusal(const std::vector<std::string> &given) {
  const auto read = parsed(given);
  const auto *wrong = std::get_if<usage_error>(&read);
  return wrong != nullptr ? wrong->message : "";
}

std::string names_of(const strategies_options &opts) {
  std::string names;
  for (const auto *each : opts.chosen) {
    names.append(each->name).append(";");
  }
  return names;
}

TEST(strategies_options, defaults) {
  const auto opts = accepted({});
  ASSERT_TRUE(opts);
  EXPECT_EQ(names_of(*opts),
            "nothing;retry;lock;close-above;proc-walk;close_range;status-pipe;"
            "flock;library;O_CLOFORK;");
  EXPECT_EQ(opts->storms, storm::both);
  EXPECT_EQ(opts->threads, 8U);
  EXPECT_EQ(opts->storm_threads, 2U);
  EXPECT_EQ(opts->rounds, 1000U);
  EXPECT_EQ(opts->seconds, 60U);
  EXPECT_EQ(opts->open_max, 1024U);
  EXPECT_FALSE(opts->json);
}

TEST(strategies_options, all_given) {
  const auto opts =
      accepted({"--cures", "flock,retry", "--storm=on", "--threads", "3",
                "--storm-threads", "4", "--rounds", "5", "--seconds", "6",
                "--open-max", "64", "--directory", "/var/tmp", "--json"});
  ASSERT_TRUE(opts);
  EXPECT_EQ(names_of(*opts), "flock;retry;");
  EXPECT_EQ(opts->storms, storm::on);
  EXPECT_EQ(opts->threads, 3U);
  EXPECT_EQ(opts->storm_threads, 4U);
  EXPECT_EQ(opts->rounds, 5U);
  EXPECT_EQ(opts->seconds, 6U);
  EXPECT_EQ(opts->open_max, 64U);
  EXPECT_EQ(opts->directory, "/var/tmp");
  EXPECT_TRUE(opts->json);
}

TEST(strategies_options, bad_cures_are_named) {
  for (const std::string bad : {"", "all", "Retry"}) {
    EXPECT_EQ(refusal({"--cures", bad}),
              "--cures takes some of nothing, retry, lock, close-above, "
              "proc-walk, close_range, status-pipe, flock, library, "
              "O_CLOFORK, not '" +
                  bad + "'");
  }
  for (const std::string bad : {"retry,", ",retry", "retry,,flock"}) {
    EXPECT_NE(refusal({"--cures", bad}).find("not ''"), std::string::npos);
  }
  EXPECT_EQ(refusal({"--cures", "flock,retry,flock"}),
            "--cures takes each name once, not 'flock' again");
}

TEST(strategies_options, bad_values_name_option_range_and_value) {
  EXPECT_EQ(refusal({"--storm", "yes"}),
            "--storm takes one of off, on, both, not 'yes'");
  EXPECT_EQ(refusal({"--threads", "0"}),
            "--threads takes a number from 1 to 1000, not '0'");
  EXPECT_EQ(refusal({"--storm-threads", "-1"}),
            "--storm-threads takes a number from 1 to 1000, not '-1'");
  EXPECT_EQ(refusal({"--rounds", "10000001"}),
            "--rounds takes a number from 1 to 10000000, not '10000001'");
  EXPECT_EQ(refusal({"--seconds", "1e3"}),
            "--seconds takes a number from 1 to 86400, not '1e3'");
  EXPECT_EQ(refusal({"--open-max", "63"}),
            "--open-max takes a number from 64 to 1048576, not '63'");
  EXPECT_EQ(refusal({"retry"}), "takes options only, not 'retry'");
}

TEST(strategies_options, help_lists_every_cure) {
  const auto text = strategies_usage();
  for (const auto &each : all_strategies()) {
    EXPECT_NE(text.find(std::string(each.name) + ' '), std::string::npos);
  }
}

} // namespace
