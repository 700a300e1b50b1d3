// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/process_ring.h"
#include "drained_stream.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace clofork {

struct job {
  std::uint64_t ticket = 0;
  command wanted = {};
  run_options options = {};
  process_handlers handlers = {};
};

/// What is waited for of a program: its streams, in the order of child_stream
/// first, and its end.
enum class part : unsigned { output, errors, input, process };
constexpr std::array all_parts{part::output, part::errors, part::input,
                               part::process};

/// One program, from its start to its outcome. Waits for nothing but the end
/// of what it has killed for good; whoever waits tells it what is ready.
class supervised {
public:
  using clock = std::chrono::steady_clock;
  static constexpr auto never = clock::time_point::max();

  /// A time from then on, not before; or never, when that is out of the clock's
  /// range.
  static constexpr clock::time_point
  after(clock::time_point start, std::chrono::nanoseconds time) noexcept {
    const auto least = std::chrono::nanoseconds::zero();
    return time < never - start ? start + std::max(time, least) : never;
  }

  explicit supervised(job given) noexcept;

  [[nodiscard]] std::uint64_t ticket() const noexcept { return job_.ticket; }

  /// May be called again after an error. Errors: those of run().
  [[nodiscard]] result<void> start() noexcept;

  /// The job, when it was not started.
  [[nodiscard]] job give_back() noexcept { return std::move(job_); }

  /// The descriptor to watch for the part, or -1: it is over, nobody is there
  /// to take what it brings, or it is watched already.
  [[nodiscard]] int unwatched(part each) const noexcept;
  void watched(part each, bool now) noexcept { watched_[index(each)] = now; }

  /// A descriptor that is to be closed now, and whether it is watched.
  struct doomed {
    int fd = -1;
    bool watched = false;
  };
  [[nodiscard]] doomed to_close(part each) const noexcept;
  void close(part each) noexcept;

  /// How much may be read of an output; 0 when it is over or none is wanted.
  [[nodiscard]] std::size_t room(part of, std::size_t most) const noexcept;
  /// What read(2) returned: bytes, 0, or an errno in the negative.
  void take(part of, ssize_t done, const char *data) noexcept;
  void consumed(part of, std::size_t bytes) noexcept;
  void feed() noexcept;
  /// Looks whether the program has ended.
  void collect() noexcept;

  /// When expire() is to be called next.
  [[nodiscard]] clock::time_point deadline() const noexcept;
  void expire(clock::time_point now) noexcept;

  /// Kills the program for that reason. Its output is read on.
  void stop(ending why) noexcept;
  /// Kills the program and gives it up; then reap() is to be called.
  void end(ending why, std::optional<error> failure) noexcept;
  void reap() noexcept;

  /// The outcome is complete, when its descriptors are closed.
  [[nodiscard]] bool over() const noexcept;
  void tell() noexcept;

private:
  static constexpr std::size_t index(part each) noexcept {
    return static_cast<std::size_t>(each);
  }
  drained_stream &stream(part of) noexcept { return streams_[index(of)]; }
  [[nodiscard]] const drained_stream &stream(part of) const noexcept {
    return streams_[index(of)];
  }
  [[nodiscard]] int descriptor(part each) const noexcept;
  [[nodiscard]] result<void> check() const noexcept;
  void deliver(part of, std::string_view bytes) noexcept;
  void drain(part of) noexcept;
  void leave_streams() noexcept;
  void kill() noexcept;

  job job_;
  std::optional<child> child_;
  std::array<drained_stream, 2> streams_;
  std::size_t fed_ = 0;
  std::array<bool, all_parts.size()> watched_ = {};
  std::array<bool, all_parts.size()> closing_ = {};
  bool hurried_ = false;   ///< no consumer is waited for any more
  bool collected_ = false; ///< the program has ended, or nobody waits for it
  clock::time_point started_;
  clock::time_point limit_ = never; ///< of its time
  clock::time_point grace_ = never; ///< its end
  clock::time_point ask_ = never;   ///< without a pidfd
  outcome outcome_{.how = ending::exited};
};

} // namespace clofork
