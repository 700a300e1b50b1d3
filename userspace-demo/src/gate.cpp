// SPDX-License-Identifier: MIT
// A monitor, checked with spin: gate.pml is this file in Promela.
#include "clofork/gate.h"

#include "spawning_section.h"

#include <mutex>
#include <new>
#include <sys/mman.h>
#include <utility>

namespace clofork {
namespace {

/// Closers and spawners, of which only one kind is ever inside. Whoever comes
/// while the other kind is waiting waits too, and is let in with all that
/// wait beside it when the others are out: so they alternate.
///
/// The initial state is all zeros.
class gate {
public:
  /// The process, for leave_closer().
  int enter_closer() noexcept {
    const std::lock_guard locked(lock_);
    if (process_ == 0) {
      process_ = getpid();
    }
    if (waiting_spawners_ == nullptr && !is_child_unclean()) {
      ++closers_;
      if (closers_waiting_ != 0) {
        admit_closers(); // else a spawner could come before they wake up
      }
      return process_;
    }
    // Before the children are looked at: a child clears its `unclean` and
    // then looks here.
    ++closers_waiting_;
    for (const auto turn = closers_turn_; closers_turn_ == turn;) {
      const auto seen = events_.load();
      if (closers_ == 0 && !is_child_unclean()) {
        admit_closers();
      } else {
        wait(seen);
      }
    }
    return process_;
  }

  void leave_closer(int process) noexcept {
    const std::lock_guard locked(lock_);
    if (process != process_) {
      return; // forked inside the section: nobody has entered this gate
    }
    if (--closers_ == 0 && waiting_spawners_ != nullptr) {
      admit_spawners();
    }
  }

  void enter_spawner(gate_ticket &ticket) noexcept {
    ticket.closers_waiting = &closers_waiting_;
    ticket.events = &events_;
    const std::lock_guard locked(lock_);
    if (closers_ == 0 && closers_waiting_ == 0) {
      ticket.unclean = 1;
      push(spawners_, ticket);
      return;
    }
    push(waiting_spawners_, ticket);
    for (const auto turn = spawners_turn_; spawners_turn_ == turn;) {
      wait(events_);
    }
  }

  void leave_spawner(gate_ticket &ticket) noexcept {
    {
      const std::lock_guard locked(lock_);
      gate_ticket **link = &spawners_;
      while (*link != &ticket) {
        link = &(*link)->next;
      }
      *link = ticket.next;
    }
    ticket.unclean = 0;
    if (closers_waiting_ != 0) {
      notify();
    }
  }

private:
  static void push(gate_ticket *&list, gate_ticket &ticket) noexcept {
    ticket.next = std::exchange(list, &ticket);
  }

  [[nodiscard]] bool is_child_unclean() const noexcept {
    for (const auto *each = spawners_; each != nullptr; each = each->next) {
      if (each->unclean != 0) {
        return true;
      }
    }
    return false;
  }

  void admit_closers() noexcept {
    closers_ += closers_waiting_.exchange(0);
    ++closers_turn_;
    notify();
  }

  void admit_spawners() noexcept {
    while (waiting_spawners_ != nullptr) {
      gate_ticket &first = *waiting_spawners_;
      waiting_spawners_ = first.next;
      first.unclean = 1;
      push(spawners_, first);
    }
    ++spawners_turn_;
    notify();
  }

  /// Unlocked meanwhile. `seen` is of a time before what is waited for was
  /// looked at.
  void wait(std::uint32_t seen) noexcept {
    lock_.unlock();
    futex_wait(events_, seen);
    lock_.lock();
  }

  void notify() noexcept {
    ++events_;
    futex_wake(events_);
  }

  int process_ = 0;  ///< whose gate this is, once a closer was here
  futex_mutex lock_; ///< of threads of this process, never of a child
  std::uint32_t closers_ = 0;
  futex_word closers_waiting_{0};
  std::uint32_t closers_turn_ = 0;
  std::uint32_t spawners_turn_ = 0;
  gate_ticket *spawners_ = nullptr; ///< inside, their children clean or not
  gate_ticket *waiting_spawners_ = nullptr;
  futex_word events_{0}; ///< all that wait sleep on it
};

/// Memory that is all zeros again in a forked child, whichever way it was
/// forked: it has none of the threads that are inside or hold the lock.
gate *map_gate() noexcept {
  void *memory = mmap(nullptr, sizeof(gate), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return nullptr;
  }
  madvise(memory, sizeof(gate), MADV_WIPEONFORK);
  return new (memory) gate;
}

/// No static with a guard: a fork could copy the guard while it is taken.
gate &the_gate() noexcept {
  static constinit std::atomic<gate *> kept = nullptr;
  static constinit gate spare; // a forked child may find it in any state

  if (gate *known = kept.load()) {
    return *known;
  }
  gate *mapped = map_gate();
  gate *fresh = mapped != nullptr ? mapped : &spare;
  gate *first = nullptr;
  if (kept.compare_exchange_strong(first, fresh)) {
    return *fresh;
  }
  if (mapped != nullptr) {
    munmap(mapped, sizeof(gate));
  }
  return *first;
}

} // namespace

closing_section::closing_section() noexcept
    : process_(the_gate().enter_closer()) {}

closing_section::~closing_section() {
  the_gate().leave_closer(process_);
}

spawning_section::spawning_section() noexcept {
  the_gate().enter_spawner(ticket_);
}

spawning_section::~spawning_section() {
  the_gate().leave_spawner(ticket_);
}

} // namespace clofork
