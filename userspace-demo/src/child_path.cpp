// SPDX-License-Identifier: MIT
// All that runs between clone and exec, in the child.
//
// It runs on the parent's memory, beside the parent's other threads, with the
// thread-local storage of a suspended thread. So it makes system calls
// directly, and calls nothing else: no errno, no lock, no allocation, no
// lazily bound symbol, and no sanitizer, whose records are the parent's. A
// test looks for undefined symbols in this object.
//
// Until get_own_table() is through, the table is the parent's too: nothing
// may open, close or duplicate a descriptor.
#include "child_path.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#ifndef __x86_64__
#include <unistd.h>
extern "C" int clone(int (*)(void *), void *, int, void *, ...);
#endif

namespace clofork {
namespace {

// ---- System calls ---------------------------------------------------------

/// The result, or a negative errno.
#ifdef __x86_64__
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0,
          long e = 0) {
  register long fourth asm("r10") = d;
  register long fifth asm("r8") = e; // prctl(2) wants it to be 0
  long result = number;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
               : "rcx", "r11", "memory");
  return result;
}
#else
long call(long number, long a = 0, long b = 0, long c = 0, long d = 0,
          long e = 0) {
  const long result = syscall(number, a, b, c, d, e);
  return result == -1 ? -errno : result;
}
#endif

long address(const volatile void *pointer) {
  return reinterpret_cast<long>(pointer);
}

[[noreturn]] void end() {
  for (;;) {
    call(SYS_exit_group, 127);
  }
}

[[noreturn]] void fail(child_plan &plan, const char *stage, long result) {
  plan.report.stage = stage;
  plan.report.code = static_cast<int>(-result);
  end();
}

/// Ends the child when the result is an error.
long check(child_plan &plan, const char *stage, long result) {
  if (result < 0) {
    fail(plan, stage, result);
  }
  return result;
}

/// How a kernel or a filter answers what it does not have.
bool means_absent(long result) {
  return result == -ENOSYS || result == -EPERM || result == -EINVAL;
}

/// EACCES: as security modules say it. EMFILE: the child's numbers are all to
/// be taken, and fetching needs two more for a moment.
bool means_no_fetching(long result) {
  return means_absent(result) || result == -EACCES || result == -EMFILE;
}

[[noreturn]] void refuse(child_plan &plan, refusal refused, const char *stage,
                         long result) {
  plan.report.refused = refused;
  fail(plan, stage, result);
}

// ---- The table ------------------------------------------------------------

void join_cgroup(child_plan &plan) {
  if (plan.cgroup_procs >= 0) {
    check(plan, "write(cgroup.procs)",
          call(SYS_write, plan.cgroup_procs, address("0"), 1));
  }
}

void get_own_table(child_plan &plan) {
  if (!plan.shares_table) {
    return;
  }
  const long result =
      call(SYS_close_range, plan.copied, ~0U, CLOSE_RANGE_UNSHARE);
  if (means_absent(result)) {
    refuse(plan, refusal::shared_table, "close_range", result);
  }
  check(plan, "close_range", result);
}

void set_close_on_exec(child_plan &plan, int fd, bool value) {
  check(plan, "fcntl(F_SETFD)",
        call(SYS_fcntl, fd, F_SETFD, value ? FD_CLOEXEC : 0));
}

void duplicate(child_plan &plan, long from, int to, bool close_on_exec) {
  check(plan, "dup3", call(SYS_dup3, from, to, close_on_exec ? O_CLOEXEC : 0));
}

/// A descriptor that has just got the lowest free number.
void place(child_plan &plan, long made, const table_step &step) {
  if (made == step.to) {
    set_close_on_exec(plan, step.to, step.close_on_exec);
    return;
  }
  duplicate(plan, made, step.to, step.close_on_exec);
  call(SYS_close, made);
}

/// The thread that spawns. Its number means the same here only if the process
/// does, and it is suspended, so alive, as long as the process is.
long open_parent(child_plan &plan) {
  constexpr long pidfd_thread = O_EXCL; // PIDFD_THREAD, Linux 6.9
  long parent = call(SYS_pidfd_open, plan.parent_thread, pidfd_thread);
  if (parent == -EINVAL && plan.parent_thread == plan.parent) {
    parent = call(SYS_pidfd_open, plan.parent);
  }
  if (call(SYS_getppid) != plan.parent) {
    refuse(plan, refusal::fetching, "getppid", -ESRCH);
  }
  if (means_no_fetching(parent)) {
    refuse(plan, refusal::fetching, "pidfd_open", parent);
  }
  return check(plan, "pidfd_open", parent);
}

