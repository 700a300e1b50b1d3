// SPDX-License-Identifier: MIT
// Each test with io_uring and with epoll.
#include "clofork/descriptors.h"
#include "clofork/features.h"
#include "engine_test.h"
#include "failing_allocation.h"
#include "in_child.h"
#include "leash.h"
#include "output_pattern.h"
#include "seccomp_filter.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>

#include "close_on_fork.h" // after the headers whose names it completes

namespace {

using namespace std::chrono_literals;
using clofork::child_stream;
using clofork::ending;
using clofork::outcome;
using clofork::process_handlers;
using clofork::process_ring;
using clofork::ring_engine;
using clofork::run_options;

static_assert(std::is_nothrow_move_constructible_v<process_ring>);

class process_ring_test : public engine_test {
protected:
  static process_ring make(std::size_t concurrency = 1000,
                           std::size_t queue_limit = 1000) {
    auto made = process_ring::create({.concurrency = concurrency,
                                      .queue_limit = queue_limit,
                                      .engine = GetParam()});
    if (!made) {
      throw std::runtime_error(made.error().message());
    }
    return std::move(*made);
  }

  /// That keep the outcome under the number; a second one is a failed test.
  process_handlers keep_as(int number) {
    return {.ended = [this, number](outcome &&what) {
      EXPECT_TRUE(outcomes.emplace(number, std::move(what)).second);
    }};
  }

  void submit(process_ring &ring, int number, const clofork::command &wanted,
              const run_options &options = {}) {
    const auto given = ring.submit(wanted, options, keep_as(number));
    ASSERT_TRUE(given) << given.error().message();
    tickets[number] = *given;
  }

  [[nodiscard]] std::size_t count(ending how) const {
    return std::ranges::count(outcomes, how,
                              [](const auto &each) { return each.second.how; });
  }

  std::map<int, process_ring::ticket> tickets;
  std::map<int, outcome> outcomes;
};

INSTANTIATE_TEST_SUITE_P(engine, process_ring_test, both_engines,
                         name_of_engine);

TEST_P(process_ring_test, tells_the_outcome_of_each) {
  auto ring = make(8);
  EXPECT_EQ(ring.engine(), GetParam());
  for (int number = 0; number < 40; ++number) {
    const auto text = std::to_string(number);
    submit(ring, number, shell("cat; echo err >&2; exit " + text),
           {.input = text});
  }
  EXPECT_TRUE(ring.drive());
  ASSERT_EQ(outcomes.size(), 40U);
  for (const auto &[number, what] : outcomes) {
    EXPECT_EQ(what.how, ending::exited);
    EXPECT_EQ(what.output, std::to_string(number));
    EXPECT_EQ(what.errors, "err\n");
    EXPECT_EQ(what.status, clofork::exit_status{.code = number});
    EXPECT_GT(what.used.max_resident_kib, 100);
  }
}

TEST_P(process_ring_test, runs_no_more_than_the_concurrency) {
  auto ring = make(3);
  int running = 0;
  int most = 0;
  for (int number = 0; number < 12; ++number) {
    (void)ring.submit(
        shell("echo; read line"), {.input = "go\n"},
        {.output = [&](child_stream,
                       std::string_view) { most = std::max(most, ++running); },
         .ended = [&](outcome &&what) { running -= what.success() ? 1 : 99; }});
  }
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(running, 0);
  EXPECT_LE(most, 3);
}

TEST_P(process_ring_test, refuses_what_the_queue_cannot_hold) {
  auto ring = make(1, 2);
  submit(ring, 0, shell(""));
  submit(ring, 1, shell(""));
  const auto third = ring.submit(shell(""));
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().message(),
            "process_ring.submit: Resource temporarily unavailable (errno 11)");
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.size(), 2U);
}

