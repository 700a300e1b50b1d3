// SPDX-License-Identifier: MIT
#include "group_lock.h"

#include <utility>

namespace clofork::demo {

void group_lock::enter(group wanted) {
  std::unique_lock locked(mutex_);
  if (inside_ == 0) {
    current_ = wanted;
  }
  if (current_ == wanted && waiting_[index(other(wanted))] == 0) {
    ++inside_;
    return;
  }
  ++waiting_[index(wanted)];
  turn_.wait(locked, [this, at = index(wanted), seen = turns_[index(wanted)]] {
    return turns_[at] != seen;
  });
}

void group_lock::leave() {
  const std::lock_guard locked(mutex_);
  if (--inside_ > 0) {
    return;
  }
  current_ = other(current_);
  inside_ = std::exchange(waiting_[index(current_)], 0U);
  ++turns_[index(current_)];
  turn_.notify_all();
}

unsigned group_lock::waiting(group which) {
  const std::lock_guard locked(mutex_);
  return waiting_[index(which)];
}

} // namespace clofork::demo
