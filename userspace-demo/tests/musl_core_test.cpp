// SPDX-License-Identifier: MIT
// The part of the library that needs no C++ runtime, linked to musl and nothing
// else: what runs between clone and exec, and the gate around it.
#include "child_path.h"
#include "clofork/gate.h"
#include "spawning_section.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "close_on_fork.h"

namespace {

using clofork::table_step;
using action = table_step::action;

// NOLINTBEGIN(modernize-avoid-c-arrays): as in child_path.h
/// As spawn() does it. The exit status of the program, or -1.
int run(clofork::child_plan &plan, const char *program, const char *script) {
  const char *const arguments[] = {"sh", "-c", script, nullptr};
  plan.program = program;
  plan.arguments = const_cast<char *const *>(arguments);
  plan.environment = environ;
  plan.parent = getpid();
  plan.parent_thread = gettid();

  // Not clone3: the filter of a container may refuse it.
  clofork::clone_request request{.clone3 = false, .flags = CLONE_FILES};
  plan.clears_handlers = false;
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  std::memcpy(&plan.mask, &before, sizeof plan.mask);
  long pid = 0;
  {
    clofork::spawning_section inside;
    plan.gate = &inside.ticket();
    pid = clofork::clone_child(request, plan);
    plan.gate = nullptr;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  int status = 0;
  if (pid <= 0 || waitpid(static_cast<pid_t>(pid), &status, 0) != pid) {
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool runs_a_program() {
  clofork::child_plan plan;
  return run(plan, "/bin/sh", "exit 42") == 42 && plan.report.stage == nullptr;
}

/// Number 7 is the parent's, marked, in the child as number 3, and all above
/// is closed.
bool gives_what_is_planned() {
  const int file = open("/dev/null", O_RDONLY);
  dup2(file, 5); // copied, and closed by the child
  dup2(file, 7);
  dup2(file, 9); // not copied
  close(file);
  fcntl(7, F_SETFD, FD_CLOEXEC | FD_CLOFORK);
  const table_step steps[] = {{action::duplicate, 7, 3, false},
                              {action::close, 4, INT_MAX, false}};
  const int kept[] = {0, 1, 2, 3};
  clofork::child_plan plan;
  plan.copied = 8;
  plan.clean = {steps, steps + 2};
  plan.kept = {kept, kept + 4};
  const int code = run(plan, "/bin/sh",
                       ": <&3 || exit 1; "
                       "for n in 4 5 6 7 8 9; do "
                       "(eval \": <&$n\") 2>/dev/null && exit 2; done; "
                       "exit 0");
  close(5);
  close(7);
  close(9);
  return code == 0;
}

bool reports_why_exec_failed() {
  clofork::child_plan plan;
  run(plan, "/no/such/program", "");
  return plan.report.stage != nullptr &&
         std::strcmp(plan.report.stage, "execve") == 0 &&
         plan.report.code == ENOENT;
}

/// A gate that a child did not leave would keep a closer out for good.
bool leaves_the_gate() {
  alarm(20);
  { const clofork::closing_section section; }
  clofork::child_plan plan;
  const bool ran = run(plan, "/bin/sh", "exit 0") == 0;
  { const clofork::closing_section section; }
  alarm(0);
  return ran;
}

constexpr struct {
  const char *text;
  bool (*test)();
} tests[] = {
    {"a program runs", runs_a_program},
    {"it has the descriptors that are planned, and no others",
     gives_what_is_planned},
    {"why exec failed is reported", reports_why_exec_failed},
    {"closing sections and spawns take turns", leaves_the_gate},
};
// NOLINTEND(modernize-avoid-c-arrays)

} // namespace

int main() {
  int number = 0;
  int failures = 0;
  std::printf("1..%zu\n", sizeof tests / sizeof tests[0]);
  for (const auto &[text, test] : tests) {
    const bool ok = test();
    std::printf("%sok %d - %s\n", ok ? "" : "not ", ++number, text);
    std::fflush(stdout);
    failures += ok ? 0 : 1;
  }
  return failures != 0;
}
