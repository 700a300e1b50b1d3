// SPDX-License-Identifier: MIT
#include "clofork/command.h"

#include "clofork/spawn.h"
#include "clofork/unique_fd.h"

#include <csignal>
#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using clofork::command;
using clofork::validate;
namespace stdio = clofork::stdio;

command valid() {
  return {.program = "/bin/true", .arguments = {"true"}};
}

int closed_descriptor() {
  const clofork::unique_fd fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  return fd.get();
}

TEST(command, valid_one_is_accepted) {
  const auto answer = validate(valid());
  EXPECT_TRUE(answer.has_value()) << answer.error().message();
}

TEST(command, full_one_is_accepted) {
  command full{
      .program = "program",
      .arguments = {"", "a\nb"},
      .environment = {{"A=", "B=c=d"}},
      .input = stdio::file{"input"},
      .output = stdio::pipe{},
      .errors = stdio::same_as{1},
      .descriptors = {{0, 3}, {0, 5}},
      .directory = "/",
      .umask = 0777,
      .process = {.group = 0, .cgroup = 0, .parent_death_signal = 64},
      .signals = {.blocked = {{1, 64, SIGKILL}},
                  .defaulted = {1},
                  .ignored = {64}},
      .limits = {{RLIMIT_CORE, 1, 1}, {RLIMIT_NOFILE, 1, 2}},
      .scheduling = {.policy = SCHED_FIFO, .priority = 99, .nice = -20},
      .credentials = {.groups = std::vector<gid_t>{}, .gid = 0, .uid = 0},
      .no_new_privileges = true,
      .busy_patience = std::chrono::hours(1)};
  const auto answer = validate(full);
  EXPECT_TRUE(answer.has_value()) << answer.error().message();
  full.process = {.session = true, .controlling_terminal = 5};
  EXPECT_TRUE(validate(full).has_value());
}

struct mistake {
  const char *name;
  const char *field;
  int code;
  std::function<void(command &)> make;
};

std::ostream &operator<<(std::ostream &out, const mistake &each) {
  return out << each.name;
}

class mistaken : public testing::TestWithParam<mistake> {};

TEST_P(mistaken, command_is_refused_by_the_name_of_the_field) {
  auto wanted = valid();
  GetParam().make(wanted);
  const clofork::error expected{GetParam().field,
                                {GetParam().code, std::system_category()}};
  const auto answer = validate(wanted);
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().message(), expected.message());
  const auto child = clofork::spawn(wanted);
  ASSERT_FALSE(child.has_value());
  EXPECT_EQ(child.error(), expected);
}

constexpr std::string_view with_nul("a\0b", 3);

