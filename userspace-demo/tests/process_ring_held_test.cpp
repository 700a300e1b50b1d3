// SPDX-License-Identifier: MIT
// Programs that end and leave another behind, which holds their streams.
#include "clofork/descriptors.h"
#include "clofork/process_ring.h"
#include "engine_test.h"
#include "leash.h"

#include <optional>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clofork::child_stream;
using clofork::outcome;
using clofork::process_handlers;
using clofork::process_ring;
using clofork::run_options;

class held_stream : public engine_test {
protected:
  void SetUp() override {
    engine_test::SetUp();
    if (!IsSkipped()) {
      ring_.emplace(std::move(*process_ring::create({.engine = GetParam()})));
    }
  }

  void TearDown() override {
    ring_.reset();
    engine_test::TearDown();
  }

  process_ring::ticket submit(const clofork::command &wanted,
                              const run_options &options,
                              process_handlers handlers = {}) {
    handlers.ended = [this](outcome &&what) { done_ = std::move(what); };
    return *ring_->submit(wanted, options, std::move(handlers));
  }

  /// What does not end must not hang the test.
  void drive_to_the_end() {
    for (int turn = 0; !done_ && turn < 1000; ++turn) {
      EXPECT_TRUE(ring_->drive_for(10ms));
    }
  }

  std::optional<process_ring> ring_;
  std::optional<outcome> done_;
};

INSTANTIATE_TEST_SUITE_P(engine, held_stream, both_engines, name_of_engine);

/// Ends with that and leaves behind who holds its output, writes to it when it
/// is let go, and tells the verdict if that is refused.
clofork::command leaving_a_writer(leash &held,
                                  const clofork::pipe_ends &verdict,
                                  const std::string &last) {
  auto wanted = held.shell_with(
      "(trap '' PIPE; cat <&3; echo late || echo refused >&4) & " + last);
  wanted.descriptors.push_back({verdict.writing.fd.get(), 4});
  return wanted;
}

/// What is written then is written to nobody, though the ring goes on.
TEST_P(held_stream, of_output_has_no_reader_after_the_grace) {
  leash held;
  auto verdict = clofork::pipe();
  submit(leaving_a_writer(held, *verdict, "echo out"), {.grace = 50ms});
  drive_to_the_end();
  verdict->writing.fd.reset();
  ASSERT_TRUE(done_);
  EXPECT_TRUE(done_->output_held);
  EXPECT_EQ(done_->output, "out\n");
  held.let_go();
  EXPECT_EQ(read_all(verdict->reading.fd.get()), "refused\n");
}

/// What the engine has still to tell of a program is not taken for one that
/// has its place by then, which would be watched twice and forgotten once.
/// Output would end both.
TEST_P(held_stream, of_output_has_no_reader_in_the_place_of_another_either) {
  leash held;
  auto verdict = clofork::pipe();
  auto one_at_a_time =
      process_ring::create({.concurrency = 1, .engine = GetParam()});
  int ended = 0;
  for (int number = 0; number < 3; ++number) {
    EXPECT_TRUE(one_at_a_time->submit(
        leaving_a_writer(held, *verdict, "exit 0"), {.grace = 50ms},
        {.ended = [&](outcome &&what) { ended += what.output_held ? 1 : 0; }}));
  }
  for (int turn = 0; ended < 3 && turn < 1000; ++turn) {
    EXPECT_TRUE(one_at_a_time->drive_for(10ms));
  }
  EXPECT_EQ(ended, 3);
  verdict->writing.fd.reset();
  held.let_go();
  EXPECT_EQ(read_all(verdict->reading.fd.get()), "refused\nrefused\nrefused\n");
}

/// Nobody will read what was not read.
TEST_P(held_stream, of_input_is_closed_with_the_end) {
  leash held;
  submit(held.shell_with("exec 5<&0; cat <&3 >/dev/null 2>&1 & exit 0"),
         {.input = std::string(1'000'000, 'x')});
  drive_to_the_end();
  EXPECT_TRUE(done_ && done_->success());
  held.let_go();
}

/// The grace is over while the window is full; it begins anew when it is not.
TEST_P(held_stream, of_output_ends_for_a_slow_consumer_too) {
  leash held;
  std::string given;
  const auto ticket = submit(
      held.shell_with("cat <&3 & echo 1234567"), {.grace = 10ms},
      {.output = [&](child_stream, std::string_view bytes) { given += bytes; },
       .window = 4});
  EXPECT_TRUE(ring_->drive_for(200ms));
  EXPECT_EQ(given, "1234");
  EXPECT_FALSE(done_);
  EXPECT_TRUE(ring_->consumed(ticket, child_stream::output, 4));
  EXPECT_TRUE(ring_->drive_for(200ms));
  EXPECT_TRUE(ring_->consumed(ticket, child_stream::output, 4));
  drive_to_the_end();
  ASSERT_TRUE(done_);
  EXPECT_EQ(given, "1234567\n");
  EXPECT_TRUE(done_->output_held);
  held.let_go();
}

} // namespace
