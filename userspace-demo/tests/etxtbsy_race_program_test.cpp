// SPDX-License-Identifier: MIT
// etxtbsy-race as its users meet it: its exit statuses, output and traces.
#include "clofork/features.h"
#include "demo_program.h"
#include "seccomp_filter.h"
#include "subprocess.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using nlohmann::json;

class etxtbsy_race : public demo_program {
protected:
  [[nodiscard]] std::vector<std::string>
  command(const std::vector<std::string> &options) const {
    return command_of(ETXTBSY_RACE, options);
  }
};

TEST_F(etxtbsy_race, wrong_usage_ends_with_2_and_names_the_option) {
  subprocess program(command({"--rounds", "0"}));
  EXPECT_EQ(exit_status(program.wait()), 2);
  EXPECT_EQ(program.output, "");
  EXPECT_NE(program.errors.find("--rounds takes a number"), std::string::npos);
}

TEST_F(etxtbsy_race, help_ends_with_0) {
  subprocess program(command({"--help"}));
  EXPECT_EQ(exit_status(program.wait()), 0);
  EXPECT_EQ(program.output.rfind("Usage: etxtbsy-race", 0), 0U);
}

/// One thread races with nobody.
TEST_F(etxtbsy_race, clean_run_ends_with_0) {
  subprocess program(command({"--threads", "1", "--rounds", "20", "--json"}));
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto told = json::parse(program.output);
  EXPECT_EQ(told["outcome"], "clean");
  EXPECT_EQ(told["results"]["rounds"], 20);
  EXPECT_EQ(told["results"]["lost"], 0);
  EXPECT_EQ(told["results"]["rate"], 0.0);
  EXPECT_EQ(told["error"], nullptr);
}

TEST_F(etxtbsy_race, json_repeats_the_parameters) {
  subprocess program(command({"--threads", "2", "--rounds", "3", "--program",
                              "script", "--spawn", "posix_spawn", "--json"}));
  program.wait();
  const auto told = json::parse(program.output);
  const auto &parameters = told["parameters"];
  EXPECT_EQ(parameters["threads"], 2);
  EXPECT_EQ(parameters["rounds"], 3);
  EXPECT_EQ(parameters["descriptors"], "cloexec");
  EXPECT_EQ(parameters["program"], "script");
  EXPECT_EQ(parameters["spawn"], "posix_spawn");
  EXPECT_EQ(parameters["certain"], false);
  EXPECT_EQ(parameters["directory"], directory());
}

TEST_F(etxtbsy_race, json_tells_what_the_kernel_honours) {
  subprocess program(command({"--rounds", "1", "--json"}));
  program.wait();
  const auto told = json::parse(program.output)["kernel"]["close_on_fork"];
  const auto probed = clofork::probe_features();
  ASSERT_TRUE(probed.has_value());
  EXPECT_EQ(told["open"], probed->open);
  EXPECT_EQ(told["setfd"], probed->setfd);
  EXPECT_EQ(told["dupfd"], probed->dupfd);
}

