// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <sys/types.h>
#include <unistd.h>

namespace clofork {

/// Tells which of many descriptors are ready, once for each watch().
class readiness {
public:
  using token = std::uint64_t; ///< of the caller, below 2^63

  /// A read(2) of a descriptor with O_NONBLOCK.
  struct reading {
    int fd = -1;
    char *data = nullptr;
    std::size_t size = 0;
    ssize_t done = 0; ///< bytes, 0 at the end, or an errno in the negative
  };

  /// The one, by read(2).
  static void read_now(reading &one) noexcept {
    one.done = ::read(one.fd, one.data, one.size);
    if (one.done == -1) {
      one.done = -errno;
    }
  }

  readiness() = default;
  readiness(const readiness &) = delete;
  readiness &operator=(const readiness &) = delete;
  virtual ~readiness() = default;

  /// events: of poll(2). The token is told once, when any of them, an error or
  /// a hang-up is there; it may be told without.
  virtual result<void> watch(int fd, short events, token told) noexcept = 0;

  /// To be called before a watched descriptor is closed. The token may be told
  /// once more, when it was on its way.
  virtual void forget(int fd, token told) noexcept = 0;

  /// Waits until there is something to tell or the time is over, and tells as
  /// much as there is room for: how many. EINTR counts as 0 of them. An error
  /// is for good.
  virtual result<std::size_t> wait(std::optional<std::chrono::nanoseconds> time,
                                   std::span<token> ready) noexcept = 0;

  /// All of them, at once where it can. None is left underway.
  virtual void read(std::span<reading> all) noexcept = 0;
};

result<std::unique_ptr<readiness>> make_epoll() noexcept;

/// entries: of the queue; more than it can hold are watched all the same.
/// Errors: those of io_uring_setup(2); ENOSYS for a kernel before 5.11, and
/// where the library was built without liburing.
result<std::unique_ptr<readiness>> make_io_uring(unsigned entries) noexcept;

} // namespace clofork
