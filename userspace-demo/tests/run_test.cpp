// SPDX-License-Identifier: MIT
#include "clofork/run.h"

#include "clofork/descriptors.h"
#include "in_child.h"
#include "leash.h"
#include "output_pattern.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clofork::ending;
using clofork::exit_status;
using clofork::outcome;
using clofork::overflow;
using clofork::run;
namespace stdio = clofork::stdio;

class run_test : public spawning {};

/// For a shell to begin, on a slow machine too.
constexpr auto enough = 3s;

outcome outcome_of(const clofork::command &wanted,
                   const clofork::run_options &options = {}) {
  auto done = run(wanted, options);
  if (!done) {
    ADD_FAILURE() << done.error().message();
    return {};
  }
  return std::move(*done);
}

/// The stage and text of the error; empty if there is none.
std::string refusal_of_run(const clofork::command &wanted,
                           const clofork::run_options &options = {}) {
  const auto done = run(wanted, options);
  return done ? "" : done.error().message();
}

TEST_F(run_test, tells_status_and_both_streams) {
  const auto done = outcome_of(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(done.how, ending::exited);
  EXPECT_EQ(done.status, (exit_status{.code = 3}));
  EXPECT_EQ(done.output, "out\n");
  EXPECT_EQ(done.errors, "err\n");
  EXPECT_FALSE(done.success());
  EXPECT_FALSE(done.output_held);
  EXPECT_GT(done.elapsed, 0ns);
  EXPECT_TRUE(outcome_of(shell("")).success());
}

TEST_F(run_test, tells_the_signal_of_others) {
  const auto done = outcome_of(shell("kill -TERM $$"));
  EXPECT_EQ(done.how, ending::exited);
  EXPECT_EQ(done.status, (exit_status{.signal = SIGTERM}));
}

TEST_F(run_test, tells_what_the_program_used) {
  const auto idle = outcome_of(shell("")).used;
  const auto busy =
      outcome_of(shell("i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"))
          .used;
  EXPECT_GT(idle.max_resident_kib, 100);
  EXPECT_GT(idle.minor_faults, 10);
  EXPECT_GT(busy.user + busy.system, 5 * (idle.user + idle.system));
  EXPECT_LT(busy.user + busy.system, 60s);
}

TEST_F(run_test, feeds_while_it_drains) {
  std::string input(3 << 20, 0);
  for (std::size_t at = 0; at < input.size(); ++at) {
    input[at] = static_cast<char>(at * 7 + at / 4096);
  }
  const auto done = outcome_of(shell("cat"), {.input = input});
  EXPECT_TRUE(done.success());
  EXPECT_TRUE(done.output == input) << "of " << done.output.size();
}

TEST_F(run_test, gives_no_input_unless_asked) {
  EXPECT_EQ(outcome_of(shell("cat; readlink /proc/self/fd/0")).output,
            "/dev/null\n");
  auto wanted = shell("cat; echo end");
  wanted.input = stdio::pipe{};
  EXPECT_EQ(outcome_of(wanted).output, "end\n");
}

/// SIGPIPE would end this process.
TEST_F(run_test, survives_a_program_that_does_not_read) {
  ASSERT_EQ(signal(SIGPIPE, SIG_DFL), SIG_DFL);
  EXPECT_TRUE(
      outcome_of(shell("exec <&-; echo"), {.input = std::string(1 << 20, 'x')})
          .success());
  sigset_t pending{};
  sigpending(&pending);
  EXPECT_EQ(sigismember(&pending, SIGPIPE), 0);
}

TEST_F(run_test, leaves_a_sigpipe_that_is_not_its_own) {
  sigset_t pipe{};
  sigset_t before{};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  raise(SIGPIPE);
  (void)outcome_of(shell("exec <&-"), {.input = std::string(1 << 20, 'x')});
  const timespec now{};
  EXPECT_EQ(sigtimedwait(&pipe, nullptr, &now), SIGPIPE);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_F(run_test, kills_the_group_when_its_time_is_over) {
  leash held;
  const auto done = outcome_of(held.shell_with("echo out; cat <&3 & cat <&3"),
                               {.time_limit = enough, .grace = 1h});
  EXPECT_EQ(done.how, ending::timed_out);
  EXPECT_EQ(done.status, (exit_status{.signal = SIGKILL}));
  EXPECT_EQ(done.output, "out\n");
  EXPECT_FALSE(done.output_held);
  EXPECT_GE(done.elapsed, enough);
  EXPECT_TRUE(held.all_gone());
}

TEST_F(run_test, kills_the_program_alone_when_it_leads_no_group) {
  leash held;
  const auto done =
      outcome_of(held.shell_with("cat <&3 & echo $!; exec cat <&3"),
                 {.time_limit = enough, .grace = 0ns, .own_group = false});
  EXPECT_EQ(done.how, ending::timed_out);
  EXPECT_TRUE(done.output_held);
  EXPECT_EQ(kill(std::stoi(done.output), 0), 0);
  held.let_go();
}

TEST_F(run_test, kills_at_the_limit_of_output) {
  const auto done = outcome_of(shell("while :; do echo 0123456789; done"),
                               {.output_limit = 1000});
  EXPECT_EQ(done.how, ending::output_limit);
  EXPECT_EQ(done.output.size(), 1000U);
  EXPECT_TRUE(done.output_truncated);
  EXPECT_FALSE(done.errors_truncated);
  EXPECT_FALSE(done.success());
}

TEST_F(run_test, takes_as_much_as_the_limit) {
  const auto done = outcome_of(shell("printf 12345"), {.output_limit = 5});
  EXPECT_TRUE(done.success());
  EXPECT_EQ(done.output, "12345");
}

TEST_F(run_test, drops_what_is_past_the_limit) {
  const auto done =
      outcome_of({.program = OUTPUT_PROGRAM,
                  .arguments = {"output_program", "1", "1000000", "1000000"}},
                 {.output_limit = 1000, .when_full = overflow::discard});
  EXPECT_EQ(done.status, exit_status{});
  EXPECT_EQ(done.how, ending::exited);
  EXPECT_TRUE(done.output_truncated && done.errors_truncated);
  pattern_check output(1, 0);
  output.look_at(done.output);
  EXPECT_TRUE(output.is_whole(1000));
}

TEST_F(run_test, ends_though_another_holds_the_output) {
  leash held;
  const auto done =
      outcome_of(held.shell_with("cat <&3 & echo out"), {.grace = 50ms});
  EXPECT_TRUE(done.success());
  EXPECT_TRUE(done.output_held);
  EXPECT_EQ(done.output, "out\n");
  held.let_go();
}

TEST_F(run_test, waits_in_the_grace_for_what_another_writes) {
  const auto done =
      outcome_of(shell("(sleep 0.1; echo late) & echo out"), {.grace = 1h});
  EXPECT_EQ(done.output, "out\nlate\n");
  EXPECT_FALSE(done.output_held);
}

/// Without any grace: what is in the pipe at its end is read all the same.
TEST_F(run_test, loses_nothing_that_the_program_wrote) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    leash held;
    const auto number = std::to_string(seed);
    auto wanted = held.shell_with("cat <&3 3<&- & exec 3<&-; exec \"$0\" " +
                                  number + " 65536 65536");
    wanted.arguments.emplace_back(OUTPUT_PROGRAM);
    const auto done = outcome_of(wanted, {.grace = 0ns});
    pattern_check output(seed, 0);
    pattern_check errors(seed, 1);
    output.look_at(done.output);
    errors.look_at(done.errors);
    EXPECT_TRUE(output.is_whole(65536)) << done.output.size();
    EXPECT_TRUE(errors.is_whole(65536)) << done.errors.size();
    EXPECT_TRUE(done.output_held);
    held.let_go();
  }
}

