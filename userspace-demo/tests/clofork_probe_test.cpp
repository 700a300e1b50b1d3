// SPDX-License-Identifier: MIT
#include "clofork/features.h"
#include "seccomp_filter.h"
#include "subprocess.h"

#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using nlohmann::json;

int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

json expected() {
  const auto set = clofork::probe_features();
  utsname system{};
  uname(&system);
  return {{"kernel", system.release},
          {"close_on_fork",
           {{"setfd", set->setfd},
            {"open", set->open},
            {"openat2", set->openat2},
            {"dupfd", set->dupfd},
            {"dup3", set->dup3},
            {"pipe2", set->pipe2},
            {"socket", set->socket},
            {"socketpair", set->socketpair},
            {"accept4", set->accept4},
            {"recvmsg", set->recvmsg},
            {"memfd_create", set->memfd_create},
            {"eventfd2", set->eventfd2},
            {"epoll_create1", set->epoll_create1},
            {"timerfd_create", set->timerfd_create},
            {"close_range", set->close_range},
            {"io_uring", set->io_uring}}},
          {"system_calls",
           {{"close_range", set->calls.close_range},
            {"clone3", set->calls.clone3},
            {"pidfd", set->calls.pidfd},
            {"clone_into_cgroup", set->calls.clone_into_cgroup},
            {"io_uring", set->calls.io_uring}}}};
}

/// What the program answers as JSON, prepared in its process.
json answered(const std::function<void()> &prepare) {
  subprocess program({CLOFORK_PROBE, "--json"}, prepare);
  EXPECT_EQ(exit_status(program.wait()), 0) << program.errors;
  return json::parse(program.output);
}

TEST(clofork_probe, json_is_what_the_library_finds) {
  EXPECT_EQ(answered([] {}), expected());
}

TEST(clofork_probe, sees_through_the_filters_of_its_process) {
  auto filtered = expected();
  filtered["system_calls"]["clone3"] = false;
  filtered["system_calls"]["clone_into_cgroup"] = false;
  EXPECT_EQ(answered([] { refuse_call(SYS_clone3, ENOSYS); }), filtered);
}

/// As a security module denies it.
TEST(clofork_probe, takes_denied_access_for_an_answer) {
  auto denied = expected();
  denied["system_calls"]["close_range"] = false;
  denied["close_on_fork"]["close_range"] = false;
  EXPECT_EQ(answered([] { refuse_call(SYS_close_range, EACCES); }), denied);
}

TEST(clofork_probe, table_has_a_line_for_each_answer) {
  subprocess program({CLOFORK_PROBE});
  ASSERT_EQ(exit_status(program.wait()), 0) << program.errors;
  const auto set = clofork::probe_features();
  const auto line = [&](std::string text, bool answer) {
    text = "\n  " + text;
    text.resize(3 + 34, ' ');
    return program.output.find(text + (answer ? "yes\n" : "no\n"));
  };
  EXPECT_NE(line("open, openat", set->open), std::string::npos);
  EXPECT_NE(line("clone3", set->calls.clone3), std::string::npos);
  EXPECT_EQ(std::count(program.output.begin(), program.output.end(), '\n'),
            16 + 5 + 5);
}

TEST(clofork_probe, wrong_usage_ends_with_2_and_names_the_word) {
  for (const std::string word : {"--jason", "x", ""}) {
    subprocess program({CLOFORK_PROBE, word});
    EXPECT_EQ(exit_status(program.wait()), 2);
    EXPECT_NE(program.errors.find("not '" + word + "'"), std::string::npos);
    EXPECT_EQ(program.output, "");
  }
}

TEST(clofork_probe, help_ends_with_0) {
  subprocess program({CLOFORK_PROBE, "--help"});
  EXPECT_EQ(exit_status(program.wait()), 0);
  EXPECT_EQ(program.output.rfind("Usage: clofork-probe", 0), 0U);
}

TEST(clofork_probe, no_answer_ends_with_1_and_its_error) {
  subprocess program({CLOFORK_PROBE, "--json"},
                     [] { refuse_dupfd_clofork(EMFILE); });
  EXPECT_EQ(exit_status(program.wait()), 1);
  EXPECT_EQ(program.output, "");
  EXPECT_NE(program.errors.find("fcntl(F_DUPFD_CLOFORK)"), std::string::npos);
}

TEST(clofork_probe, lost_output_ends_with_1) {
  subprocess program({CLOFORK_PROBE}, [] {
    dup2(open("/dev/full", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
  });
  EXPECT_EQ(exit_status(program.wait()), 1);
}

} // namespace