TEST_P(process_ring_test, tells_what_could_not_be_started) {
  auto ring = make();
  submit(ring, 0, {.program = "/none", .arguments = {"none"}});
  submit(ring, 1, shell(""), {.time_limit = -1ns});
  submit(ring, 2, shell("echo"));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.at(0).how, ending::failed);
  EXPECT_EQ(outcomes.at(0).failure->message(),
            "execve: No such file or directory (errno 2)");
  EXPECT_EQ(outcomes.at(1).failure->message(),
            "run_options.time_limit: Invalid argument (errno 22)");
  EXPECT_TRUE(outcomes.at(2).success());
}

TEST_P(process_ring_test, ends_each_at_its_own_time) {
  leash held;
  auto ring = make();
  for (int number = 0; number < 10; ++number) {
    submit(ring, number, held.endless(), {.time_limit = 40ms * (10 - number)});
  }
  EXPECT_TRUE(ring.drive());
  ASSERT_EQ(count(ending::timed_out), 10U);
  for (const auto &[number, what] : outcomes) {
    EXPECT_GE(what.elapsed, 40ms * (10 - number));
    EXPECT_EQ(what.status->signal, SIGKILL);
  }
}

/// No time at all, though the clock cannot go back so far.
TEST_P(process_ring_test, is_driven_for_the_least_time_there_is) {
  auto ring = make();
  submit(ring, 0, shell("exec sleep 20"));
  EXPECT_TRUE(ring.drive_for(std::chrono::nanoseconds::min()));
  ring.cancel_all();
  EXPECT_TRUE(ring.drive());
  EXPECT_LT(outcomes.at(0).elapsed, 15s);
}

/// The handler of another keeps the ring busy until it has ended and its time
/// is over: it is killed when there is nothing left to kill.
TEST_P(process_ring_test, tells_of_one_that_just_ended_that_it_did) {
  constexpr auto limit = 3s; // for two shells to begin, on a slow machine too
  leash held;
  auto ring = make();
  submit(ring, 0, held.endless(), {.time_limit = limit});
  (void)ring.submit(shell("echo"), {},
                    {.output = [&](child_stream, std::string_view) {
                      held.let_go();
                      std::this_thread::sleep_for(limit);
                    }});
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.at(0).how, ending::exited);
  EXPECT_EQ(outcomes.at(0).status, clofork::exit_status{.code = 1});
  EXPECT_GE(outcomes.at(0).elapsed, limit);
}

TEST_P(process_ring_test, cancels_one_that_runs_and_one_that_waits) {
  leash held;
  auto ring = make(1);
  const auto said = clofork::pipe(O_NONBLOCK);
  auto saying = held.endless("echo out; echo >&4;");
  saying.descriptors.push_back({said->writing.fd.get(), 4});
  submit(ring, 0, saying);
  submit(ring, 1, held.endless());
  submit(ring, 2, shell("echo"));
  EXPECT_TRUE(ring.drive_for(0ns));
  EXPECT_TRUE(ring.cancel(tickets[1]));
  char byte = 0;
  while (read(said->reading.fd.get(), &byte, 1) != 1) {
    EXPECT_TRUE(ring.drive_for(1ms));
  }
  EXPECT_TRUE(ring.drive_for(0ns));
  EXPECT_EQ(outcomes.at(1).how, ending::cancelled);
  EXPECT_FALSE(outcomes.at(1).status);
  EXPECT_EQ(outcomes.size(), 1U);
  EXPECT_TRUE(ring.cancel(tickets[0]));
  EXPECT_TRUE(ring.cancel(tickets[1])); // over already
  EXPECT_TRUE(ring.cancel(12345));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.at(0).how, ending::cancelled);
  EXPECT_EQ(outcomes.at(0).status->signal, SIGKILL);
  EXPECT_EQ(outcomes.at(0).output, "out\n");
  EXPECT_TRUE(outcomes.at(2).success());
}

