// SPDX-License-Identifier: MIT
#include "clofork/child.h"

#include "failure.h"
#include "no_cancellation.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <linux/time_types.h>
#include <memory>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace clofork {
namespace {

constexpr auto waitid_pidfd = static_cast<idtype_t>(3);  // P_PIDFD, Linux 5.4
constexpr unsigned pidfd_signal_process_group = 1U << 2; // Linux 6.9

/// struct rusage as the kernel has it: the C library's may have wider times.
struct kernel_rusage {
  __kernel_old_timeval user;
  __kernel_old_timeval system;
  __kernel_long_t max_resident;
  std::array<__kernel_long_t, 3> unused_sizes;
  __kernel_long_t minor_faults;
  __kernel_long_t major_faults;
  __kernel_long_t unused_swaps;
  __kernel_long_t blocks_read;
  __kernel_long_t blocks_written;
  std::array<__kernel_long_t, 3> unused_counts;
  __kernel_long_t voluntary_switches;
  __kernel_long_t involuntary_switches;
};

std::chrono::microseconds time_of(const __kernel_old_timeval &time) noexcept {
  return std::chrono::seconds(time.tv_sec) +
         std::chrono::microseconds(time.tv_usec);
}

resource_use use_of(const kernel_rusage &usage) noexcept {
  return {.user = time_of(usage.user),
          .system = time_of(usage.system),
          .max_resident_kib = usage.max_resident,
          .minor_faults = usage.minor_faults,
          .major_faults = usage.major_faults,
          .blocks_read = usage.blocks_read,
          .blocks_written = usage.blocks_written,
          .voluntary_switches = usage.voluntary_switches,
          .involuntary_switches = usage.involuntary_switches};
}

/// By pidfd if there is one and the kernel can. A system call of its own as
/// that of the C library is a cancellation point.
/// __WALL: a child that was killed before its exec has no SIGCHLD.
int wait_by(int pidfd, pid_t pid, siginfo_t &info, int flags,
            kernel_rusage *usage = nullptr) noexcept {
  flags |= WEXITED | __WALL;
  if (pidfd >= 0) {
    const long done =
        syscall(SYS_waitid, waitid_pidfd, pidfd, &info, flags, usage);
    if (done == 0 || errno != EINVAL) {
      return static_cast<int>(done);
    }
  }
  return static_cast<int>(syscall(SYS_waitid, P_PID, pid, &info, flags, usage));
}

exit_status status_of(const siginfo_t &info) noexcept {
  if (info.si_code == CLD_EXITED) {
    return {.code = info.si_status};
  }
  return {.signal = info.si_status, .dumped_core = info.si_code == CLD_DUMPED};
}

struct detached_child {
  unique_fd pidfd;
  pid_t pid;
};

/// The thread of a detached child, which it is given.
void *reap(void *argument) {
  const std::unique_ptr<detached_child> child(
      static_cast<detached_child *>(argument));
  siginfo_t info{};
  while (wait_by(child->pidfd.get(), child->pid, info, 0) == -1 &&
         errno == EINTR) {
  }
  return nullptr;
}

/// A thread that no signal is delivered to. The errno, or 0.
int start_detached_thread(void *(*run)(void *), void *argument) noexcept {
  pthread_attr_t attributes{};
  if (const int failed = pthread_attr_init(&attributes)) {
    return failed;
  }
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all{};
  sigset_t before{};
  sigfillset(&all);
  pthread_t thread{};
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = pthread_create(&thread, &attributes, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return failed;
}

/// False when the time is over.
result<bool> wait_readable(int fd, int milliseconds) noexcept {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  const int count = ::poll(&ready, 1, milliseconds);
  if (count == -1 && errno != EINTR) {
    return last_error("poll");
  }
  return count == 1;
}

} // namespace

child::child(child &&other) noexcept
    : pid_(std::exchange(other.pid_, -1)), parent_(other.parent_),
      pidfd_(std::move(other.pidfd_)), streams_(std::move(other.streams_)),
      status_(std::exchange(other.status_, std::nullopt)), used_(other.used_),
      collected_(other.collected_.load()), leads_group_(other.leads_group_),
      retries_(other.retries_), method_(other.method_) {}

child &child::operator=(child &&other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    parent_ = other.parent_;
    pidfd_ = std::move(other.pidfd_);
    streams_ = std::move(other.streams_);
    status_ = std::exchange(other.status_, std::nullopt);
    used_ = other.used_;
    collected_ = other.collected_.load();
    leads_group_ = other.leads_group_;
    retries_ = other.retries_;
    method_ = other.method_;
  }
  return *this;
}

