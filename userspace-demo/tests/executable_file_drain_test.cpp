// SPDX-License-Identifier: MIT
// Children that hold the file, as code that knows nothing of the library
// forks them.
#include "clofork/features.h"
#include "clofork/unique_fd.h"
#include "executable_file_fixture.h"
#include "in_child.h"
#include "program.h"
#include "seccomp_filter.h"
#include "spawning_section.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <optional>
#include <spawn.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

/// What kind of file system a file is said to be on, where it is not 0: no
/// server is within reach of a test.
long told_file_system = 0;

} // namespace

/// In place of the C library's.
extern "C" int fstatfs(int fd, struct statfs *told) noexcept {
  const auto status = static_cast<int>(syscall(SYS_fstatfs, fd, told));
  if (told_file_system != 0) {
    told->f_type = told_file_system;
  }
  return status;
}

namespace {

using namespace std::chrono_literals;
using clofork::exclusion;
using clofork::unique_fd;

/// A child that has a copy of the descriptor, which nothing marks, until it
/// is told to exit.
class holder {
public:
  explicit holder(int fd) : child_(start(fd)) {}
  holder(const holder &) = delete;
  holder &operator=(const holder &) = delete;
  ~holder() { let_go(); }

  void let_go() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(std::exchange(child_, -1), nullptr, 0);
    }
  }

private:
  static pid_t start(int fd) {
    const unique_fd copy(dup(fd));
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    return child;
  }

  pid_t child_;
};

/// The ways to tell whether a file is open for writing, each with the call
/// that it stands on.
bool refuse_lock(unsigned code) {
  return refuse_call(SYS_flock, code);
}
bool refuse_lease(unsigned code) {
  return refuse_call_with_value(SYS_fcntl, 1, F_SETLEASE, code);
}

struct means {
  const char *name;
  bool (*leave_only_them)();
};

class drain : public scratch, public testing::WithParamInterface<means> {
protected:
  template <class Body>
  void run_check(Body body) {
    EXPECT_TRUE(in_child([&] {
      EXPECT_TRUE(GetParam().leave_only_them());
      body();
      return !HasFailure();
    }));
  }
};

constexpr std::array all_means{
    means{"lock_and_lease", [] { return true; }},
    means{"lock_alone", [] { return refuse_lease(EINVAL); }},
    means{"lease_alone", [] { return refuse_lock(ENOLCK); }},
};

INSTANTIATE_TEST_SUITE_P(executable_file, drain, testing::ValuesIn(all_means),
                         [](const auto &info) { return info.param.name; });

TEST_P(drain, waits_until_the_child_lets_go) {
  run_check([&] {
    auto file = written();
    holder child(file.descriptor());
    std::atomic<bool> held = true;
    std::jthread later([&] {
      std::this_thread::sleep_for(50ms); // to have publish() wait
      held = false;
      child.let_go();
    });
    const auto published = file.publish();
    EXPECT_FALSE(held);
    ASSERT_TRUE(published.has_value()) << published.error().message();
    EXPECT_GT(published->waited, 1ms);
    EXPECT_EQ(run(path()), 7);
  });
}

TEST_P(drain, gives_up_after_the_patience_and_may_be_tried_again) {
  run_check([&] {
    auto file = written(exits_with_7, {.patience = 20ms});
    holder child(file.descriptor());
    const auto start = std::chrono::steady_clock::now();
    const auto failed = file.publish();
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, std::errc::timed_out);
    EXPECT_EQ(failed.error().message(),
              "a child, another descriptor or a mapping has the program open: "
              "Connection timed out (errno 110)");
    EXPECT_TRUE(names().empty());
    child.let_go();
    EXPECT_TRUE(file.publish().has_value());
    EXPECT_EQ(run(path()), 7);
  });
}

/// More of it than nanoseconds can count is no less than any other.
TEST_F(scratch, patience_may_be_endless) {
  auto file =
      written(exits_with_7, {.patience = std::chrono::milliseconds::max()});
  holder child(file.descriptor());
  std::jthread later([&] {
    std::this_thread::sleep_for(50ms); // to have publish() wait
    child.let_go();
  });
  const auto published = file.publish();
  ASSERT_TRUE(published.has_value()) << published.error().message();
}

/// Where the lease is a server's, its refusal is doubted at first, as it looks
/// at what exec looks at, and the lock does not; and not believed in the end.
class remote : public scratch, public testing::WithParamInterface<long> {};

TEST_P(remote, lease_that_is_always_refused_is_not_believed) {
  EXPECT_TRUE(in_child([&] {
    told_file_system = GetParam();
    refuse_lease(EAGAIN);
    const auto published = written().publish();
    return published && published->waited > 50ms && published->waited < 5s &&
           published->by != exclusion::library;
  }));
}

INSTANTIATE_TEST_SUITE_P(executable_file, remote,
                         testing::Values(NFS_SUPER_MAGIC, SMB_SUPER_MAGIC,
                                         CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC));

/// Open for writing by an open file description that has no part in the lock.
struct other_writer {
  const char *name;
  int protection; ///< of a mapping, the descriptor being closed; or PROT_NONE
  int sharing;
};

class written_elsewhere : public scratch,
                          public testing::WithParamInterface<other_writer> {};

