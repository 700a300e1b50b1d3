// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace clofork::demo {

/// A lock for two groups: any number of one group is inside at a time, and
/// none of the other. Whoever comes while the other group waits, waits for it
/// to have had its turn, so that neither group keeps the other out. (Blelloch,
/// Cheng and Gibbons, "Room synchronizations", SPAA 2001, for two rooms.)
class group_lock {
public:
  enum class group : std::uint8_t { forks, closes };

  void enter(group wanted);

  /// By whoever is inside.
  void leave();

  /// How many wait, for tests.
  [[nodiscard]] unsigned waiting(group which);

private:
  static std::size_t index(group of) { return static_cast<std::size_t>(of); }
  static group other(group than) {
    return than == group::forks ? group::closes : group::forks;
  }

  std::mutex mutex_;
  std::condition_variable turn_;
  group current_ = group::forks; ///< of those inside
  unsigned inside_ = 0;
  std::array<unsigned, 2> waiting_{};    ///< 0 while nobody is inside
  std::array<std::uint64_t, 2> turns_{}; ///< that the waiting were given
};

} // namespace clofork::demo
