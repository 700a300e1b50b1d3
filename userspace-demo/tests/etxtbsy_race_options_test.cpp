// SPDX-License-Identifier: MIT
#include "options.h"
#include "words.h"

#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace clofork::demo;

std::variant<options, usage_error>
parse_words(const std::vector<std::string> &given) {
  words argv("etxtbsy-race", given);
  return parse(argv.count(), argv.data());
}

std::optional<options> accepted(const std::vector<std::string> &given) {
  const auto parsed = parse_words(given);
  const auto *opts = std::get_if<options>(&parsed);
  return opts != nullptr ? std::optional(*opts) : std::nullopt;
}

/// The message, empty when the words were accepted.
std::string refusal(const std::vector<std::string> &given) {
  const auto parsed = parse_words(given);
  const auto *wrong = std::get_if<usage_error>(&parsed);
  return wrong != nullptr ? wrong->message : "";
}

TEST(options, defaults) {
  const auto opts = accepted({});
  ASSERT_TRUE(opts);
  EXPECT_EQ(opts->threads, 20U);
  EXPECT_EQ(opts->rounds, 2000U);
  EXPECT_EQ(opts->mark, descriptors::cloexec);
  EXPECT_EQ(opts->executable, program::static_elf);
  EXPECT_EQ(opts->spawn, spawn_method::fork);
  EXPECT_EQ(opts->directory, "");
  EXPECT_FALSE(opts->certain);
  EXPECT_FALSE(opts->json);
  EXPECT_FALSE(opts->help);
}

TEST(options, all_given) {
  const auto opts =
      accepted({"--threads", "3", "--rounds=1000000000", "--descriptors",
                "clofork", "--program", "script", "--spawn", "vfork",
                "--directory", "/var/tmp", "--certain", "--json"});
  ASSERT_TRUE(opts);
  EXPECT_EQ(opts->threads, 3U);
  EXPECT_EQ(opts->rounds, 1'000'000'000U);
  EXPECT_EQ(opts->mark, descriptors::clofork);
  EXPECT_EQ(opts->executable, program::script);
  EXPECT_EQ(opts->spawn, spawn_method::vfork);
  EXPECT_EQ(opts->directory, "/var/tmp");
  EXPECT_TRUE(opts->certain);
  EXPECT_TRUE(opts->json);
}

TEST(options, every_name_reads_back) {
  for (const std::string name : {"cloexec", "clofork"}) {
    const auto opts = accepted({"--descriptors", name});
    ASSERT_TRUE(opts) << name;
    EXPECT_EQ(name_of(opts->mark), name);
  }
  for (const std::string name : {"static", "script"}) {
    const auto opts = accepted({"--program", name});
    ASSERT_TRUE(opts) << name;
    EXPECT_EQ(name_of(opts->executable), name);
  }
  for (const std::string name : {"fork", "vfork", "posix_spawn"}) {
    const auto opts = accepted({"--spawn", name});
    ASSERT_TRUE(opts) << name;
    EXPECT_EQ(name_of(opts->spawn), name);
  }
}

TEST(options, help) {
  EXPECT_TRUE(accepted({"--help"})->help);
  EXPECT_TRUE(accepted({"-h"})->help);
}

TEST(options, a_second_parse_starts_afresh) {
  ASSERT_TRUE(accepted({"--threads", "7"}));
  EXPECT_EQ(accepted({"--rounds", "5"})->threads, 20U);
}

TEST(options, bad_numbers_name_option_range_and_value) {
  EXPECT_EQ(refusal({"--threads", "0"}),
            "--threads takes a number from 1 to 1000, not '0'");
  for (const std::string bad :
       {"", "-1", "+1", " 1", "1 ", "1x", "0x10", "1.5", "1e3", "1001",
        "4294967297", "99999999999999999999"}) {
    EXPECT_EQ(refusal({"--threads", bad}),
              "--threads takes a number from 1 to 1000, not '" + bad + "'");
  }
  for (const std::string bad :
       {"0", "1000000001", "18446744073709551617", "many"}) {
    EXPECT_EQ(refusal({"--rounds", bad}),
              "--rounds takes a number from 1 to 1000000000, not '" + bad +
                  "'");
  }
}

TEST(options, bad_choices_name_option_choices_and_value) {
  EXPECT_EQ(refusal({"--descriptors", "both"}),
            "--descriptors takes one of cloexec, clofork, not 'both'");
  EXPECT_EQ(refusal({"--program", ""}),
            "--program takes one of static, script, not ''");
  EXPECT_EQ(refusal({"--spawn", "FORK"}),
            "--spawn takes one of fork, vfork, posix_spawn, not 'FORK'");
}

TEST(options, unknown_or_incomplete_words_are_named) {
  EXPECT_EQ(refusal({"--thread-count", "3"}),
            "unknown option or needless value: --thread-count");
  EXPECT_EQ(refusal({"-x"}), "unknown option or needless value: -x");
  EXPECT_EQ(refusal({"--json=yes"}),
            "unknown option or needless value: --json=yes");
  EXPECT_EQ(refusal({"--rounds"}), "--rounds needs a value");
  EXPECT_EQ(refusal({"--json", "20"}), "takes options only, not '20'");
  EXPECT_EQ(refusal({"--directory="}),
            "--directory takes the name of a directory, not ''");
}

} // namespace
