// SPDX-License-Identifier: MIT
#pragma once

#include <pthread.h>

namespace clofork {

/// Holds pthread_cancel() back: it would unwind through noexcept functions.
class no_cancellation {
public:
  no_cancellation() noexcept {
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_);
  }
  ~no_cancellation() { pthread_setcancelstate(before_, nullptr); }
  no_cancellation(const no_cancellation &) = delete;
  no_cancellation &operator=(const no_cancellation &) = delete;

private:
  int before_ = PTHREAD_CANCEL_ENABLE;
};

} // namespace clofork
