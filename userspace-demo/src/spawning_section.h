// SPDX-License-Identifier: MIT
#pragma once

#include "futex.h"

namespace clofork {

/// What a spawned child needs of the gate to leave it. The child shares the
/// parent's memory; it may be killed between any two instructions, so it
/// takes no lock, and what makes it leave is the one store to `unclean`.
struct gate_ticket {
  futex_word unclean{0}; ///< 1 while the child's table may hold too much
  futex_word *closers_waiting = nullptr; ///< nobody to wake while it is 0
  futex_word *events = nullptr;          ///< to be counted up, and woken
  gate_ticket *next = nullptr;           ///< the gate's own, under its lock
};

/// The other side of closing_section, around the clone of a child.
class spawning_section {
public:
  spawning_section() noexcept;
  /// Leaves for the child as well, in case it did not: it must be past its
  /// exec, or dead.
  ~spawning_section();
  spawning_section(const spawning_section &) = delete;
  spawning_section &operator=(const spawning_section &) = delete;

  [[nodiscard]] gate_ticket &ticket() noexcept { return ticket_; }

private:
  gate_ticket ticket_;
};

} // namespace clofork