/// Opens the parent anew each time: a lasting descriptor could be in the way
/// of the numbers that are to come.
void fetch(child_plan &plan, const table_step &step) {
  plan.report.fetches = true;
  const long parent = open_parent(plan);
  const long made = call(SYS_pidfd_getfd, parent, step.from);
  plan.report.fetches = false;
  call(SYS_close, parent);
  if (means_no_fetching(made)) {
    refuse(plan, refusal::fetching, "pidfd_getfd", made);
  }
  place(plan, check(plan, "pidfd_getfd", made), step);
}

void open_file(child_plan &plan, const table_step &step) {
  const file_to_open &file = plan.files.first[step.from];
  const long made = call(SYS_openat, AT_FDCWD, address(file.path), file.flags,
                         static_cast<long>(file.mode));
  place(plan, check(plan, file.stage, made), step);
}

bool is_kept(const child_plan &plan, long fd) {
  for (const int *each = plan.kept.first; each != plan.kept.last; ++each) {
    if (*each == fd) {
      return true;
    }
  }
  return false;
}

long lowest_not_kept(const child_plan &plan) {
  long fd = 0;
  for (const int *each = plan.kept.first; each != plan.kept.last; ++each) {
    fd += *each == fd ? 1 : 0;
  }
  return fd;
}

/// The number that a directory entry is the name of, or -1.
long number_of(const char *name) {
  long number = 0;
  for (const char *digit = name; *digit != '\0'; ++digit) {
    if (*digit < '0' || *digit > '9') {
      return -1;
    }
    number = number * 10 + (*digit - '0');
  }
  return number;
}

struct directory_entry { // of getdents64(2)
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1]; // NOLINT(modernize-avoid-c-arrays)
};

void close_listed(child_plan &plan, long directory, long bytes) {
  const std::byte *at = plan.directory_entries;
  const std::byte *const end = at + bytes;
  while (at < end) {
    const auto *entry = reinterpret_cast<const directory_entry *>(at);
    const long fd = number_of(entry->name);
    if (fd >= 0 && fd != directory && !is_kept(plan, fd)) {
      call(SYS_close, fd);
    }
    at += entry->size;
  }
}