TEST_P(process_ring_test, is_cancelled_and_given_more_by_other_threads) {
  leash held;
  auto ring = make();
  submit(ring, 0, held.endless());
  submit(ring, 1, held.endless());
  std::jthread other([&] {
    std::this_thread::sleep_for(50ms); // so that it is asleep, as a rule
    EXPECT_TRUE(ring.submit(shell("echo"), {}, keep_as(2)));
    EXPECT_TRUE(ring.cancel(tickets[0]));
    std::this_thread::sleep_for(50ms);
    ring.cancel_all();
  });
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(outcomes.at(0).how, ending::cancelled);
  EXPECT_EQ(outcomes.at(1).how, ending::cancelled);
}

TEST_P(process_ring_test, cancels_all_but_what_comes_later) {
  leash held;
  auto ring = make(2);
  for (int number = 0; number < 6; ++number) {
    submit(ring, number, held.endless());
  }
  EXPECT_TRUE(ring.drive_for(0ns));
  ring.cancel_all();
  submit(ring, 6, shell("echo"));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(count(ending::cancelled), 6U);
  EXPECT_TRUE(outcomes.at(6).success());
}

/// A consumer that is slow: it counts, and consumes when the test says so.
struct slow_consumer {
  pattern_check check{7, 0};
  std::size_t given = 0;

  process_handlers handlers(std::size_t window, std::optional<outcome> &done) {
    return {.output =
                [this](child_stream, std::string_view part) {
                  check.look_at(part);
                  given += part.size();
                },
            .window = window,
            .ended = [&done](outcome &&what) { done = std::move(what); }};
  }
};

clofork::command writing(std::size_t bytes) {
  return {.program = OUTPUT_PROGRAM,
          .arguments = {"output_program", "7", std::to_string(bytes), "0"}};
}

TEST_P(process_ring_test, reads_no_further_than_the_window) {
  constexpr std::size_t window = 10'000;
  constexpr std::size_t size = 1'000'000;
  auto ring = make();
  slow_consumer slow;
  std::optional<outcome> done;
  const auto ticket =
      ring.submit(writing(size), {}, slow.handlers(window, done));
  ASSERT_TRUE(ticket);
  while (slow.given < window && !done) {
    EXPECT_TRUE(ring.drive_for(1ms));
  }
  EXPECT_TRUE(ring.drive_for(100ms));
  EXPECT_EQ(slow.given, window);
  EXPECT_FALSE(done);
  std::size_t consumed = 0;
  while (!done) {
    const auto part = slow.given - consumed;
    EXPECT_LE(part, window);
    EXPECT_TRUE(ring.consumed(*ticket, child_stream::output, part));
    consumed += part;
    EXPECT_TRUE(ring.drive_for(1ms));
  }
  EXPECT_TRUE(done->success());
  EXPECT_TRUE(slow.check.is_whole(size));
}

/// The program is over, its output still in the pipe, and the grace too.
TEST_P(process_ring_test, keeps_output_for_a_slow_consumer) {
  constexpr std::size_t window = 4096;
  constexpr std::size_t size = 60'000;
  auto ring = make();
  slow_consumer slow;
  std::optional<outcome> done;
  const auto ticket =
      ring.submit(writing(size), {.grace = 0ns}, slow.handlers(window, done));
  ASSERT_TRUE(ticket);
  EXPECT_TRUE(ring.drive_for(200ms));
  EXPECT_EQ(slow.given, window);
  while (!done) {
    EXPECT_TRUE(ring.consumed(*ticket, child_stream::output, window));
    EXPECT_TRUE(ring.drive_for(0ns));
  }
  EXPECT_TRUE(done->success());
  EXPECT_TRUE(slow.check.is_whole(size));
}

