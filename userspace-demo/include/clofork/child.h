// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/result.h"
#include "clofork/unique_fd.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace clofork {

struct CLOFORK_EXPORT exit_status {
  int code = 0;   ///< of exit(3), when there was no signal
  int signal = 0; ///< that ended the program, or 0
  bool dumped_core = false;

  [[nodiscard]] bool success() const noexcept {
    return code == 0 && signal == 0;
  }
  bool operator==(const exit_status &) const = default;
};

/// What a program and those of its children that it waited for have used, as
/// getrusage(2) has it.
struct resource_use {
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  std::int64_t max_resident_kib = 0; ///< of the largest of them
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
  std::int64_t blocks_read = 0; ///< of 512 bytes
  std::int64_t blocks_written = 0;
  std::int64_t voluntary_switches = 0;
  std::int64_t involuntary_switches = 0;

  bool operator==(const resource_use &) const = default;
};

/// What the kernel, or a filter of system calls, let a spawn use. Where it
/// refuses, there is a fallback.
struct CLOFORK_EXPORT spawn_method {
  bool clone3 = true;       ///< else clone
  bool pidfd = true;        ///< else the child is known by its number only
  bool shared_table = true; ///< else the child began with a full copy
  bool fetching = true;     ///< else it had for a moment all below a number
                            ///< that it was handed
  bool close_range = true;  ///< else the child read /proc/self/fd

  bool operator==(const spawn_method &) const = default;
};

/// A program that spawn() has started, until it has been waited for.
///
/// The destructor kills (SIGKILL) and waits for a child that was neither
/// waited for nor detached, so that none becomes a zombie; one that may not be
/// killed, having changed its user, is detached. Moving onto a child does the
/// same to it. In a process forked by its parent a child is nobody's: the
/// destructor leaves it alone there.
///
/// Distinct objects from distinct threads; and signal(), signal_group(), pid()
/// and pidfd() beside a wait of another thread, where pidfd() is not -1. No
/// cancellation point, neither the waits nor the destructor.
///
/// Signals go through the pidfd, which never means another process. Without
/// one, they are sent while the child's number cannot be another's: until it
/// has been waited for. So the program must not wait for it by other means,
/// such as waitpid(-1), nor ignore SIGCHLD, which also lose the status: a wait
/// then ends with ECHILD.
class CLOFORK_EXPORT child {
public:
  child(child &&other) noexcept;
  child &operator=(child &&other) noexcept;
  child(const child &) = delete;
  child &operator=(const child &) = delete;
  ~child();

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Becomes readable when the program has ended; -1 where not to be had.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  /// The parent's ends of stdio::pipe{}, else empty. A program that reads its
  /// input to the end waits for this one to be closed.
  [[nodiscard]] unique_fd &input() noexcept { return streams_[0]; }
  [[nodiscard]] unique_fd &output() noexcept { return streams_[1]; }
  [[nodiscard]] unique_fd &errors() noexcept { return streams_[2]; }

  /// How often exec was tried again because of ETXTBSY.
  [[nodiscard]] unsigned busy_retries() const noexcept { return retries_; }
  [[nodiscard]] const spawn_method &method() const noexcept { return method_; }

  /// The status, again if asked again. Errors: ECHILD when another wait took
  /// it, or after detach().
  result<exit_status> wait() noexcept;

  /// None when the program still runs after the time, which is rounded up to
  /// milliseconds and may be 0. Errors: as wait().
  result<std::optional<exit_status>>
  wait_for(std::chrono::nanoseconds time) noexcept;

  /// What it used: all zero until a wait has returned the status.
  [[nodiscard]] const resource_use &used() const noexcept { return used_; }

  /// Errors: ESRCH when it has been waited for or detached; EPERM when it has
  /// changed its user; EINVAL for no signal.
  [[nodiscard]] result<void> signal(int number) const noexcept;

  /// To all of the group that the child leads. Errors: EINVAL when it was not
  /// spawned as the leader of a group or session; as signal().
  [[nodiscard]] result<void> signal_group(int number) const noexcept;

  /// Lets the program run on without its parent. A thread, one for each such
  /// child, waits for it. Errors: EAGAIN or ENOMEM, the child being as before.
  [[nodiscard]] result<void> detach() noexcept;

private:
  friend class spawner;
  child() noexcept = default;

  [[nodiscard]] result<std::optional<exit_status>> collect(int flags) noexcept;
  [[nodiscard]] result<void> send(int number, bool to_group) const noexcept;
  void end() noexcept;

  pid_t pid_ = -1;    ///< -1: moved from, or detached
  pid_t parent_ = -1; ///< the process whose child it is
  unique_fd pidfd_;
  std::array<unique_fd, 3> streams_;
  std::optional<exit_status> status_;
  resource_use used_;
  std::atomic<bool> collected_ = false; ///< its number may be another's by now
  bool leads_group_ = false;
  unsigned retries_ = 0;
  spawn_method method_;
};

} // namespace clofork