child::~child() {
  end();
}

void child::end() noexcept {
  if (pid_ == -1 || collected_ || getpid() != parent_) {
    return;
  }
  const auto killed = signal(SIGKILL);
  if (!killed && killed.error().code == std::errc::operation_not_permitted) {
    (void)detach();
    return;
  }
  (void)wait();
}

result<std::optional<exit_status>> child::collect(int flags) noexcept {
  if (status_) {
    return status_;
  }
  if (pid_ == -1 || collected_) {
    return failure("waitid", ECHILD);
  }
  siginfo_t info{};
  kernel_rusage usage{};
  while (wait_by(pidfd_.get(), pid_, info, flags, &usage) == -1) {
    if (errno != EINTR) {
      collected_ = errno == ECHILD;
      return last_error("waitid");
    }
  }
  if (info.si_pid == 0) { // with WNOHANG
    return std::optional<exit_status>();
  }
  collected_ = true;
  status_ = status_of(info);
  used_ = use_of(usage);
  return status_;
}

result<exit_status> child::wait() noexcept {
  const auto status = collect(0);
  if (!status) {
    return status.error();
  }
  return **status;
}

result<std::optional<exit_status>>
child::wait_for(std::chrono::nanoseconds time) noexcept {
  using namespace std::chrono;
  using clock = steady_clock;
  const no_cancellation held;
  time = std::max<nanoseconds>(time, 0ns); // the least there is would overflow
  const auto start = clock::now();
  auto pause = 1ms; // without a pidfd
  for (;;) {
    const auto status = collect(WNOHANG);
    const auto left = time - (clock::now() - start);
    if (!status || *status || left <= 0ns) {
      return status;
    }
    const auto step = std::min<milliseconds>(
        ceil<milliseconds>(left), pidfd_ ? milliseconds(INT_MAX) : pause);
    if (pidfd_) {
      const auto ended =
          wait_readable(pidfd_.get(), static_cast<int>(step.count()));
      if (!ended) {
        return ended.error();
      }
    } else {
      std::this_thread::sleep_for(step);
      pause = std::min(pause * 2, 50ms);
    }
  }
}

result<void> child::send(int number, bool to_group) const noexcept {
  if (pid_ == -1 || (collected_ && !to_group)) {
    return failure("child.signal", ESRCH);
  }
  if (pidfd_) {
    const unsigned flags = to_group ? pidfd_signal_process_group : 0;
    if (syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, flags) ==
        0) {
      return {};
    }
    // EINVAL: no such flag, or no such signal; EPERM: not allowed, or a filter.
    if (errno != ENOSYS && errno != EPERM && errno != EINVAL) {
      return last_error("pidfd_send_signal");
    }
  }
  if (collected_) {
    return failure("child.signal", ESRCH);
  }
  siginfo_t info{};
  if (wait_by(pidfd_.get(), pid_, info, WNOHANG | WNOWAIT) == -1 &&
      errno == ECHILD) { // another wait took it
    return failure("child.signal", ESRCH);
  }
  return kill(to_group ? -pid_ : pid_, number) == 0 ? result<void>()
                                                    : last_error("kill");
}

result<void> child::signal(int number) const noexcept {
  return send(number, false);
}

result<void> child::signal_group(int number) const noexcept {
  if (!leads_group_) {
    return failure("child.signal_group", EINVAL);
  }
  return send(number, true);
}

result<void> child::detach() noexcept {
  if (pid_ == -1) {
    return {};
  }
  if (!collected_) {
    std::unique_ptr<detached_child> given(
        new (std::nothrow) detached_child{unique_fd(pidfd_.get()), pid_});
    if (!given) {
      return failure("child.detach", ENOMEM);
    }
    if (const int failed = start_detached_thread(reap, given.get())) {
      (void)given->pidfd.release();
      return failure("pthread_create", failed);
    }
    (void)given.release();
    (void)pidfd_.release();
  }
  pid_ = -1;
  pidfd_.reset();
  return {};
}

} // namespace clofork
