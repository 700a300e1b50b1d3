// SPDX-License-Identifier: MIT
// strategies as its users meet it: its exit statuses, output and traces.
#include "clofork/features.h"
#include "demo_program.h"
#include "subprocess.h"

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/stat.h>

namespace {

using nlohmann::json;

class strategies_program : public demo_program {
protected:
  [[nodiscard]] std::vector<std::string>
  command(const std::vector<std::string> &options) const {
    return command_of(STRATEGIES, options);
  }
};

TEST_F(strategies_program, wrong_usage_ends_with_2_and_names_the_option) {
  subprocess program(command({"--cures", "hope"}));
  EXPECT_EQ(exit_status(program.wait()), 2);
  EXPECT_EQ(program.output, "");
  EXPECT_NE(program.errors.find("--cures takes some of"), std::string::npos);
}

TEST_F(strategies_program, help_ends_with_0) {
  subprocess program(command({"--help"}));
  EXPECT_EQ(exit_status(program.wait()), 0);
  EXPECT_EQ(program.output.rfind("Usage: strategies", 0), 0U);
}

TEST_F(strategies_program, measures_each_cure_without_the_storm_and_with_it) {
  subprocess program(command({"--cures", "library,O_CLOFORK", "--threads", "2",
                              "--rounds", "10", "--json"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto told = json::parse(program.output);
  ASSERT_EQ(told["results"].size(), 4U);
  for (std::size_t at = 0; at < 4; ++at) {
    const auto &row = told["results"][at];
    EXPECT_EQ(row["cure"], at < 2 ? "library" : "O_CLOFORK");
    EXPECT_EQ(row["storm"], at % 2 == 1);
    const bool absent = at >= 2 && !clofork::features()->open;
    ASSERT_EQ(row["absent"], absent);
    if (absent) {
      continue;
    }
    EXPECT_EQ(row["rounds"], 10);
    EXPECT_EQ(row["failures"], 0);
    EXPECT_EQ(row["failures_per_10000"], 0);
    EXPECT_GT(row["rounds_per_second"], 0);
    EXPECT_GT(row["p99_ms"], 0);
    EXPECT_GT(row["longest_close_ms"], 0);
    EXPECT_EQ(row["foreign_forks"] > 0, at % 2 == 1);
  }
  EXPECT_EQ(told["error"], nullptr);
}

TEST_F(strategies_program, counts_failures_of_10000) {
  subprocess program(
      command({"--cures", "nothing", "--storm", "on", "--storm-threads", "8",
               "--rounds", "2000", "--json"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto row = json::parse(program.output)["results"][0];
  EXPECT_GT(row["failures"], 0);
  EXPECT_DOUBLE_EQ(row["failures_per_10000"].get<double>(),
                   1e4 * row["failures"].get<double>() /
                       row["rounds"].get<double>());
}

TEST_F(strategies_program, table_has_a_line_for_each) {
  subprocess program(command({"--cures", "nothing,retry", "--storm", "off",
                              "--threads", "1", "--rounds", "3"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  EXPECT_NE(program.output.find("\nnothing      off          3          0.0"),
            std::string::npos)
      << program.output;
  EXPECT_NE(program.output.find("\nretry        off          3          0.0"),
            std::string::npos)
      << program.output;
}

TEST_F(strategies_program, ends_after_its_seconds) {
  subprocess program(
      command({"--cures", "nothing", "--storm", "off", "--rounds", "10000000",
               "--seconds", "1", "--json"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto row = json::parse(program.output)["results"][0];
  EXPECT_GE(row["seconds"], 1);
  EXPECT_LT(row["rounds"], 10'000'000);
}

TEST_F(strategies_program, failing_write_ends_with_4) {
  subprocess program(command({"--cures", "nothing", "--json"}),
                     limit_file_size);
  EXPECT_EQ(exit_status(program.wait()), 4);
  const auto told = json::parse(program.output)["error"];
  EXPECT_EQ(told["stage"], "write");
  EXPECT_EQ(told["errno"], EFBIG);
}

TEST_F(strategies_program, missing_directory_ends_with_4) {
  subprocess program({STRATEGIES, "--directory", directory() + "/none"});
  EXPECT_EQ(exit_status(program.wait()), 4);
  EXPECT_NE(program.errors.find("mkdtemp"), std::string::npos);
}

TEST_F(strategies_program, limit_that_may_not_be_raised_ends_with_4) {
  subprocess program(command({"--open-max", "600"}), [] {
    const rlimit small{.rlim_cur = 500, .rlim_max = 500};
    setrlimit(RLIMIT_NOFILE, &small);
  });
  EXPECT_EQ(exit_status(program.wait()), 4);
  EXPECT_NE(program.errors.find("setrlimit"), std::string::npos);
}

TEST_F(strategies_program, dies_of_the_signal_and_leaves_nothing) {
  subprocess program(command({"--rounds", "10000000", "--json"}),
                     [] { std::signal(SIGTERM, SIG_DFL); });
  await_start(program);
  kill(program.pid(), SIGTERM);
  const int status = program.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << status << program.errors;
  EXPECT_EQ(json::parse(program.output)["signal"], SIGTERM);
}

} // namespace