TEST_F(etxtbsy_race, static_program_is_large) {
  subprocess program(command({"--rounds", "1", "--json"}));
  program.wait();
  EXPECT_GT(json::parse(program.output)["parameters"]["program_bytes"],
            500'000);
}

/// Not left to the end: a long run would fill the tmpfs.
TEST_F(etxtbsy_race, removes_each_program_after_its_round) {
  subprocess program(command({"--threads", "2", "--rounds", "400"}));
  long most = 0;
  siginfo_t ended{};
  while (ended.si_pid == 0 &&
         waitid(P_PID, static_cast<id_t>(program.pid()), &ended,
                WEXITED | WNOHANG | WNOWAIT) == 0) {
    std::error_code gone;
    most = std::max(most,
                    std::distance(std::filesystem::recursive_directory_iterator(
                                      directory(), gone),
                                  {}));
  }
  EXPECT_GE(most, 2); // it was seen at work
  EXPECT_LE(most, 100);
  program.wait();
}

class race_happens : public etxtbsy_race,
                     public testing::WithParamInterface<const char *> {};

/// Natively, hundreds of rounds pass without the race: many tries.
TEST_P(race_happens, and_ends_with_1) {
  for (int tries = 0; tries < 200; ++tries) {
    subprocess program(
        command({"--spawn", GetParam(), "--rounds", "200", "--json"}));
    const int status = exit_status(program.wait());
    ASSERT_TRUE(status == 0 || status == 1) << status << program.errors;
    const auto told = json::parse(program.output);
    ASSERT_EQ(told["outcome"], status == 0 ? "clean" : "race");
    ASSERT_EQ(told["results"]["lost"] > 0, status == 1);
    if (status == 1) {
      ASSERT_EQ(told["results"]["rate"],
                told["results"]["lost"].get<double>() / 200);
      return;
    }
  }
  FAIL() << "no ETXTBSY in 40000 rounds";
}

INSTANTIATE_TEST_SUITE_P(spawn, race_happens,
                         testing::Values("fork", "vfork", "posix_spawn"),
                         [](const auto &info) { return info.param; });

/// Asked for close-on-fork, it runs where the kernel has it and says so where
/// it has not.
TEST_F(etxtbsy_race, clofork_ends_with_0_or_with_3_where_absent) {
  subprocess program(
      command({"--descriptors", "clofork", "--rounds", "400", "--json"}));
  const int status = exit_status(program.wait());
  const auto told = json::parse(program.output);
  const auto probed = clofork::probe_features();
  ASSERT_TRUE(probed.has_value());
  EXPECT_EQ(status, probed->open ? 0 : 3) << program.errors;
  EXPECT_EQ(told["outcome"], probed->open ? "clean" : "absent");
  EXPECT_EQ(told["results"]["rounds"], probed->open ? 400 : 0);
}

TEST_F(etxtbsy_race, missing_directory_ends_with_4) {
  subprocess program(
      {ETXTBSY_RACE, "--directory", directory() + "/none", "--json"});
  EXPECT_EQ(exit_status(program.wait()), 4);
  const auto told = json::parse(program.output);
  EXPECT_EQ(told["outcome"], "failed");
  EXPECT_EQ(told["error"]["stage"], "mkdtemp");
  EXPECT_EQ(told["error"]["errno"], ENOENT);
}

TEST_F(etxtbsy_race, failing_write_ends_with_4) {
  subprocess program(command({"--json"}), limit_file_size);
  EXPECT_EQ(exit_status(program.wait()), 4);
  const auto told = json::parse(program.output)["error"];
  EXPECT_EQ(told["stage"], "write");
  EXPECT_EQ(told["errno"], EFBIG);
}

TEST_F(etxtbsy_race, failing_exec_ends_with_4) {
  subprocess program(command({"--json"}), [] { umask(0100); });
  EXPECT_EQ(exit_status(program.wait()), 4);
  const auto told = json::parse(program.output)["error"];
  EXPECT_EQ(told["stage"], "execve");
  EXPECT_EQ(told["errno"], EACCES);
}

TEST_F(etxtbsy_race, failing_probe_ends_with_4) {
  subprocess program(command({"--rounds", "1", "--json"}),
                     [] { refuse_dupfd_clofork(EMFILE); });
  EXPECT_EQ(exit_status(program.wait()), 4);
  const auto told = json::parse(program.output);
  EXPECT_EQ(told["kernel"]["close_on_fork"], nullptr);
  EXPECT_EQ(told["error"]["errno"], EMFILE);
}

TEST_F(etxtbsy_race, lost_output_ends_with_4) {
  subprocess program(command({"--rounds", "1"}), [] {
    dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
  });
  EXPECT_EQ(exit_status(program.wait()), 4);
}

TEST_F(etxtbsy_race, file_name_that_is_not_utf8_makes_valid_json) {
  const std::string odd = directory() + "/\xff\"\n";
  std::filesystem::create_directory(odd);
  subprocess program(
      {ETXTBSY_RACE, "--directory", odd, "--rounds", "1", "--json"});
  program.wait();
  EXPECT_TRUE(json::accept(program.output)) << program.output;
  std::filesystem::remove(odd);
}

TEST_F(etxtbsy_race, runs_with_sigchld_ignored) {
  subprocess program(command({"--threads", "1", "--rounds", "1"}),
                     [] { std::signal(SIGCHLD, SIG_IGN); });
  EXPECT_EQ(exit_status(program.wait()), 0) << program.errors;
}

class stopped : public etxtbsy_race, public testing::WithParamInterface<int> {};

/// Once its directory is there, the program holds the signal back until its
/// files are gone, and dies of it.
TEST_P(stopped, dies_of_the_signal_and_leaves_nothing) {
  subprocess program(command({"--rounds", "1000000000", "--json"}),
                     [] { std::signal(GetParam(), SIG_DFL); });
  await_start(program);
  kill(program.pid(), GetParam());
  const int status = program.wait();
  ASSERT_TRUE(WIFSIGNALED(status)) << status << program.errors;
  EXPECT_EQ(WTERMSIG(status), GetParam());
  EXPECT_EQ(json::parse(program.output)["signal"], GetParam());
}

INSTANTIATE_TEST_SUITE_P(signal, stopped,
                         testing::Values(SIGHUP, SIGINT, SIGTERM));

TEST_F(etxtbsy_race, ignored_hangup_stays_ignored) {
  subprocess program(command({"--threads", "1", "--rounds", "50"}),
                     [] { std::signal(SIGHUP, SIG_IGN); });
  await_start(program);
  kill(program.pid(), SIGHUP);
  EXPECT_EQ(exit_status(program.wait()), 0) << program.errors;
}

} // namespace