/// Without close_range. The list is by number, so that closing what has been
/// read does not disturb it. The table may be full, so one number that is not
/// kept goes first.
void close_all_others(child_plan &plan) {
  plan.report.closed_ranges = false;
  call(SYS_close, lowest_not_kept(plan));
  const long directory =
      check(plan, "open(/proc/self/fd)",
            call(SYS_openat, AT_FDCWD, address("/proc/self/fd"),
                 O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (;;) {
    const long bytes =
        check(plan, "getdents64",
              call(SYS_getdents64, directory, address(plan.directory_entries),
                   sizeof plan.directory_entries));
    if (bytes == 0) {
      break;
    }
    close_listed(plan, directory, bytes);
  }
  call(SYS_close, directory);
}

/// False when all ranges that are left have been closed, in another way.
bool close_numbers(child_plan &plan, const table_step &step) {
  const long result = call(SYS_close_range, step.from, step.to);
  if (means_absent(result)) {
    close_all_others(plan);
    return false;
  }
  check(plan, "close_range", result);
  return true;
}

void take(child_plan &plan, const array_view<table_step> &steps) {
  for (const table_step *step = steps.first; step != steps.last; ++step) {
    switch (step->what) {
    case table_step::action::duplicate:
      duplicate(plan, step->from, step->to, step->close_on_exec);
      break;
    case table_step::action::keep:
      set_close_on_exec(plan, step->to, step->close_on_exec);
      break;
    case table_step::action::close:
      if (!close_numbers(plan, *step)) {
        return; // ranges come last
      }
      break;
    case table_step::action::fetch:
      fetch(plan, *step);
      break;
    case table_step::action::open:
      open_file(plan, *step);
      break;
    }
  }
}

/// One store, so that a child which is killed has either left or not. The
/// parent wakes who waits if this child cannot any more.
void leave_gate(const child_plan &plan) {
  gate_ticket &gate = *plan.gate;
  gate.unclean.store(0);
  if (gate.closers_waiting->load() != 0) {
    gate.events->fetch_add(1);
    call(SYS_futex, address(gate.events), FUTEX_WAKE_PRIVATE, INT_MAX);
  }
}

// ---- The process ----------------------------------------------------------

void set_placement(child_plan &plan) {
  if (plan.session) {
    check(plan, "setsid", call(SYS_setsid));
  }
  if (plan.group >= 0) {
    check(plan, "setpgid", call(SYS_setpgid, 0, plan.group));
  }
  if (plan.terminal >= 0) {
    check(plan, "ioctl(TIOCSCTTY)",
          call(SYS_ioctl, plan.terminal, TIOCSCTTY, 0));
  }
  if (plan.umask >= 0) {
    call(SYS_umask, plan.umask);
  }
}

void set_scheduling(child_plan &plan) {
  if (plan.policy >= 0) {
    check(
        plan, "sched_setscheduler",
        call(SYS_sched_setscheduler, 0, plan.policy, address(&plan.priority)));
  }
  if (plan.sets_nice) {
    check(plan, "setpriority",
          call(SYS_setpriority, PRIO_PROCESS, 0, plan.nice));
  }
}

void set_limits(child_plan &plan) {
  for (const auto *each = plan.limits.first; each != plan.limits.last; ++each) {
    check(plan, "prlimit64",
          call(SYS_prlimit64, 0, each->resource, address(each->values)));
  }
}

/// In the one order in which each step is still allowed. The system calls of
/// this one task: those of the C library would change all of the parent's
/// threads.
void set_credentials(child_plan &plan) {
  if (plan.sets_groups) {
    check(plan, "setgroups",
          call(SYS_setgroups, plan.groups.last - plan.groups.first,
               address(plan.groups.first)));
  }
  if (plan.gid != static_cast<gid_t>(-1)) {
    check(plan, "setresgid", call(SYS_setresgid, plan.gid, plan.gid, plan.gid));
  }
  if (plan.uid != static_cast<uid_t>(-1)) {
    check(plan, "setresuid", call(SYS_setresuid, plan.uid, plan.uid, plan.uid));
  }
}

void enter_directory(child_plan &plan) {
  if (plan.directory != nullptr) {
    check(plan, "chdir", call(SYS_chdir, address(plan.directory)));
  }
  if (plan.directory_fd >= 0) {
    check(plan, "fchdir", call(SYS_fchdir, plan.directory_fd));
  }
}

/// After the credentials, a change of which takes the signal back.
void set_last_settings(child_plan &plan) {
  if (plan.parent_death_signal != 0) {
    check(plan, "prctl(PR_SET_PDEATHSIG)",
          call(SYS_prctl, PR_SET_PDEATHSIG, plan.parent_death_signal));
    const long parent = call(SYS_getppid);
    if (parent != plan.parent && parent != 0) { // 0: of another namespace
      end();                                    // the parent is dead already
    }
  }
  if (plan.no_new_privileges) {
    check(plan, "prctl(PR_SET_NO_NEW_PRIVS)",
          call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1));
  }
}

// ---- Signals --------------------------------------------------------------

constexpr long signal_set_size = sizeof(std::uint64_t);
constexpr int last_signal = 64;

struct kernel_sigaction {
  long handler;
  unsigned long flags;
  long restorer;
  std::uint64_t mask;
};
constexpr long default_handler = 0;
constexpr long ignoring_handler = 1;

long set_handler(int signal, long handler) {
  const kernel_sigaction action{handler, 0, 0, 0};
  return call(SYS_rt_sigaction, signal, address(&action), 0, signal_set_size);
}

void clear_handlers() {
  for (int signal = 1; signal <= last_signal; ++signal) {
    kernel_sigaction action{};
    call(SYS_rt_sigaction, signal, 0, address(&action), signal_set_size);
    if (action.handler != default_handler &&
        action.handler != ignoring_handler) {
      set_handler(signal, default_handler);
    }
  }
}

/// Handlers go first: once the mask lets a signal in, it would run one of the
/// parent's on the parent's memory.
void set_signals(child_plan &plan) {
  if (!plan.clears_handlers) {
    clear_handlers();
  }
  const auto &all = plan.dispositions;
  for (const auto *each = all.first; each != all.last; ++each) {
    check(plan, "rt_sigaction",
          set_handler(each->signal,
                      each->ignore ? ignoring_handler : default_handler));
  }
  check(plan, "rt_sigprocmask",
        call(SYS_rt_sigprocmask, SIG_SETMASK, address(&plan.mask), 0,
             signal_set_size));
}

// ---- Exec -----------------------------------------------------------------

std::int64_t now_ns(child_plan &plan) {
  timespec time{};
  check(plan, "clock_gettime",
        call(SYS_clock_gettime, CLOCK_MONOTONIC, address(&time)));
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

[[noreturn]] void exec(child_plan &plan) {
  std::int64_t deadline = 0;
  for (long pause_ns = 100'000;;) {
    const long result =
        call(SYS_execve, address(plan.program), address(plan.arguments),
             address(plan.environment));
    if (result != -ETXTBSY) {
      fail(plan, "execve", result);
    }
    const std::int64_t now = now_ns(plan);
    if (deadline == 0) {
      deadline = now + plan.busy_patience_ns;
    }
    if (now >= deadline) {
      fail(plan, "execve", result);
    }
    const timespec pause{0, pause_ns};
    const long slept = call(SYS_nanosleep, address(&pause));
    check(plan, "nanosleep", slept == -EINTR ? 0 : slept);
    pause_ns = pause_ns < 10'000'000 ? pause_ns * 2 : pause_ns;
    ++plan.report.busy_retries;
  }
}

[[noreturn]] void run(child_plan &plan) {
  join_cgroup(plan);
  get_own_table(plan);
  take(plan, plan.clean);
  leave_gate(plan);
  take(plan, plan.add);
  set_placement(plan);
  set_scheduling(plan);
  set_limits(plan);
  set_credentials(plan);
  enter_directory(plan);
  set_last_settings(plan);
  set_signals(plan);
  exec(plan);
}

extern "C" int clofork_run_child(void *plan) {
  run(*static_cast<child_plan *>(plan));
}

} // namespace

// ---- Clone ----------------------------------------------------------------

#ifdef __x86_64__
namespace {

/// The child starts on the stack that the arguments name, where there is
/// nothing to return to.
long clone_onto_stack(long number, long a, long b, long c, child_plan &plan) {
  register child_plan *argument asm("r12") = &plan;
  register int (*entry)(void *) asm("r13") = clofork_run_child;
  long result = number;
  asm volatile("syscall\n\t"
               "testq %%rax, %%rax\n\t"
               "jnz 1f\n\t"
               "xorl %%ebp, %%ebp\n\t"
               "movq %[argument], %%rdi\n\t"
               "callq *%[entry]\n\t"
               "ud2\n"
               "1:"
               : "+a"(result)
               : "D"(a), "S"(b),
                 "d"(c), [argument] "r"(argument), [entry] "r"(entry)
               : "rcx", "r11", "memory", "cc");
  return result;
}

long call_clone3(clone_request &request, std::uint64_t flags,
                 child_plan &plan) {
  clone_args args{};
  args.flags = flags;
  args.pidfd = static_cast<__u64>(address(&request.pidfd));
  args.stack = static_cast<__u64>(address(plan.stack));
  args.stack_size = sizeof plan.stack;
  args.cgroup = request.cgroup >= 0 ? static_cast<__u64>(request.cgroup) : 0;
  const long size =
      request.cgroup >= 0 ? CLONE_ARGS_SIZE_VER2 : CLONE_ARGS_SIZE_VER0;
  return clone_onto_stack(SYS_clone3, address(&args), size, 0, plan);
}

} // namespace
#endif

long clone_child(clone_request &request, child_plan &plan) noexcept {
  const std::uint64_t flags = request.flags | CLONE_VM | CLONE_VFORK;
  std::byte *const top = plan.stack + sizeof plan.stack;
#ifdef __x86_64__
  if (request.clone3) {
    return call_clone3(request, flags, plan);
  }
  return clone_onto_stack(SYS_clone, static_cast<long>(flags), address(top),
                          address(&request.pidfd), plan);
#else
  // The C library has no clone3 for us; other architectures go without.
  if (request.clone3) {
    return -ENOSYS;
  }
  const int pid = clone(clofork_run_child, top, static_cast<int>(flags), &plan,
                        &request.pidfd);
  return pid == -1 ? -errno : pid;
#endif
}

} // namespace clofork
