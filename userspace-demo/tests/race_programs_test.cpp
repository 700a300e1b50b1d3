// SPDX-License-Identifier: MIT
// epipe-race and flush-once as their users meet them. What the races share is
// tested with etxtbsy-race.
#include "clofork/features.h"
#include "demo_program.h"
#include "subprocess.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

namespace {

using nlohmann::json;

class races : public demo_program,
              public testing::WithParamInterface<const char *> {
protected:
  [[nodiscard]] std::vector<std::string>
  command(const std::vector<std::string> &options) const {
    return command_of(GetParam(), options);
  }
};

/// One thread races with nobody.
TEST_P(races, clean_run_ends_with_0) {
  subprocess program(command({"--threads", "1", "--rounds", "20", "--json"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto told = json::parse(program.output);
  EXPECT_EQ(told["outcome"], "clean");
  EXPECT_EQ(told["results"]["rounds"], 20);
  EXPECT_EQ(told["results"]["lost"], 0);
}

TEST_P(races, happen_and_end_with_1) {
  for (int tries = 0; tries < 100; ++tries) {
    subprocess program(command({"--rounds", "100", "--json"}));
    const int status = exit_status(program.wait());
    ASSERT_TRUE(status == 0 || status == 1) << status << program.errors;
    const auto lost = json::parse(program.output)["results"]["lost"];
    ASSERT_EQ(lost > 0, status == 1);
    if (status == 1) {
      return;
    }
  }
  FAIL() << "no race in 10000 rounds";
}

TEST_P(races, clofork_ends_with_0_or_with_3_where_absent) {
  subprocess program(
      command({"--descriptors", "clofork", "--rounds", "200", "--json"}));
  const int status = exit_status(program.wait());
  const auto probed = clofork::probe_features();
  ASSERT_TRUE(probed.has_value());
  const bool honoured = probed->open && probed->pipe2;
  EXPECT_EQ(status, honoured ? 0 : 3) << program.errors << program.output;
  EXPECT_EQ(json::parse(program.output)["results"]["rounds"],
            honoured ? 200 : 0);
}

TEST_P(races, run_scripts_by_every_method) {
  for (const auto *spawn : {"fork", "vfork", "posix_spawn"}) {
    subprocess program(command({"--threads", "2", "--rounds", "4", "--program",
                                "script", "--spawn", spawn, "--json"}));
    const int status = exit_status(program.wait());
    EXPECT_TRUE(status == 0 || status == 1) << spawn << program.errors;
    EXPECT_EQ(json::parse(program.output)["results"]["rounds"], 4);
  }
}

TEST_P(races, die_of_the_signal_and_leave_nothing) {
  subprocess program(command({"--rounds", "1000000000", "--json"}),
                     [] { std::signal(SIGTERM, SIG_DFL); });
  await_start(program);
  kill(program.pid(), SIGTERM);
  const int status = program.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << status << program.errors;
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_P(races, help_says_whose_it_is) {
  subprocess program({GetParam(), "--help"});
  EXPECT_EQ(exit_status(program.wait()), 0);
  const auto name = std::filesystem::path(GetParam()).filename().string();
  EXPECT_EQ(program.output.rfind("Usage: " + name + " [OPTION]", 0), 0U);
}

std::string name_of_race(const testing::TestParamInfo<const char *> &info) {
  auto name = std::filesystem::path(info.param).filename().string();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(program, races,
                         testing::Values(EPIPE_RACE, FLUSH_ONCE), name_of_race);

class certain_races : public races {};

/// Each round, and alone: what another's child holds is there on purpose.
TEST_P(certain_races, are_lost_in_each_round) {
  subprocess program(
      command({"--certain", "--threads", "3", "--rounds", "60", "--json"}));
  EXPECT_EQ(exit_status(program.wait()), 1) << program.errors;
  EXPECT_EQ(json::parse(program.output)["results"]["lost"], 60);
}

TEST_P(certain_races, are_lost_in_none_when_marked) {
  subprocess program(command(
      {"--certain", "--descriptors", "clofork", "--rounds", "200", "--json"}));
  const bool honoured = clofork::features()->open && clofork::features()->pipe2;
  EXPECT_EQ(exit_status(program.wait()), honoured ? 0 : 3) << program.errors;
  const auto told = json::parse(program.output)["results"];
  EXPECT_EQ(told["lost"], 0);
  EXPECT_EQ(told["rounds"], honoured ? 200 : 0);
}

INSTANTIATE_TEST_SUITE_P(program, certain_races,
                         testing::Values(ETXTBSY_RACE, EPIPE_RACE, FLUSH_ONCE),
                         name_of_race);

class flush_once : public demo_program {
protected:
  json play(const std::vector<std::string> &options) {
    subprocess program(command_of(FLUSH_ONCE, options));
    program.wait();
    return json::parse(program.output)["results"];
  }
};

TEST_F(flush_once, counts_one_flush_a_round_for_one_thread) {
  const auto told = play({"--threads", "1", "--rounds", "20", "--json"});
  EXPECT_EQ(told["flushes"], 20);
}

TEST_F(flush_once, counts_those_of_children) {
  const auto told = play({"--rounds", "200", "--json"});
  EXPECT_GT(told["flushes"], told["rounds"].get<std::uint64_t>());
}

TEST_F(flush_once, counts_one_flush_a_round_when_marked) {
  const auto told =
      play({"--descriptors", "clofork", "--rounds", "200", "--json"});
  if (clofork::features()->open) {
    EXPECT_EQ(told["flushes"], 200);
  } else {
    EXPECT_FALSE(told.contains("flushes"));
  }
}

/// Nobody is left waiting for an answer to FLUSH, in a sleep that no signal
/// ends: the test would hang. The files are left, their mount is gone.
TEST_F(flush_once, can_be_killed) {
  {
    subprocess program(command_of(FLUSH_ONCE, {"--rounds", "1000000000"}));
    await_start(program);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    kill(program.pid(), SIGKILL);
    EXPECT_EQ(WTERMSIG(program.wait()), SIGKILL);
  }
  while (waitpid(-1, nullptr, 0) > 0) { // the server and the children
  }
  for (const auto &left : std::filesystem::directory_iterator(directory())) {
    EXPECT_TRUE(std::filesystem::is_empty(left.path() / "mount"));
    std::filesystem::remove_all(left.path());
  }
}

} // namespace
