// SPDX-License-Identifier: MIT
#pragma once

#include "readiness.h"
#include "supervised.h"

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace clofork {

/// Programs that are supervised at once, by one thread.
class supervisor {
public:
  using clock = supervised::clock;

  /// alarm: an eventfd with O_NONBLOCK that ends a turn(), or -1. Throws
  /// std::bad_alloc.
  explicit supervisor(std::unique_ptr<readiness> made, int alarm = -1)
      : readiness_(std::move(made)), alarm_(alarm) {}

  /// Starts a program, or tells that it failed. False: the descriptors or
  /// processes that it needs are not free, but will be when another ends; the
  /// job is left as it was.
  bool start(job &given) noexcept;

  [[nodiscard]] std::size_t running() const noexcept { return places_.size(); }

  /// Waits until something is ready, at most for the time or until a deadline
  /// of a program, and deals with it. Errors are for good.
  [[nodiscard]] result<void>
  turn(std::optional<std::chrono::nanoseconds> time) noexcept;

  void cancel(std::uint64_t ticket) noexcept;
  /// All up to that ticket.
  void cancel_until(std::uint64_t ticket) noexcept;
  void consumed(std::uint64_t ticket, child_stream stream,
                std::size_t bytes) noexcept;

  /// Kills all, waits for them and tells them.
  void end_all(ending why, std::optional<error> failure) noexcept;

private:
  using token = readiness::token;
  using timed = std::pair<clock::time_point, std::uint32_t>;

  /// A place for a program, whose tokens do not pass for its successor's.
  struct slot {
    std::unique_ptr<supervised> program;
    std::set<timed>::iterator timer;
    std::uint32_t generation = 0;
  };
  struct address {
    std::uint32_t place;
    part what;
  };

  static constexpr token of_alarm = (token{1} << 63U) - 1;
  static constexpr std::size_t batch = 16;
  static constexpr std::size_t block = 65536; ///< of a pipe, as a rule

  [[nodiscard]] token token_of(address of) const noexcept;
  [[nodiscard]] std::optional<address> find(token told) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t>
  find_ticket(std::uint64_t ticket) const noexcept;
  [[nodiscard]] std::uint32_t take_place();
  [[nodiscard]] std::optional<std::chrono::nanoseconds>
  until_deadline(std::optional<std::chrono::nanoseconds> most) const noexcept;
  void handle(token told) noexcept;
  void plan_reading(token told) noexcept;
  void read_planned() noexcept;
  void expire() noexcept;
  void settle(std::uint32_t place) noexcept;
  void close_parts(std::uint32_t place) noexcept;
  void watch_parts(std::uint32_t place) noexcept;
  void add(std::uint32_t place, std::unique_ptr<supervised> program) noexcept;
  void remove(std::uint32_t place) noexcept;

  std::unique_ptr<readiness> readiness_;
  int alarm_;
  bool alarm_watched_ = false;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
  std::set<timed> timers_; ///< one for each program
  std::unordered_map<std::uint64_t, std::uint32_t> places_; ///< by ticket
  std::array<token, 256> ready_ = {};
  std::array<token, batch> reading_ = {};
  std::size_t planned_ = 0;
  std::array<readiness::reading, batch> readings_ = {};
  std::unique_ptr<char[]> blocks_ = // NOLINT(modernize-avoid-c-arrays)
      std::make_unique_for_overwrite<char[]>(batch * block); // NOLINT
};

} // namespace clofork
