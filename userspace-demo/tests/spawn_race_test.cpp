// SPDX-License-Identifier: MIT
// Threads that write programs and run them at once: none meets ETXTBSY by a
// child of another, as the writer is closed in a closing_section.
#include "clofork/gate.h"
#include "in_child.h"
#include "seccomp_filter.h"
#include "spawning.h"

#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/syscall.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

using clofork::unique_fd;

/// Of programs, through descriptors that are close-on-exec only.
class writers {
public:
  writers() { EXPECT_NE(mkdtemp(directory_.data()), nullptr); }
  ~writers() { std::filesystem::remove_all(directory_); }
  writers(const writers &) = delete;
  writers &operator=(const writers &) = delete;

  /// How many of the rounds did not end in a program that ran at once.
  int race(std::size_t threads, int rounds) {
    left_ = rounds;
    {
      std::vector<std::jthread> all(threads);
      for (auto &thread : all) {
        thread = std::jthread([this] {
          for (int number = 0; (number = --left_) >= 0;) {
            lost_ += play(directory_ + '/' + std::to_string(number)) ? 0 : 1;
          }
        });
      }
    }
    return lost_;
  }

private:
  static bool play(const std::string &path) {
    unique_fd file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700));
    const bool written = write(file.get(), "#!/bin/sh\n", 10) == 10;
    {
      const clofork::closing_section section;
      file.reset();
    }
    auto child = clofork::spawn({.program = path,
                                 .arguments = {path},
                                 .busy_patience = std::chrono::seconds(0)});
    return written && child && child->wait()->success();
  }

  std::string directory_ = testing::TempDir() + "spawn_race_test.XXXXXX";
  std::atomic<int> left_ = 0;
  std::atomic<int> lost_ = 0;
};

class spawn_race : public spawning {};

TEST_F(spawn_race, is_lost_by_nobody) {
  EXPECT_EQ(writers().race(8, 400), 0);
}

/// Here the instant in which a child holds too much is long: it has a copy of
/// some thousand descriptors, which it closes one by one.
TEST_F(spawn_race, is_lost_by_nobody_where_children_are_slow_to_be_clean) {
  EXPECT_TRUE(in_child([] {
    std::vector<unique_fd> many(4000);
    for (auto &each : many) {
      each.reset(open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    return refuse_call(SYS_close_range, ENOSYS) && writers().race(8, 250) == 0;
  }));
}

} // namespace