TEST_P(process_ring_test, cancels_one_whose_consumer_does_nothing) {
  auto ring = make();
  slow_consumer slow;
  std::optional<outcome> done;
  const auto ticket = ring.submit(writing(60'000), {}, slow.handlers(1, done));
  EXPECT_TRUE(ring.drive_for(100ms));
  EXPECT_FALSE(done);
  EXPECT_TRUE(ring.cancel(*ticket));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(done->how, ending::cancelled);
  EXPECT_EQ(slow.given, 1U);
}

TEST_P(process_ring_test, kills_and_tells_all_when_it_is_destroyed) {
  leash held;
  std::optional<process_ring> ring(make(2));
  for (int number = 0; number < 5; ++number) {
    submit(*ring, number, held.endless());
  }
  std::optional<clofork::error> refused;
  (void)ring->submit(shell(""), {}, {.ended = [&](outcome &&) {
                       refused = ring->submit(shell("")).error();
                     }});
  EXPECT_TRUE(ring->drive_for(50ms));
  EXPECT_EQ(outcomes.size(), 0U);
  ring.reset();
  EXPECT_EQ(count(ending::cancelled), 5U);
  EXPECT_EQ(std::ranges::count_if(outcomes,
                                  [](const auto &each) {
                                    return each.second.status.has_value();
                                  }),
            2);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, std::errc::operation_canceled);
}

/// Whether this process has mapped a file whose name contains that.
bool has_mapping(std::string_view name) {
  std::ifstream maps("/proc/self/maps");
  const std::string all(std::istreambuf_iterator<char>(maps), {});
  EXPECT_FALSE(all.empty());
  return all.find(name) != std::string::npos;
}

TEST_P(process_ring_test, is_left_alone_by_a_forked_child) {
  auto ring = make();
  submit(ring, 0, shell("read line; echo $line"), {.input = "out\n"});
  leash held;
  submit(ring, 1, held.endless(), {.time_limit = 300ms});
  EXPECT_TRUE(ring.drive_for(0ns));
  EXPECT_EQ(has_mapping("io_uring"), GetParam() == ring_engine::io_uring);
  EXPECT_TRUE(in_child([&] {
    { const auto gone = std::move(ring); }
    return outcomes.empty() && !has_mapping("io_uring");
  }));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.at(0).output, "out\n");
  EXPECT_EQ(outcomes.at(1).how, ending::timed_out);
}

/// The kernel takes back what a thread has asked of a ring when it ends.
TEST_P(process_ring_test, is_driven_by_one_thread_after_another) {
  auto ring = make();
  for (int number = 0; number < 5; ++number) {
    submit(ring, number, shell("sleep 0.2; echo"));
  }
  std::jthread([&] { EXPECT_TRUE(ring.drive_for(50ms)); }).join();
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(count(ending::exited), 5U);
}

TEST_P(process_ring_test, is_driven_by_one_thread_at_a_time) {
  auto ring = make();
  std::string within;
  (void)ring.submit(shell(""), {}, {.ended = [&](outcome &&) {
                      within = ring.drive().error().message();
                    }});
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(within, "process_ring.drive: Device or resource busy (errno 16)");
}

TEST_P(process_ring_test, takes_more_from_a_handler) {
  auto ring = make(1);
  int left = 20;
  std::function<void(outcome &&)> again = [&](outcome &&what) {
    EXPECT_TRUE(what.success());
    if (--left > 0) {
      EXPECT_TRUE(ring.submit(shell(""), {}, {.ended = again}));
    }
  };
  EXPECT_TRUE(ring.submit(shell(""), {}, {.ended = again}));
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(left, 0);
}

/// While it lives, the process may have no descriptor from that number on.
class descriptor_limit {
public:
  explicit descriptor_limit(rlim_t number) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit less{number, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &less);
  }
  ~descriptor_limit() { setrlimit(RLIMIT_NOFILE, &before_); }
  descriptor_limit(const descriptor_limit &) = delete;
  descriptor_limit &operator=(const descriptor_limit &) = delete;

private:
  rlimit before_{};
};

int next_number() {
  return clofork::dup(0)->fd.get();
}

