// SPDX-License-Identifier: MIT
#include "bystander.h"
#include "clofork/features.h"
#include "close_all.h"
#include "fork_storm.h"
#include "measurement.h"
#include "run_program.h"
#include "scratch_directory.h"
#include "strategies.h"

#include <chrono>
#include <fcntl.h>
#include <future>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace clofork::demo;
using namespace std::chrono_literals;
using clofork::unique_fd;
using group = group_lock::group;

void wait_until_waiting(group_lock &lock, group which) {
  while (lock.waiting(which) == 0) {
    std::this_thread::yield();
  }
}

TEST(group_lock, one_group_is_inside_together_and_the_other_waits) {
  group_lock lock;
  lock.enter(group::forks);
  lock.enter(group::forks);
  auto entered = std::async(std::launch::async, [&] {
    lock.enter(group::closes);
    lock.enter(group::closes);
  });
  wait_until_waiting(lock, group::closes);
  lock.leave();
  EXPECT_EQ(lock.waiting(group::closes), 1U);
  lock.leave();
  entered.get();
}

TEST(group_lock, a_newcomer_does_not_overtake_the_other_group) {
  group_lock lock;
  lock.enter(group::forks);
  auto closing =
      std::async(std::launch::async, [&] { lock.enter(group::closes); });
  wait_until_waiting(lock, group::closes);
  auto forking =
      std::async(std::launch::async, [&] { lock.enter(group::forks); });
  wait_until_waiting(lock, group::forks);
  lock.leave();
  closing.get();
  EXPECT_EQ(lock.waiting(group::forks), 1U);
  lock.leave();
  forking.get();
  lock.leave();
}

TEST(quantile, is_the_smallest_that_covers_the_share) {
  std::vector<std::chrono::nanoseconds> times;
  EXPECT_EQ(quantile(times, 0.99), 0ns);
  for (int each = 200; each > 0; --each) {
    times.emplace_back(each);
  }
  EXPECT_EQ(quantile(times, 0.99), 198ns);
  EXPECT_EQ(quantile(times, 1), 200ns);
  EXPECT_EQ(quantile(times, 0), 1ns);
}

/// A program on disk and a place for the errno of its exec.
class strategies : public testing::Test {
protected:
  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  }

  [[nodiscard]] std::string path(int number = 0) const {
    return scratch_.path() + "/program" + std::to_string(number);
  }

  void write_script(const std::string &text) {
    auto file = write_program(path().c_str(), "#!/bin/sh\n" + text + "\n");
    ASSERT_TRUE(file.has_value());
    ASSERT_FALSE(file->close());
  }

  /// How many of the rounds end in ETXTBSY.
  int play(strategy &cure, int rounds, bool until_busy = false) {
    int busy = 0;
    for (int number = 0; number < rounds && !(until_busy && busy > 0);
         ++number) {
      const auto written = cure.write(path(number));
      EXPECT_TRUE(written) << written.error().message();
      const auto ran = cure.run(path(number), exec_errno());
      EXPECT_TRUE(ran) << ran.error().message();
      busy += ran && *ran ? 1 : 0;
      unlink(path(number).c_str());
    }
    return busy;
  }

  std::atomic<int> &exec_errno() { return errnos_[0]; }

private:
  scratch_directory scratch_ =
      std::move(*scratch_directory::create(find_tmpfs()));
  exec_errors errnos_ = std::move(*exec_errors::create(1));
};

/// None of what the parent has, close-on-exec or not, is there.
TEST_F(strategies, what_closes_in_the_child_leaves_nothing_open) {
  const rlimit small{.rlim_cur = 300, .rlim_max = 4096};
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &small), 0);
  const unique_fd low(dup(STDERR_FILENO));
  const unique_fd high(fcntl(STDERR_FILENO, F_DUPFD, 299));
  const auto low_name = "/proc/self/fd/" + std::to_string(low.get());
  write_script("[ ! -e " + low_name + " ] && [ ! -e /proc/self/fd/299 ]");

  strategy nothing;
  EXPECT_FALSE(nothing.run(path(), exec_errno()));
  fork_close_lock lock;
  EXPECT_TRUE(lock.run(path(), exec_errno()));
  for (const auto &each : all_strategies()) {
    if (each.name == "close-above" || each.name == "proc-walk" ||
        each.name == "close_range") {
      const auto ran = each.make()->run(path(), exec_errno());
      EXPECT_TRUE(ran) << each.name << ran.error().message();
    }
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(strategies, retry_outlasts_a_writer_for_a_second) {
  auto writer = write_program(path().c_str(), "#!/bin/sh\n");
  ASSERT_TRUE(writer.has_value());
  retry cure;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(*cure.run(path(), exec_errno()));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 1s);

  auto ran = std::async(std::launch::async,
                        [&] { return cure.run(path(), exec_errno()); });
  std::this_thread::sleep_for(50ms);
  ASSERT_FALSE(writer->close());
  EXPECT_FALSE(*ran.get());
}

