// SPDX-License-Identifier: MIT
#pragma once

/// While it lives, one of this thread's allocations with new fails.
class failing_allocation {
public:
  /// after: how many succeed before it.
  explicit failing_allocation(int after);
  ~failing_allocation() { stop(); }
  failing_allocation(const failing_allocation &) = delete;
  failing_allocation &operator=(const failing_allocation &) = delete;

  void stop();
};
