// SPDX-License-Identifier: MIT
#include "clofork/gate.h"

#include "in_child.h"
#include "spawning_section.h"

#include <array>
#include <atomic>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <thread>
#include <unistd.h>

namespace {

using clofork::closing_section;
using clofork::spawning_section;

/// What a spawned child does to leave.
void leave_as_child(spawning_section &section) {
  auto &ticket = section.ticket();
  ticket.unclean = 0;
  if (*ticket.closers_waiting != 0) {
    ++*ticket.events;
    clofork::futex_wake(*ticket.events);
  }
}

/// True when the section cannot be entered now; enters and leaves it later.
template <class Section>
class entering {
public:
  entering()
      : thread_([this] {
          const Section section;
          inside_ = true;
        }) {}

  /// Whether a thread waits, which is to be seen in its state only: it sleeps.
  bool waits() {
    using namespace std::chrono_literals;
    std::this_thread::sleep_for(30ms); // to give it every chance to enter
    return !inside_;
  }
  bool enters() {
    thread_.join();
    return inside_;
  }

private:
  std::atomic<bool> inside_ = false;
  std::jthread thread_;
};

TEST(gate, closers_run_beside_each_other) {
  const closing_section first;
  EXPECT_TRUE(entering<closing_section>().enters());
}

TEST(gate, spawners_run_beside_each_other) {
  const spawning_section first;
  EXPECT_TRUE(entering<spawning_section>().enters());
}

TEST(gate, closer_waits_for_an_unclean_child) {
  std::optional<spawning_section> spawning(std::in_place);
  entering<closing_section> closer;
  EXPECT_TRUE(closer.waits());
  spawning.reset();
  EXPECT_TRUE(closer.enters());
}

TEST(gate, spawner_waits_for_a_closer) {
  auto closing = std::make_unique<closing_section>();
  entering<spawning_section> spawner;
  EXPECT_TRUE(spawner.waits());
  closing.reset();
  EXPECT_TRUE(spawner.enters());
}

/// Long before its parent goes on, which a slow exec holds up.
TEST(gate, closer_enters_when_the_child_is_clean) {
  spawning_section spawning;
  leave_as_child(spawning);
  EXPECT_TRUE(entering<closing_section>().enters());
}

TEST(gate, child_wakes_a_closer_that_waits) {
  spawning_section spawning;
  entering<closing_section> closer;
  EXPECT_TRUE(closer.waits());
  leave_as_child(spawning);
  EXPECT_TRUE(closer.enters());
}

TEST(gate, closer_waits_for_the_last_of_several_children) {
  std::optional<spawning_section> first(std::in_place);
  spawning_section second;
  entering<closing_section> closer;
  first.reset();
  EXPECT_TRUE(closer.waits());
  leave_as_child(second);
  EXPECT_TRUE(closer.enters());
}

/// Else a stream of spawners, each there before the last has left, would keep
/// the closer out for ever.
TEST(gate, spawner_that_comes_later_waits_for_the_waiting_closer) {
  std::optional<spawning_section> spawning(std::in_place);
  entering<closing_section> closer;
  EXPECT_TRUE(closer.waits());
  entering<spawning_section> later;
  EXPECT_TRUE(later.waits());
  spawning.reset();
  EXPECT_TRUE(closer.enters());
  EXPECT_TRUE(later.enters());
}

TEST(gate, closer_that_comes_later_waits_for_the_waiting_spawner) {
  auto closing = std::make_unique<closing_section>();
  entering<spawning_section> spawner;
  EXPECT_TRUE(spawner.waits());
  entering<closing_section> later;
  EXPECT_TRUE(later.waits());
  closing.reset();
  EXPECT_TRUE(spawner.enters());
  EXPECT_TRUE(later.enters());
}

/// Two of each kind that never mix, though each is always coming.
TEST(gate, kinds_never_mix_and_none_starves) {
  constexpr int rounds = 20'000;
  std::atomic<int> closers = 0;
  std::atomic<int> spawners = 0;
  std::atomic<int> mixed = 0;
  {
    std::array<std::jthread, 4> threads;
    bool closes = false;
    for (auto &thread : threads) {
      closes = !closes;
      thread = std::jthread([&, closes] {
        for (int round = 0; round < rounds; ++round) {
          if (closes) {
            const closing_section section;
            ++closers;
            mixed += spawners;
            --closers;
          } else {
            spawning_section section;
            ++spawners;
            mixed += closers;
            --spawners;
            if (round % 2 == 0) {
              leave_as_child(section);
            }
          }
        }
      });
    }
  }
  EXPECT_EQ(mixed, 0);
}

/// By another thread: those that are inside do not exist in the child.
TEST(gate, forked_child_starts_afresh) {
  const spawning_section spawning;
  entering<closing_section> closer; // waits
  EXPECT_TRUE(closer.waits());
  EXPECT_TRUE(in_child([] {
    alarm(10); // ends the child should it wait
    const closing_section closing;
    return true;
  }));
  leave_as_child(const_cast<spawning_section &>(spawning));
  EXPECT_TRUE(closer.enters());
}

TEST(gate, forked_child_leaves_the_section_of_its_parent_without_harm) {
  EXPECT_TRUE(in_child([] {
    alarm(10);
    auto outer = std::make_unique<closing_section>();
    return in_child([&] {
      alarm(10);
      auto own = std::make_unique<closing_section>();
      outer.reset(); // of another process
      own.reset();
      const spawning_section spawning;
      return true;
    });
  }));
}

} // namespace