const std::vector<mistake> mistakes = {
    {"empty_program", "command.program", EINVAL,
     [](command &c) { c.program = ""; }},
    {"nul_in_program", "command.program", EINVAL,
     [](command &c) { c.program = with_nul; }},
    {"no_arguments", "command.arguments", EINVAL,
     [](command &c) { c.arguments.clear(); }},
    {"nul_in_arguments", "command.arguments", EINVAL,
     [](command &c) { c.arguments.emplace_back(with_nul); }},
    {"nul_in_environment", "command.environment", EINVAL,
     [](command &c) { c.environment = {{"A=" + std::string(with_nul)}}; }},
    {"environment_without_value", "command.environment", EINVAL,
     [](command &c) { c.environment = {{"A"}}; }},
    {"environment_without_name", "command.environment", EINVAL,
     [](command &c) { c.environment = {{"=A"}}; }},
    {"closed_input", "command.input", EBADF,
     [](command &c) { c.input = stdio::descriptor{closed_descriptor()}; }},
    {"negative_output", "command.output", EBADF,
     [](command &c) { c.output = stdio::descriptor{-1}; }},
    {"unnamed_file", "command.output", EINVAL,
     [](command &c) { c.output = stdio::file{""}; }},
    {"nul_in_file", "command.input", EINVAL,
     [](command &c) { c.input = stdio::file{std::string(with_nul)}; }},
    {"file_closed_on_exec", "command.input", EINVAL,
     [](command &c) {
       c.input = stdio::file{"/", O_CLOEXEC};
     }},
    {"same_as_itself", "command.errors", EINVAL,
     [](command &c) { c.errors = stdio::same_as{2}; }},
    {"same_as_no_stream", "command.errors", EINVAL,
     [](command &c) { c.errors = stdio::same_as{3}; }},
    {"same_as_negative", "command.errors", EINVAL,
     [](command &c) { c.errors = stdio::same_as{-1}; }},
    {"same_as_in_a_circle", "command.output", EINVAL,
     [](command &c) {
       c.output = stdio::same_as{2};
       c.errors = stdio::same_as{1};
     }},
    {"same_as_closed", "command.errors", EINVAL,
     [](command &c) {
       c.output = stdio::closed{};
       c.errors = stdio::same_as{1};
     }},
    {"closed_descriptor", "command.descriptors", EBADF,
     [](command &c) {
       c.descriptors = {{closed_descriptor(), 3}};
     }},
    {"negative_descriptor", "command.descriptors", EBADF,
     [](command &c) {
       c.descriptors = {{-1, 3}};
     }},
    {"negative_number", "command.descriptors", EINVAL,
     [](command &c) {
       c.descriptors = {{0, -1}};
     }},
    {"number_of_a_stream", "command.descriptors", EINVAL,
     [](command &c) {
       c.descriptors = {{0, 2}};
     }},
    {"number_beyond_the_limit", "command.descriptors", EINVAL,
     [](command &c) {
       rlimit limit{};
       getrlimit(RLIMIT_NOFILE, &limit);
       c.descriptors = {{0, static_cast<int>(limit.rlim_cur)}};
     }},
    {"doubled_number", "command.descriptors", EINVAL,
     [](command &c) {
       c.descriptors = {{0, 5}, {1, 7}, {2, 5}};
     }},
    {"empty_directory", "command.directory", EINVAL,
     [](command &c) { c.directory = ""; }},
    {"nul_in_directory", "command.directory", EINVAL,
     [](command &c) { c.directory = std::string(with_nul); }},
    {"closed_directory", "command.directory", EBADF,
     [](command &c) { c.directory = closed_descriptor(); }},
    {"umask", "command.umask", EINVAL, [](command &c) { c.umask = 01000; }},
    {"negative_group", "command.process.group", EINVAL,
     [](command &c) { c.process.group = -1; }},
    {"group_and_session", "command.process.group", EINVAL,
     [](command &c) { c.process = {.group = 0, .session = true}; }},
    {"terminal_without_session", "command.process.controlling_terminal", EINVAL,
     [](command &c) { c.process.controlling_terminal = 0; }},
    {"terminal_not_given", "command.process.controlling_terminal", EBADF,
     [](command &c) {
       c.process = {.session = true, .controlling_terminal = 3};
     }},
    {"terminal_closed", "command.process.controlling_terminal", EBADF,
     [](command &c) {
       c.input = stdio::closed{};
       c.process = {.session = true, .controlling_terminal = 0};
     }},
    {"closed_cgroup", "command.process.cgroup", EBADF,
     [](command &c) { c.process.cgroup = closed_descriptor(); }},
    {"death_signal", "command.process.parent_death_signal", EINVAL,
     [](command &c) { c.process.parent_death_signal = 65; }},
    {"negative_death_signal", "command.process.parent_death_signal", EINVAL,
     [](command &c) { c.process.parent_death_signal = -1; }},
    {"blocked_no_signal", "command.signals.blocked", EINVAL,
     [](command &c) { c.signals.blocked = {{0}}; }},
    {"defaulted_no_signal", "command.signals", EINVAL,
     [](command &c) { c.signals.defaulted = {65}; }},
    {"ignored_kill", "command.signals", EINVAL,
     [](command &c) { c.signals.ignored = {SIGKILL}; }},
    {"ignored_stop", "command.signals", EINVAL,
     [](command &c) { c.signals.ignored = {SIGSTOP}; }},
    {"defaulted_and_ignored", "command.signals", EINVAL,
     [](command &c) {
       c.signals = {.defaulted = {SIGHUP}, .ignored = {SIGHUP}};
     }},
    {"unknown_limit", "command.limits", EINVAL,
     [](command &c) {
       c.limits = {{RLIM_NLIMITS, 1, 1}};
     }},
    {"negative_limit", "command.limits", EINVAL,
     [](command &c) {
       c.limits = {{-1, 1, 1}};
     }},
    {"soft_above_hard", "command.limits", EINVAL,
     [](command &c) {
       c.limits = {{RLIMIT_CORE, 2, 1}};
     }},
    {"doubled_limit", "command.limits", EINVAL,
     [](command &c) {
       c.limits = {{RLIMIT_CORE, 1, 1}, {RLIMIT_CORE, 1, 1}};
     }},
    {"unknown_policy", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling.policy = 99; }},
    {"priority_too_high", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling = {.policy = SCHED_RR, .priority = 100}; }},
    {"priority_too_low", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling = {.policy = SCHED_RR, .priority = 0}; }},
    {"priority_without_policy", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling.priority = 1; }},
    {"nice_too_high", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling.nice = 20; }},
    {"nice_too_low", "command.scheduling", EINVAL,
     [](command &c) { c.scheduling.nice = -21; }},
    {"no_user", "command.credentials", EINVAL,
     [](command &c) { c.credentials.uid = static_cast<uid_t>(-1); }},
    {"no_gid", "command.credentials", EINVAL,
     [](command &c) { c.credentials.gid = static_cast<gid_t>(-1); }},
    {"no_group", "command.credentials", EINVAL,
     [](command &c) {
       c.credentials.groups = {{1, static_cast<gid_t>(-1)}};
     }},
    {"too_many_groups", "command.credentials", EINVAL,
     [](command &c) { c.credentials.groups.emplace(65537U, 1U); }},
    {"negative_patience", "command.busy_patience", EINVAL,
     [](command &c) { c.busy_patience = std::chrono::milliseconds(-1); }},
    {"endless_patience", "command.busy_patience", EINVAL,
     [](command &c) { c.busy_patience = std::chrono::milliseconds::max(); }},
};

INSTANTIATE_TEST_SUITE_P(command, mistaken, testing::ValuesIn(mistakes),
                         [](const auto &info) { return info.param.name; });

} // namespace