TEST_P(process_ring_test, starts_fewer_where_descriptors_are_short) {
  auto ring = make();
  int running = 0;
  int most = 0;
  for (int number = 0; number < 30; ++number) {
    const auto handlers = keep_as(number);
    (void)ring.submit(
        shell("echo; sleep 0.02"), {},
        {.output = [&](child_stream,
                       std::string_view) { most = std::max(most, ++running); },
         .ended =
             [&, handlers](outcome &&what) {
               --running;
               handlers.ended(std::move(what));
             }});
  }
  const descriptor_limit few(next_number() + 14);
  EXPECT_TRUE(ring.drive());
  EXPECT_EQ(outcomes.size(), 30U);
  for (const auto &[number, what] : outcomes) {
    EXPECT_TRUE(what.success())
        << (what.failure ? what.failure->message() : "");
  }
  EXPECT_GE(most, 2);
  EXPECT_LE(most, 4);
}

std::chrono::nanoseconds time_used() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + 1ns * used.tv_nsec;
}

/// Not again and again until one ends, but all when there are enough.
TEST_P(process_ring_test, starts_the_others_when_descriptors_are_there_again) {
  leash held;
  auto ring = make();
  int begun = 0;
  for (int number = 0; number < 8; ++number) {
    auto handlers = keep_as(number);
    handlers.output = [&](child_stream, std::string_view) { ++begun; };
    tickets[number] = *ring.submit(held.endless("echo; "), {}, handlers);
  }
  {
    const descriptor_limit few(next_number() + 14);
    EXPECT_TRUE(ring.drive_for(100ms));
    const auto before = time_used();
    EXPECT_TRUE(ring.drive_for(200ms));
    EXPECT_LT(time_used() - before, 100ms);
  }
  EXPECT_TRUE(ring.cancel(tickets[0]));
  for (int turn = 0; begun < 8 && turn < 1000; ++turn) {
    EXPECT_TRUE(ring.drive_for(10ms));
  }
  EXPECT_EQ(begun, 8);
}

TEST_P(process_ring_test, fails_where_there_are_no_descriptors_at_all) {
  auto ring = make();
  submit(ring, 0, shell(""));
  submit(ring, 1, shell(""));
  {
    const descriptor_limit none(next_number());
    EXPECT_TRUE(ring.drive());
  }
  EXPECT_EQ(outcomes.at(0).failure->message(),
            "pipe2: Too many open files (errno 24)");
  EXPECT_EQ(count(ending::failed), 2U);
}

TEST_P(process_ring_test, tells_each_once_when_memory_is_short) {
  int failed = 0;
  for (int after = 0; after < 60; ++after) {
    auto ring = make();
    std::array<int, 2> told{};
    for (auto &each : told) {
      ASSERT_TRUE(ring.submit(writing(100), {}, {.ended = [&](outcome &&what) {
                                ++each;
                                failed += what.success() ? 0 : 1;
                              }}));
    }
    failing_allocation fails(after);
    const auto driven = ring.drive();
    fails.stop();
    EXPECT_TRUE(driven);
    EXPECT_EQ(told, (std::array{1, 1})) << after;
  }
  EXPECT_GT(failed, 10);
  EXPECT_LT(failed, 61);
}

/// Puts something else in the place of what tells the ring that descriptors
/// are ready.
void break_engine(ring_engine engine) {
  const auto *const name = engine == ring_engine::io_uring
                               ? "anon_inode:[io_uring]"
                               : "anon_inode:[eventpoll]";
  const auto null = clofork::open("/dev/null", O_RDONLY);
  for (int fd = 0; fd < 100; ++fd) {
    std::error_code ignored;
    if (std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd),
                                      ignored) == name) {
      dup3(null->fd.get(), fd, O_CLOEXEC);
    }
  }
}

