// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/child.h"
#include "clofork/command.h"
#include "clofork/export.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace clofork {

/// What happens when a program writes more than run_options::output_limit.
enum class overflow {
  kill,    ///< it is killed
  discard, ///< the rest is read and dropped, so that the program goes on
};

/// How a program is supervised.
struct run_options {
  /// For its standard input, which is closed afterwards; a program that does
  /// not read it loses nothing but the rest.
  std::string input = {};
  /// From its start; then it is killed. None: it may run for ever. Of what
  /// comes before, it ends the tries of a program that is open for writing, as
  /// command::busy_patience does; it does not end the opening of a stdio::file
  /// that is a FIFO.
  std::optional<std::chrono::nanoseconds> time_limit = {};
  /// Most bytes of standard output, and most of standard errors.
  std::size_t output_limit = std::size_t{16} << 20U;
  overflow when_full = overflow::kill;
  /// How long the streams are read after the program's end while another
  /// process still has them open: see outcome::output_held.
  std::chrono::nanoseconds grace = std::chrono::seconds(1);
  /// Makes the program the leader of a group, unless the command names a
  /// group or session: killing it then kills the children that it left in the
  /// group. No: it alone is killed, and it has the terminal's signals.
  bool own_group = true;
};

/// Why a supervised program is over.
enum class ending {
  exited,       ///< by itself, or by somebody else's signal
  timed_out,    ///< killed for run_options::time_limit
  output_limit, ///< killed for run_options::output_limit
  cancelled,    ///< killed or never started, as process_ring was told
  failed,       ///< never started, or given up: outcome::failure says why
};

/// What became of a program.
struct outcome {
  ending how = ending::failed;
  /// None when it never ran, or its status cannot be had.
  std::optional<exit_status> status = {};
  std::string output = {};
  std::string errors = {};
  bool output_truncated = false; ///< more came than output_limit
  bool errors_truncated = false;
  /// Another process, as a rule a child that the program left behind, had
  /// output or errors still open when the grace was over. All that the program
  /// wrote itself is there; what the other writes later is lost to it: EPIPE.
  bool output_held = false;
  resource_use used = {};
  std::chrono::nanoseconds elapsed{0}; ///< from its start to its end
  /// The stage and errno of what went wrong, with ending::failed.
  std::optional<error> failure = {};

  /// Exited by itself with 0, and all of its output is there.
  [[nodiscard]] bool success() const noexcept {
    return how == ending::exited && status && status->success() &&
           !output_truncated && !errors_truncated;
  }
};

/// Starts a program, feeds it, reads what it writes, waits for it.
///
/// A stream that the command leaves at stdio::inherit is a pipe here, and
/// standard input without run_options::input is /dev/null; for the parent's own
/// say stdio::descriptor. Memory: the input, twice output_limit, and half as
/// much again while a buffer grows.
///
/// Whatever the program does, run() ends: at its end when nobody else has the
/// pipes, else within the grace, and past the time limit when it was killed. A
/// program that may not be killed, having changed its user, is left to itself.
///
/// Thread-safe; SIGPIPE is neither needed nor changed. No cancellation point.
/// Errors: EINVAL with the stage "run_options.time_limit" or
/// "run_options.grace" for times below zero, and "run_options.input" where the
/// command has its own input; those of spawn(), epoll_create1(2) and
/// epoll_ctl(2); EPERM with "pidfd_send_signal" or "kill" for a program that
/// may not be killed; ECHILD when another wait took the status; ENOMEM.
CLOFORK_EXPORT result<outcome> run(const command &wanted,
                                   const run_options &options = {}) noexcept;

} // namespace clofork
