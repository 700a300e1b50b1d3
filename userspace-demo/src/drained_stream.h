// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/unique_fd.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace clofork {

/// Output of a program, as much of it as is wanted.
class drained_stream {
public:
  /// limit: most bytes that are taken; window: most that are given to a handler
  /// and not consumed, or 0.
  drained_stream(std::size_t limit, std::size_t window) noexcept
      : limit_(limit), window_(window) {}

  unique_fd fd; ///< none when it is over
  [[nodiscard]] bool open() const noexcept { return static_cast<bool>(fd); }

  /// How much may be read now, at most so many; 0 while the window is full.
  [[nodiscard]] std::size_t room(std::size_t most) const noexcept;

  /// What of the bytes is within the limit.
  [[nodiscard]] std::string_view accept(std::string_view bytes) noexcept;

  /// Keeps what was accepted. Throws std::bad_alloc.
  void keep(std::string_view bytes);

  /// Counts what a handler has been given, and what it is done with.
  void given(std::size_t bytes) noexcept { outstanding_ += bytes; }
  void consumed(std::size_t bytes) noexcept;

  [[nodiscard]] bool truncated() const noexcept { return truncated_; }
  [[nodiscard]] std::string take() noexcept { return std::move(kept_); }

private:
  std::size_t limit_;
  std::size_t window_;
  std::size_t accepted_ = 0;
  std::size_t outstanding_ = 0;
  bool truncated_ = false;
  std::string kept_;
};

} // namespace clofork