TEST_P(process_ring_test, tells_all_when_the_engine_fails) {
  leash held;
  auto ring = make(2);
  for (int number = 0; number < 5; ++number) {
    submit(ring, number, held.endless());
  }
  EXPECT_TRUE(ring.drive_for(20ms));
  break_engine(GetParam());
  const auto driven = ring.drive();
  ASSERT_FALSE(driven);
  EXPECT_EQ(count(ending::failed), 5U);
  for (const auto &[number, what] : outcomes) {
    EXPECT_EQ(what.failure, driven.error());
  }
  submit(ring, 5, shell("echo"));
  (void)ring.drive();
  EXPECT_EQ(outcomes.at(5).how, ending::failed);
}

/// A handler that would have it go on for ever.
TEST_P(process_ring_test, fails_once_though_what_failed_is_submitted_again) {
  leash held;
  auto ring = make(2);
  int told = 0;
  std::function<void(outcome &&)> again = [&](outcome &&what) {
    if (what.how == ending::failed && ++told < 1000) {
      EXPECT_TRUE(ring.submit(shell(""), {}, {.ended = again}));
    }
  };
  for (int number = 0; number < 3; ++number) { // one of them has to wait
    EXPECT_TRUE(ring.submit(held.endless(), {}, {.ended = again}));
  }
  EXPECT_TRUE(ring.drive_for(20ms));
  break_engine(GetParam());
  EXPECT_FALSE(ring.drive());
  EXPECT_EQ(told, 3);
  EXPECT_FALSE(ring.drive()); // what was submitted in answer
  EXPECT_LT(told, 1000);
}

/// Descriptor to what it leads to.
std::map<int, std::string> all_descriptors() {
  std::map<int, std::string> found;
  for (const auto &each :
       std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    found[std::stoi(each.path().filename())] =
        std::filesystem::read_symlink(each.path(), ignored);
  }
  std::erase_if(found, [](const auto &each) { // the directory itself
    return each.second.ends_with("/fd");
  });
  return found;
}

TEST_P(process_ring_test, has_only_descriptors_that_no_program_inherits) {
  const auto before = all_descriptors();
  auto ring = make();
  submit(ring, 0, shell("cat"), {.input = std::string(1 << 20, 'x')});
  EXPECT_TRUE(ring.drive_for(0ns));
  const int expected =
      FD_CLOEXEC | (clofork::features()->setfd ? FD_CLOFORK : 0);
  std::size_t found = 0;
  for (const auto &[fd, name] : all_descriptors()) {
    if (!before.contains(fd)) {
      EXPECT_EQ(fcntl(fd, F_GETFD), expected) << name;
      ++found;
    }
  }
  EXPECT_EQ(found, 6U); // the engine, its alarm, three pipes, a pidfd
  EXPECT_TRUE(ring.drive());
}

// ---- What does not depend on the engine -----------------------------------

class ring_options_test : public spawning {};

TEST_F(ring_options_test, must_be_possible) {
  EXPECT_EQ(process_ring::create({.concurrency = 0}).error().message(),
            "ring_options.concurrency: Invalid argument (errno 22)");
  EXPECT_EQ(process_ring::create({.queue_limit = 0}).error().message(),
            "ring_options.queue_limit: Invalid argument (errno 22)");
}

class refused_io_uring
    : public testing::TestWithParam<std::tuple<long, unsigned>> {};

TEST_P(refused_io_uring, leaves_epoll) {
  EXPECT_TRUE(in_child([] {
    const auto [call, code] = GetParam();
    const bool filtered = refuse_call(call, code);
    const auto asked = process_ring::create({.engine = ring_engine::io_uring});
    auto ring = process_ring::create();
    std::string output;
    (void)ring->submit(
        shell("cat"), {.input = "text"},
        {.ended = [&](outcome &&what) { output = what.output; }});
    return filtered && !clofork::probe_features()->calls.io_uring && !asked &&
           ring->engine() == ring_engine::epoll && ring->drive() &&
           output == "text";
  }));
}

INSTANTIATE_TEST_SUITE_P(system, refused_io_uring,
                         testing::Combine(testing::Values(SYS_io_uring_setup,
                                                          SYS_io_uring_enter),
                                          testing::Values(EPERM, ENOSYS)));

} // namespace