TEST_P(written_elsewhere, is_not_published_before_that_ends) {
  const auto &[name, protection, sharing] = GetParam();
  auto file = written(exits_with_7, {.patience = 300ms});
  const auto self = "/proc/self/fd/" + std::to_string(file.descriptor());
  unique_fd other(open(self.c_str(), O_RDWR | O_CLOEXEC));
  void *mapped = nullptr;
  if (protection != PROT_NONE) {
    mapped = mmap(nullptr, 1, protection, sharing, other.get(), 0);
    ASSERT_NE(mapped, MAP_FAILED);
    other.reset();
  }
  const auto failed = file.publish();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, std::errc::timed_out);
  EXPECT_EQ(names(), nothing);
  other.reset();
  if (mapped != nullptr) {
    munmap(mapped, 1);
  }
  ASSERT_TRUE(file.publish().has_value());
  EXPECT_EQ(run(path()), 7);
}

constexpr std::array other_writers{
    other_writer{"descriptor", PROT_NONE, 0},
    other_writer{"shared_mapping", PROT_READ | PROT_WRITE, MAP_SHARED},
    other_writer{"private_mapping", PROT_READ | PROT_WRITE, MAP_PRIVATE},
    other_writer{"private_mapping_to_read", PROT_READ, MAP_PRIVATE},
};

INSTANTIATE_TEST_SUITE_P(executable_file, written_elsewhere,
                         testing::ValuesIn(other_writers),
                         [](const auto &info) { return info.param.name; });

/// The library's own descriptor is for writing only.
TEST_F(scratch, its_descriptor_cannot_be_mapped) {
  const auto file = written();
  EXPECT_EQ(mmap(nullptr, 1, PROT_READ, MAP_PRIVATE, file.descriptor(), 0),
            MAP_FAILED);
  EXPECT_EQ(errno, EACCES);
}

/// A descriptor that was closed was seen to be closed, or it is said that
/// nobody could look.
TEST_F(scratch, tells_when_the_file_system_cannot_tell) {
  EXPECT_TRUE(in_child([&] {
    const bool marked = clofork::features()->open;
    refuse_lock(ENOLCK);
    refuse_lease(EINVAL);
    const auto published = written().publish();
    return published &&
           published->by == (marked ? exclusion::kernel : exclusion::library);
  }));
}

/// A child forked before the mark came may have the file.
TEST_F(scratch, a_mark_that_came_late_excludes_nothing) {
  in_fresh_process([&] {
    refuse_open_clofork(EINVAL);
    const auto published = written().publish();
    std::filesystem::remove_all(directory()); // it ends without destructors
    return published && published->by == exclusion::drain;
  });
}

/// It is what excludes them where nothing else can.
TEST_F(scratch, closes_while_no_spawn_of_the_library_holds_too_much) {
  std::optional<clofork::spawning_section> spawning(std::in_place);
  std::atomic<bool> done = false;
  std::jthread publishing([&] {
    EXPECT_TRUE(written().publish().has_value());
    done = true;
  });
  std::this_thread::sleep_for(50ms); // to give it every chance to end
  EXPECT_FALSE(done);
  spawning.reset();
  publishing.join();
  EXPECT_TRUE(done);
}

/// As they cannot be while execveat(AT_EXECVE_CHECK) runs.
TEST_F(scratch, threads_can_be_started_meanwhile) {
  const std::jthread publishing([&](const std::stop_token &stop) {
    while (!stop.stop_requested()) {
      EXPECT_TRUE(written().publish().has_value());
    }
  });
  for (int count = 0; count < 2000; ++count) {
    ASSERT_NO_THROW(std::jthread([] {}).join());
  }
}

/// A child that closed the descriptor for writing and kept the other.
TEST_F(scratch, leaves_no_lock_on_the_program) {
  auto file = written();
  const int writing = file.descriptor();
  const pid_t child = fork();
  if (child == 0) {
    close(writing);
    pause();
    _exit(0);
  }
  const auto published = file.publish();
  const unique_fd reading(open(path().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(flock(reading.get(), LOCK_EX | LOCK_NB), 0);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(published.has_value());
}

/// Forks as long as it lives: children of fork that exit, and of posix_spawn
/// that run a program, all of them with whatever this process has open.
class fork_storm {
public:
  fork_storm() = default;

private:
  static void fork_one() {
    const pid_t child = fork();
    if (child == 0) {
      _exit(0);
    }
    if (child > 0) {
      waitpid(child, nullptr, 0);
    }
  }

  static void spawn_one() {
    std::array<char *, 2> argv{const_cast<char *>("true"), nullptr};
    pid_t child = -1;
    if (posix_spawn(&child, "/bin/true", nullptr, nullptr, argv.data(),
                    nullptr) == 0) {
      waitpid(child, nullptr, 0);
    }
  }

  static void storm(const std::stop_token &stop, void (*one)()) {
    while (!stop.stop_requested()) {
      one();
    }
  }

  std::jthread forking_{storm, fork_one};
  std::jthread spawning_{storm, spawn_one};
};

/// The programs that ran, of so many written by so many threads.
int write_and_run(int threads, int rounds, const std::string &path) {
  std::atomic<int> ran = 0;
  std::vector<std::jthread> writers;
  writers.reserve(static_cast<std::size_t>(threads));
  for (int index = 0; index < threads; ++index) {
    writers.emplace_back([&ran, rounds, name = path + std::to_string(index)] {
      for (int round = 0; round < rounds; ++round) {
        if (const auto done = clofork::demo::publish_program(name); !done) {
          ADD_FAILURE() << done.error().message();
          return;
        }
        const int status = run(name);
        EXPECT_EQ(status, 0);
        ran += status == 0 ? 1 : 0;
      }
    });
  }
  writers.clear();
  return ran;
}

/// The promise itself, on every kernel.
TEST_P(in_both_ways, programs_run_at_once_under_a_storm_of_foreign_forks) {
  run_check([&] {
    const fork_storm storm;
    EXPECT_EQ(write_and_run(4, 100, path()), 4 * 100);
  });
}

} // namespace
