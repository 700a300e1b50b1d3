// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

/// What output_program writes: no eight bytes of a stream are as any others of
/// the program's, nor as those of another seed.
constexpr std::uint64_t pattern_word(std::uint64_t seed, unsigned stream,
                                     std::uint64_t number) noexcept {
  return ((seed * 2 + stream) << 32U | number) * 0x9e37'79b9'7f4a'7c15U;
}

/// Looks at a stream part by part.
class pattern_check {
public:
  pattern_check(std::uint64_t seed, unsigned stream) noexcept
      : seed_(seed), stream_(stream) {}

  void look_at(std::string_view part) noexcept {
    for (const char each : part) {
      const auto word = pattern_word(seed_, stream_, size_ / 8);
      right_ = right_ && static_cast<unsigned char>(each) ==
                             (word >> (size_ % 8 * 8) & 0xffU);
      ++size_;
    }
  }

  /// So many bytes and no others, each in its place.
  [[nodiscard]] bool is_whole(std::size_t size) const noexcept {
    return right_ && size_ == size;
  }

private:
  std::uint64_t seed_;
  unsigned stream_;
  std::size_t size_ = 0;
  bool right_ = true;
};