TEST_F(run_test, leaves_streams_where_the_command_has_them) {
  auto wanted = shell("echo out; echo err >&2");
  wanted.output = stdio::null{};
  wanted.errors = stdio::same_as{1};
  const auto done = outcome_of(wanted);
  EXPECT_TRUE(done.success());
  EXPECT_EQ(done.output + done.errors, "");
}

TEST_F(run_test, says_why_nothing_was_started) {
  EXPECT_EQ(refusal_of_run({.program = "/none", .arguments = {"none"}}),
            "execve: No such file or directory (errno 2)");
  EXPECT_EQ(refusal_of_run(shell(""), {.time_limit = -1ns}),
            "run_options.time_limit: Invalid argument (errno 22)");
  EXPECT_EQ(refusal_of_run(shell(""), {.grace = -1ns}),
            "run_options.grace: Invalid argument (errno 22)");
  auto wanted = shell("");
  wanted.input = stdio::null{};
  EXPECT_EQ(refusal_of_run(wanted, {.input = "x"}),
            "run_options.input: Invalid argument (errno 22)");
}

/// As for a program that has become another user's.
TEST_F(run_test, leaves_a_program_that_may_not_be_killed) {
  EXPECT_TRUE(in_child([] {
    leash held;
    const bool filtered = refuse_call(SYS_pidfd_send_signal, EPERM) &&
                          refuse_call(SYS_kill, EPERM);
    const auto done = run(held.shell_with("cat <&3"), {.time_limit = 100ms});
    return filtered && !done &&
           done.error() ==
               clofork::error{"kill", {EPERM, std::system_category()}};
  }));
}

/// The tries end with the time, long before the patience.
TEST_F(run_test, tries_a_busy_program_no_longer_than_the_time_limit) {
  const auto program = clofork::memfd("busy");
  ASSERT_TRUE(program);
  const auto path = "/proc/" + std::to_string(getpid()) + "/fd/" +
                    std::to_string(program->fd.get());
  const clofork::unique_fd writing(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal_of_run(
                {.program = path, .arguments = {"busy"}, .busy_patience = 30s},
                {.time_limit = 100ms}),
            "execve: Text file busy (errno 26)");
  EXPECT_LT(std::chrono::steady_clock::now() - start, 20s);
}

TEST_F(run_test, waits_by_number_where_there_are_no_pidfds) {
  EXPECT_TRUE(in_child([] {
    const bool filtered = refuse_call(SYS_clone3, ENOSYS) &&
                          refuse_call_with_bits(SYS_clone, 0, 0x1000, EPERM);
    const auto done = run(shell("echo out"));
    const auto late = run(shell("exec sleep 60"), {.time_limit = 100ms});
    return filtered && done && done->success() && done->output == "out\n" &&
           late && late->how == ending::timed_out;
  }));
}

} // namespace