/// Children of code that no strategy knows of, each for so long that whoever
/// does not wait for it loses.
class long_forks {
public:
  long_forks()
      : thread_([this](const std::stop_token &stopped) {
          while (!stopped.stop_requested()) {
            const pid_t child = fork();
            if (child == 0) {
              std::this_thread::sleep_for(100ms);
              _exit(0);
            }
            children_.push_back(child);
            std::this_thread::sleep_for(200us);
          }
        }) {}
  ~long_forks() {
    thread_.request_stop();
    thread_.join();
    for (const pid_t each : children_) {
      waitpid(each, nullptr, 0);
    }
  }
  long_forks(const long_forks &) = delete;
  long_forks &operator=(const long_forks &) = delete;

private:
  std::vector<pid_t> children_;
  std::jthread thread_;
};

class under_foreign_forks : public strategies,
                            public testing::WithParamInterface<std::size_t> {};

/// A kernel that does not know the flag of O_CLOFORK ignores it.
TEST_P(under_foreign_forks, only_cures_that_need_no_cooperation_hold) {
  const named_strategy &cure = all_strategies().at(GetParam());
  const auto made = cure.make();
  const bool honoured =
      cure.interface != nullptr && (*clofork::features()).*cure.interface;
  const long_forks forking;
  if (cure.name == "retry" || cure.name == "library" || honoured) {
    EXPECT_EQ(play(*made, 10), 0);
  } else if (cure.name == "flock") {
    // The lock is gone an instant before the kernel counts the writer off.
    EXPECT_LE(play(*made, 10), 2);
  } else {
    EXPECT_GT(play(*made, 1000, true), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(cure, under_foreign_forks,
                         testing::Range(std::size_t{0},
                                        all_strategies().size()),
                         [](const auto &info) {
                           std::string name(
                               all_strategies().at(info.param).name);
                           std::erase(name, '-');
                           return name;
                         });

/// Threads that all go through the lock.
TEST_F(strategies, lock_holds_among_those_who_use_it) {
  termination_signals signals;
  const named_strategy lock{"lock", "", []() -> std::unique_ptr<strategy> {
                              return std::make_unique<fork_close_lock>();
                            }};
  const strategies_options opts{.chosen = {}, .threads = 8, .rounds = 200};
  const auto scratch = scratch_directory::create(find_tmpfs());
  const auto taken =
      measure(lock, false, opts, scratch->path(), signals, [](auto, auto) {});
  EXPECT_EQ(taken.result.rounds, 200U);
  EXPECT_EQ(taken.result.lost, 0U);
  EXPECT_FALSE(taken.result.failure);
  EXPECT_GT(taken.p99, 0ns);
  EXPECT_GT(taken.longest_close, 0ns);
}

TEST(fork_storm, forks_until_it_is_stopped) {
  fork_storm storm(2);
  while (storm.forks() < 10) {
    std::this_thread::yield();
  }
  storm.stop();
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  EXPECT_FALSE(storm.failure());
}

class slow_close : public strategy {
public:
  std::error_code close(unique_fd &descriptor) noexcept override {
    if (++calls == 3) {
      std::this_thread::sleep_for(50ms);
    }
    return descriptor.close();
  }
  std::atomic<int> calls = 0;
};

TEST(bystander, keeps_the_longest_close) {
  slow_close cure;
  bystander watching(cure);
  while (cure.calls < 10) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(watching.stop());
  EXPECT_GE(watching.longest(), 50ms);
}

} // namespace
