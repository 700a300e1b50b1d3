// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <variant>
#include <vector>

namespace clofork {

/// Where a child's standard input, output or errors lead.
namespace stdio {

struct inherit {}; ///< where the parent's own leads, which must be open
struct null {};    ///< /dev/null
struct closed {};  ///< nowhere; the program's next open() gets the number

/// A pipe, whose other end the parent finds in its `child`.
struct pipe {};

/// A file that the child opens, with the credentials, umask and working
/// directory of the parent. A FIFO is open when somebody opens its other end;
/// until then spawn() does not return, and no time limit ends it.
struct file {
  std::string path;
  int flags = 0;      ///< of open(2), 0 being O_RDONLY; no O_CLOEXEC
  mode_t mode = 0666; ///< of a new file
};

struct descriptor {
  int number; ///< in the parent
};

/// The same open file description as another of the three in the child, which
/// must not be a same_as in its turn.
struct same_as {
  int number; ///< 0, 1 or 2
};

} // namespace stdio

using standard_stream =
    std::variant<stdio::inherit, stdio::null, stdio::closed, stdio::pipe,
                 stdio::file, stdio::descriptor, stdio::same_as>;

/// An open descriptor of the parent, and its number in the child, where it is
/// not close-on-exec. In the parent it may be close-on-exec and close-on-fork.
struct descriptor_mapping {
  int parent;
  int child;
};

// Members have initializers so that compilers do not ask for each of them when
// some are designated: command{.program = …, .arguments = …}.

struct process_settings {
  /// setpgid(2): 0 makes the child the leader of a new group.
  std::optional<pid_t> group = {};
  /// setsid(2): a new session and group, without a controlling terminal.
  bool session = false;
  /// The child's number of the terminal that becomes the session's.
  std::optional<int> controlling_terminal = {};
  /// A descriptor of a cgroup v2 directory, where the child begins its life.
  std::optional<int> cgroup = {};
  /// prctl(PR_SET_PDEATHSIG): sent to the child when the thread that spawned
  /// it ends; 0 for none.
  int parent_death_signal = 0;
};

/// Handlers never reach the child. Signals that the parent ignores stay
/// ignored and the mask stays that of the spawning thread, as with exec.
struct signal_settings {
  std::optional<std::vector<int>> blocked = {}; ///< all those of the mask
  std::vector<int> defaulted = {};              ///< SIG_DFL
  std::vector<int> ignored = {};                ///< SIG_IGN
};

/// prlimit(2), set after the descriptors are in place.
struct resource_limit {
  int resource; ///< RLIMIT_…
  std::uint64_t soft;
  std::uint64_t hard;
};

struct scheduling_settings {
  std::optional<int> policy = {}; ///< SCHED_…, of sched_setscheduler(2)
  int priority = 0;               ///< in the policy's range
  std::optional<int> nice = {};   ///< -20 to 19
};

/// Set in the order groups, group, user. Where a user is given by root and
/// the groups are not, there are none: root's would stay.
struct credential_settings {
  std::optional<std::vector<gid_t>> groups = {}; ///< supplementary
  std::optional<gid_t> gid = {};                 ///< real, effective and saved
  std::optional<uid_t> uid = {};                 ///< real, effective and saved
};

/// What spawn() starts. The child has standard input, output and errors, the
/// descriptors that are mapped, and no other.
struct command {
  /// The path of the program, as of execve(2): from the child's working
  /// directory if relative, not searched for in PATH.
  std::string program = {};
  /// From argv[0] on, so at least one.
  std::vector<std::string> arguments = {};
  /// "NAME=value" each; none: the parent's environ(7).
  std::optional<std::vector<std::string>> environment = {};

  standard_stream input = {};
  standard_stream output = {};
  standard_stream errors = {};
  /// Numbers in the child are from 3 on.
  std::vector<descriptor_mapping> descriptors = {};

  /// A path, or a descriptor of the parent, entered with the child's
  /// credentials; none: the parent's.
  std::variant<std::monostate, std::string, int> directory = {};
  std::optional<mode_t> umask = {};
  process_settings process = {};
  signal_settings signals = {};
  std::vector<resource_limit> limits = {};
  scheduling_settings scheduling = {};
  credential_settings credentials = {};
  bool no_new_privileges = false; ///< prctl(PR_SET_NO_NEW_PRIVS)

  /// How long an exec that ends in ETXTBSY is tried again.
  std::chrono::milliseconds busy_patience{500};
};

/// Whether spawn() would accept the command, which it asks itself. The stage
/// of an error names the field ("command.arguments"); its code is EBADF for a
/// descriptor that is not open, else EINVAL. ENOMEM without memory.
/// Thread-safe.
CLOFORK_EXPORT result<void> validate(const command &wanted) noexcept;

} // namespace clofork
