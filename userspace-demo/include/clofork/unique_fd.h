// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"

#include <system_error>
#include <utility>

namespace clofork {

/// Owns one descriptor, or none (-1). As thread-safe as an int: distinct
/// objects from distinct threads. No cancellation point.
class CLOFORK_EXPORT unique_fd {
public:
  unique_fd() noexcept = default;
  explicit unique_fd(int fd) noexcept : fd_(fd) {}
  unique_fd(unique_fd &&other) noexcept : fd_(other.release()) {}
  unique_fd &operator=(unique_fd &&other) noexcept {
    if (this != &other) {
      reset(other.release());
    }
    return *this;
  }
  unique_fd(const unique_fd &) = delete;
  unique_fd &operator=(const unique_fd &) = delete;
  ~unique_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor away, without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes the descriptor and takes the other. An error of close() is lost
  /// here, as in the destructor: call close() first where it matters.
  void reset(int fd = -1) noexcept;

  /// Closes the descriptor and returns the error of close(2), such as EIO or
  /// EDQUOT for data that was not written. The descriptor is gone either way,
  /// also on EINTR: Linux releases it before anything can fail. EBADF when
  /// there is none.
  [[nodiscard]] std::error_code close() noexcept;

private:
  int fd_ = -1;
};

} // namespace clofork
