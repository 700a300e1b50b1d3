// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <climits>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clofork {

using futex_word = std::atomic<std::uint32_t>;
static_assert(sizeof(futex_word) == 4 && futex_word::is_always_lock_free);

/// Sleeps while the word is as expected. May return early. No cancellation
/// point.
inline void futex_wait(futex_word &word, std::uint32_t expected) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected, nullptr);
}

inline void futex_wake(futex_word &word, int count = INT_MAX) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count);
}

/// A mutex whose initial state is all zeros, for memory that a fork wipes.
class futex_mutex {
public:
  void lock() noexcept {
    std::uint32_t seen = 0;
    if (state_.compare_exchange_strong(seen, held)) {
      return;
    }
    while (state_.exchange(contended) != 0) {
      futex_wait(state_, contended);
    }
  }

  void unlock() noexcept {
    if (state_.exchange(0) == contended) {
      futex_wake(state_, 1);
    }
  }

private:
  static constexpr std::uint32_t held = 1;
  static constexpr std::uint32_t contended = 2;
  futex_word state_{0};
};

} // namespace clofork
