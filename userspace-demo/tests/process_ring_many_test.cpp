// SPDX-License-Identifier: MIT
// As many programs at once as the variable CLOFORK_PROGRAMS says.
#include "clofork/descriptors.h"
#include "engine_test.h"
#include "output_pattern.h"
#include "supervisor.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

using clofork::child_stream;
using clofork::outcome;
using clofork::process_ring;
using clofork::ring_engine;

constexpr std::size_t size = 1U << 19U; ///< of each stream

std::size_t programs() {
  const char *const asked = std::getenv("CLOFORK_PROGRAMS");
  return asked == nullptr ? 50 : std::stoul(asked);
}

/// A line of /proc/self/status, in KiB.
long memory(const std::string &line) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == line + ":") {
      long kib = -1;
      status >> kib;
      return kib;
    }
  }
  return -1;
}

/// How far the memory of this process grows beyond what it was, in KiB.
class memory_growth {
public:
  memory_growth() {
    std::ofstream("/proc/self/clear_refs") << 5; // the peak is what there is
    before_ = memory("VmRSS");
  }
  [[nodiscard]] long peak() const { return memory("VmHWM") - before_; }

private:
  long before_ = 0;
};

#if defined(__has_feature) // clang's
#define HAS_SANITIZER(name) __has_feature(name##_sanitizer)
#else
#define HAS_SANITIZER(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    HAS_SANITIZER(address) || HAS_SANITIZER(thread)
constexpr bool instrumented = true; // shadow memory counts too
#else
constexpr bool instrumented = false;
#endif

clofork::command writing(std::size_t number) {
  const auto half = std::to_string(size);
  return {.program = OUTPUT_PROGRAM,
          .arguments = {"output_program", std::to_string(number), half, half}};
}

class many_test : public engine_test {};

INSTANTIATE_TEST_SUITE_P(engine, many_test, both_engines, name_of_engine);

struct watched_program {
  pattern_check output;
  pattern_check errors;
  bool succeeded = false;
};

/// All are held back by a pipe until the last has been started.
TEST_P(many_test, in_flight_lose_nothing_within_bounded_memory) {
  const auto count = programs();
  auto barrier = clofork::pipe();
  auto started = clofork::pipe(O_NONBLOCK);
  std::vector<watched_program> all;
  for (std::size_t number = 0; number < count; ++number) {
    all.push_back({pattern_check(number, 0), pattern_check(number, 1)});
  }
  auto ring =
      process_ring::create({.concurrency = count, .engine = GetParam()});
  ASSERT_TRUE(ring);
  const memory_growth growth;
  for (std::size_t number = 0; number < count; ++number) {
    auto wanted = writing(number);
    wanted.descriptors = {{barrier->reading.fd.get(), 3},
                          {started->writing.fd.get(), 4}};
    auto &each = all[number];
    ASSERT_TRUE(ring->submit(
        std::move(wanted), {},
        {.output =
             [&each](child_stream stream, std::string_view part) {
               (stream == child_stream::output ? each.output : each.errors)
                   .look_at(part);
             },
         .ended =
             [&each](outcome &&what) { each.succeeded = what.success(); }}));
  }
  for (std::size_t running = 0; running < count;) {
    ASSERT_TRUE(ring->drive_for(std::chrono::milliseconds(10)));
    std::array<char, 4096> bytes{};
    running += std::max<ssize_t>(
        read(started->reading.fd.get(), bytes.data(), bytes.size()), 0);
  }
  barrier->writing.fd.reset();
  ASSERT_TRUE(ring->drive());
  for (const auto &each : all) {
    ASSERT_TRUE(each.succeeded);
    ASSERT_TRUE(each.output.is_whole(size) && each.errors.is_whole(size));
  }
  if (!instrumented) {
    EXPECT_LT(growth.peak(), 4096 + 8 * static_cast<long>(count));
  }
}

/// What is kept is bounded too, though the programs write far more.
TEST_P(many_test, keep_no_more_than_their_limits) {
  constexpr std::size_t limit = 16384;
  const auto count = programs();
  auto ring =
      process_ring::create({.concurrency = count / 2, .engine = GetParam()});
  ASSERT_TRUE(ring);
  const memory_growth growth;
  std::size_t whole = 0;
  for (std::size_t number = 0; number < count; ++number) {
    ASSERT_TRUE(ring->submit(
        writing(number),
        {.output_limit = limit, .when_full = clofork::overflow::discard},
        {.ended = [&whole, number](outcome &&what) {
          pattern_check output(number, 0);
          output.look_at(what.output);
          whole += output.is_whole(limit) && what.output_truncated &&
                           what.how == clofork::ending::exited
                       ? 1
                       : 0;
        }}));
  }
  ASSERT_TRUE(ring->drive());
  EXPECT_EQ(whole, count);
  if (!instrumented) {
    const auto kept = static_cast<long>(count / 2 * limit * 2 * 3 / 2 / 1024);
    EXPECT_LT(growth.peak(), 4096 + 8 * static_cast<long>(count) + kept);
  }
}

/// A ring whose queues are shorter than what is watched: their overflow costs
/// nobody anything.
TEST(queues_of_a_ring, may_overflow) {
  if (!clofork::features()->calls.io_uring) {
    GTEST_SKIP() << "features() has no io_uring here";
  }
  auto made = clofork::make_io_uring(1);
  ASSERT_TRUE(made);
  clofork::supervisor all(std::move(*made));
  const auto count = std::min<std::size_t>(programs(), 200);
  std::size_t whole = 0;
  for (std::size_t number = 0; number < count; ++number) {
    clofork::job given{.ticket = number,
                       .wanted = writing(number),
                       .handlers = {.ended = [&whole, number](outcome &&what) {
                         pattern_check output(number, 0);
                         pattern_check errors(number, 1);
                         output.look_at(what.output);
                         errors.look_at(what.errors);
                         whole += output.is_whole(size) && errors.is_whole(size)
                                      ? 1
                                      : 0;
                       }}};
    ASSERT_TRUE(all.start(given));
  }
  while (all.running() > 0) {
    ASSERT_TRUE(all.turn(std::nullopt));
  }
  EXPECT_EQ(whole, count);
}

} // namespace
