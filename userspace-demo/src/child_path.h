// SPDX-License-Identifier: MIT
// What spawn() prepares for a child. Plain data, as the child shares the
// parent's memory and must neither allocate nor call a library.
#pragma once

#include "spawning_section.h"
#include "table_plan.h"

#include <cstddef>
#include <cstdint>
#include <sys/types.h>

// NOLINTBEGIN(modernize-avoid-c-arrays): functions of std::array are shared
// with code that sanitizers instrument.
namespace clofork {

template <class T>
struct array_view {
  const T *first = nullptr;
  const T *last = nullptr;
};

struct file_to_open {
  const char *path;
  int flags;
  mode_t mode;
  const char *stage; ///< of an error
};

struct limit_to_set {
  int resource;
  std::uint64_t values[2]; ///< struct rlimit64
};

struct disposition_to_set {
  int signal;
  bool ignore;
};

/// What the kernel refused in such a way that another try without may do.
enum class refusal { none, shared_table, fetching };

struct child_report {
  const char *stage = nullptr; ///< of the error, or null
  int code = 0;                ///< errno of the error
  refusal refused = refusal::none;
  bool fetches = false; ///< until it has, should a filter kill for it
  unsigned busy_retries = 0;
  bool closed_ranges = true; ///< false: close_range is not to be had
};

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): by subject
struct child_plan {
  gate_ticket *gate = nullptr;
  child_report report = {};

  bool shares_table = true;    ///< until it unshares it
  bool clears_handlers = true; ///< by CLONE_CLEAR_SIGHAND
  int copied = 0;              ///< see table_plan
  array_view<table_step> clean = {};
  array_view<table_step> add = {};
  array_view<int> kept = {};
  array_view<file_to_open> files = {};
  pid_t parent = 0;
  pid_t parent_thread = 0;

  int cgroup_procs = -1; ///< in the parent's table: cgroup.procs, or none
  pid_t group = -1;
  bool session = false;
  int terminal = -1;
  int umask = -1;
  int policy = -1;
  int priority = 0;
  bool sets_nice = false;
  int nice = 0;
  array_view<limit_to_set> limits = {};
  bool sets_groups = false;
  array_view<gid_t> groups = {};
  gid_t gid = -1;
  uid_t uid = -1;
  const char *directory = nullptr;
  int directory_fd = -1; ///< in the child
  int parent_death_signal = 0;
  bool no_new_privileges = false;
  array_view<disposition_to_set> dispositions = {};
  std::uint64_t mask = 0; ///< of signals, as the kernel has it

  const char *program = nullptr;
  char *const *arguments = nullptr;
  char *const *environment = nullptr;
  std::int64_t busy_patience_ns = 0;

  /// Of the child; the thread that clones is suspended, its own stack not
  /// free for use.
  alignas(16) std::byte stack[16384];
  alignas(8) std::byte directory_entries[2048];
};

struct clone_request {
  bool clone3 = true;
  std::uint64_t flags = 0;
  int cgroup = -1; ///< for CLONE_INTO_CGROUP
  int pidfd = -1;  ///< where CLONE_PIDFD leaves it
};

/// Clones a child that does what the plan says, and returns when it is past
/// its exec or dead: its number, or a negative errno. All signals must be
/// blocked: their handlers would run on shared memory. The flags say neither
/// CLONE_VM nor CLONE_VFORK, both of which are always set.
long clone_child(clone_request &request, child_plan &plan) noexcept;

} // namespace clofork

// NOLINTEND(modernize-avoid-c-arrays)
