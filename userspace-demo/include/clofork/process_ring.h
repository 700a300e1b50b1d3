// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/run.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace clofork {

/// What tells a process_ring that a descriptor is ready.
enum class ring_engine {
  io_uring, ///< Linux 5.11, and a library built with liburing
  epoll,
};

struct ring_options {
  /// Most programs at a time, from 1.
  std::size_t concurrency = 1000;
  /// Most commands that wait for their turn, from 1.
  std::size_t queue_limit = std::size_t{1} << 16U;
  /// None: io_uring where features() has it, else epoll.
  std::optional<ring_engine> engine = {};
};

enum class child_stream { output, errors };

/// Called by the thread that drives the ring, one at a time. They may submit,
/// cancel and acknowledge, but neither drive nor destroy the ring. An
/// exception out of one ends the process.
struct process_handlers {
  /// Gets the output, part by part, instead of outcome::output and errors.
  std::function<void(child_stream, std::string_view)> output = {};
  /// Most bytes of a stream that output() has been given and that have not
  /// been acknowledged with consumed(). Then the stream is not read, and the
  /// program waits when its pipe is full. 0: output() is done when it returns.
  std::size_t window = 0;
  /// Called exactly once for each command that was submitted.
  std::function<void(outcome &&)> ended = {};
};

/// Starts and supervises programs by the thousand: feeds their input, drains
/// their output, waits for them, and ends those that take too long or write
/// too much, as run() does for one. One thread drives it; there is no other.
///
/// Each command has one outcome, whatever happens: where io_uring or epoll
/// fails, all programs are killed, waited for and told as failed. The
/// destructor does the same and tells those that run, and those that wait for
/// their turn, as cancelled; it waits for their end, which SIGKILL makes near.
/// In a process forked by its parent it leaves them alone and calls nothing.
///
/// Bounded: concurrency programs have at most their output_limit each in
/// memory, and their windows; what is read for all of them takes 1 MiB. When
/// the process has no descriptor or the system no process left (EMFILE,
/// ENFILE, EAGAIN), no further program is started until one ends; with none
/// running it is a failure. A program has up to four descriptors.
///
/// Fair: whoever is ready gets one read of at most 64 KiB in its turn.
///
/// Thread-safe: submit(), cancel(), cancel_all() and consumed() beside each
/// other and beside the one thread that drives. None is async-signal-safe,
/// and none a cancellation point: handlers are not cancelled either.
class CLOFORK_EXPORT process_ring {
public:
  using ticket = std::uint64_t; ///< never given twice by a ring

  /// Errors: EINVAL for "ring_options.concurrency" or
  /// "ring_options.queue_limit" of 0; those of eventfd(2), epoll_create1(2),
  /// and of io_uring_setup(2) where io_uring was asked for: ENOSYS also where
  /// the library was built without liburing.
  static result<process_ring> create(const ring_options &options = {}) noexcept;

  process_ring(process_ring &&other) noexcept;
  process_ring &operator=(process_ring &&other) noexcept;
  process_ring(const process_ring &) = delete;
  process_ring &operator=(const process_ring &) = delete;
  ~process_ring();

  /// Queues a command, its streams and memory being as with run(). Errors, for
  /// which handlers are not called: EAGAIN with "process_ring.submit" when
  /// queue_limit commands wait; ECANCELED from a handler that the destructor
  /// calls; ENOMEM.
  result<ticket> submit(command wanted, run_options options = {},
                        process_handlers handlers = {}) noexcept;

  /// Kills the program, or takes the command out of the queue; it is told as
  /// cancelled once the ring is driven. Nothing when it is over already.
  /// Errors: ENOMEM.
  result<void> cancel(ticket which) noexcept;

  /// As cancel(), for all that have been submitted until now.
  void cancel_all() noexcept;

  /// That so many more of the bytes given to process_handlers::output have
  /// been dealt with: reading goes on. Errors: ENOMEM.
  result<void> consumed(ticket which, child_stream stream,
                        std::size_t bytes) noexcept;

  /// Works until there is nothing left: neither queued nor running. Errors:
  /// EBUSY with "process_ring.drive" while it is being driven; those of
  /// io_uring_enter(2) and epoll_wait(2), after all has been told as failed; a
  /// command that a handler submits when it is told so is left to the next
  /// drive().
  result<void> drive() noexcept;

  /// Works for so long, waiting for commands of other threads too. Errors: as
  /// drive().
  result<void> drive_for(std::chrono::nanoseconds time) noexcept;

  [[nodiscard]] ring_engine engine() const noexcept;

private:
  struct CLOFORK_HIDDEN state;
  explicit process_ring(std::unique_ptr<state> made) noexcept;

  std::unique_ptr<state> state_;
};

} // namespace clofork
