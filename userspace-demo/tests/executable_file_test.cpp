// SPDX-License-Identifier: MIT
#include "clofork/features.h"
#include "clofork/unique_fd.h"
#include "executable_file_fixture.h"
#include "in_child.h"
#include "seccomp_filter.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sched.h>
#include <set>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using clofork::exclusion;
using clofork::executable_file;
using clofork::unique_fd;

constexpr const char *exits_with_8 = "#!/bin/sh\nexit 8\n";

INSTANTIATE_TEST_SUITE_P(executable_file, in_both_ways,
                         testing::Values("nameless", "named"),
                         [](const auto &info) { return info.param; });

TEST_P(in_both_ways, appears_whole_and_runs) {
  run_check([&] {
    auto file = written();
    EXPECT_EQ(names(), meanwhile());
    const auto published = file.publish();
    ASSERT_TRUE(published.has_value()) << published.error().message();
    EXPECT_EQ(names(), only_program);
    EXPECT_EQ(run(path()), 7);
  });
}

TEST_P(in_both_ways, tells_what_excludes_writers) {
  run_check([&] {
    const auto published = written().publish();
    ASSERT_TRUE(published.has_value());
    EXPECT_EQ(published->by,
              clofork::features()->open ? exclusion::kernel : exclusion::drain);
  });
}

TEST_P(in_both_ways, replaces_what_is_there) {
  run_check([&] {
    ASSERT_TRUE(written(exits_with_8).publish().has_value());
    auto file = written();
    EXPECT_EQ(run(path()), 8);
    ASSERT_TRUE(file.publish().has_value());
    EXPECT_EQ(run(path()), 7);
    EXPECT_EQ(names(), only_program);
  });
}

TEST_P(in_both_ways, replaces_a_symbolic_link_not_its_target) {
  run_check([&] {
    const std::string target = directory() + "/target";
    std::ofstream(target) << "kept";
    std::filesystem::create_symlink("target", path());
    ASSERT_TRUE(written().publish().has_value());
    EXPECT_FALSE(std::filesystem::is_symlink(path()));
    EXPECT_EQ(std::filesystem::file_size(target), 4U);
  });
}

TEST_P(in_both_ways, has_exactly_the_mode) {
  for (const mode_t mode : {0755U, 0511U, 0700U, 04755U, 0U}) {
    run_check([&] {
      umask(077);
      ASSERT_TRUE(written(exits_with_7, {.mode = mode}).publish().has_value());
      struct stat status {};
      stat(path().c_str(), &status);
      EXPECT_EQ(status.st_mode & 07777U, mode);
    });
  }
}

/// In which its owner could not open it for reading. Root could.
TEST_P(in_both_ways, is_written_under_any_umask) {
  ASSERT_EQ(chmod(directory().c_str(), 0777), 0);
  run_check([&] {
    if (geteuid() == 0) {
      EXPECT_TRUE(setgid(65534) == 0 && setuid(65534) == 0);
    }
    umask(0777);
    auto file = executable_file::create(path());
    ASSERT_TRUE(file.has_value()) << file.error().message();
    EXPECT_TRUE(file->write(exits_with_7).has_value());
    EXPECT_TRUE(file->publish().has_value());
    EXPECT_EQ(run(path()), 7);
  });
}

TEST_P(in_both_ways, vanishes_unpublished) {
  run_check([&] {
    { const auto file = written(); }
    EXPECT_EQ(names(), nothing);
  });
}

/// The name and the lock are of the process that writes on.
TEST_P(in_both_ways, stays_when_a_forked_child_is_through_with_it) {
  run_check([&] {
    auto file = written("");
    EXPECT_TRUE(in_child([&] {
      const auto gone = std::move(file);
      return true;
    }));
    EXPECT_EQ(names(), meanwhile());
    const auto link = "/proc/self/fd/" + std::to_string(file.descriptor());
    unique_fd other(open(link.c_str(), O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(flock(other.get(), LOCK_EX | LOCK_NB), -1);
    EXPECT_TRUE(file.write(exits_with_7).has_value());
    other.reset();
    EXPECT_TRUE(file.publish().has_value());
    EXPECT_EQ(run(path()), 7);
  });
}

TEST_P(in_both_ways, publishes_once) {
  run_check([&] {
    auto file = written();
    ASSERT_TRUE(file.publish().has_value());
    EXPECT_EQ(file.publish().error(), system_error("publish", EBADF));
    EXPECT_EQ(file.write("x").error(), system_error("write", EBADF));
    EXPECT_EQ(file.descriptor(), -1);
  });
}

TEST_P(in_both_ways, moves) {
  run_check([&] {
    auto first = written(exits_with_8);
    auto second = std::move(first);
    // NOLINTNEXTLINE(bugprone-use-after-move,clang-analyzer-cplusplus.Move)
    EXPECT_EQ(first.publish().error(), system_error("publish", EBADF));
    first = written();
    second = std::move(first);
    ASSERT_TRUE(second.publish().has_value());
    EXPECT_EQ(run(path()), 7);
    EXPECT_EQ(names(), only_program);
  });
}

TEST_P(in_both_ways, leaves_no_descriptor) {
  run_check([&] {
    (void)clofork::features();
    const auto before = open_descriptors();
    { const auto file = written(); }
    (void)written().publish();
    (void)written().publish(); // in place of another
    EXPECT_EQ(open_descriptors(), before);
  });
}

TEST_P(in_both_ways, writers_do_not_meet) {
  run_check([&] {
    std::vector<executable_file> files;
    files.reserve(5);
    for (int number = 0; number < 5; ++number) {
      files.push_back(written());
    }
    for (auto &each : files) {
      EXPECT_TRUE(each.publish().has_value());
    }
    EXPECT_EQ(names(), only_program);
  });
}

TEST_P(in_both_ways, follows_a_directory_that_is_renamed) {
  run_check([&] {
    const std::string inner = directory() + "/inner";
    std::filesystem::create_directory(inner);
    auto file = executable_file::create(inner + "/program");
    ASSERT_TRUE(file.has_value());
    std::filesystem::rename(inner, directory() + "/renamed");
    ASSERT_TRUE(file->publish().has_value());
    EXPECT_TRUE(std::filesystem::exists(directory() + "/renamed/program"));
  });
}

/// Stages of publish() whose failure gives the file up, by the call refused.
struct failing_call {
  const char *stage;
  long number;
};

TEST_P(in_both_ways, leaves_nothing_after_an_error) {
  constexpr std::array calls{failing_call{"fchmod", SYS_fchmod},
                             failing_call{"fsync", SYS_fsync},
                             failing_call{"linkat", SYS_linkat},
                             failing_call{"renameat", SYS_renameat}};
  for (const auto &[stage, number] : calls) {
    run_check([&, stage = stage, number = number] {
      std::ofstream(path()) << "old";
      auto file = written(exits_with_7, {.sync = true});
      ASSERT_TRUE(refuse_call(number, EIO));
      const auto published = file.publish();
      if (is_named() && number == SYS_linkat) { // not called
        EXPECT_TRUE(published.has_value());
        return;
      }
      ASSERT_FALSE(published.has_value()) << stage;
      EXPECT_EQ(published.error(), system_error(stage, EIO));
      EXPECT_EQ(file.publish().error(), system_error("publish", EBADF));
      EXPECT_EQ(names(), only_program);
      EXPECT_EQ(std::filesystem::file_size(path()), 3U);
    });
  }
}

TEST_P(in_both_ways, leaves_nothing_after_an_error_of_close) {
  run_check([&] {
    auto file = written();
    refuse_call_with_value(SYS_close, 0,
                           static_cast<unsigned>(file.descriptor()), EIO);
    EXPECT_EQ(file.publish().error(), system_error("close", EIO));
    EXPECT_EQ(names(), nothing);
  });
}

TEST_P(in_both_ways, gives_up_after_an_error_of_write) {
  run_check([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{.rlim_cur = 10, .rlim_max = 10};
    setrlimit(RLIMIT_FSIZE, &small);
    auto file = executable_file::create(path());
    EXPECT_EQ(file->write(exits_with_7).error(), system_error("write", EFBIG));
    EXPECT_EQ(file->publish().error(), system_error("publish", EBADF));
    EXPECT_EQ(names(), nothing);
  });
}

TEST_P(in_both_ways, is_in_place_when_only_its_directory_is_not_synced) {
  run_check([&] {
    unique_fd lowest(open("/", O_RDONLY | O_CLOEXEC));
    auto file = written(exits_with_7, {.sync = true});
    // The number that the directory will have when it is opened for fsync.
    const auto number = static_cast<unsigned>(lowest.get());
    lowest.reset();
    ASSERT_TRUE(refuse_call_with_value(SYS_fsync, 0, number, EIO));
    EXPECT_EQ(file.publish().error(), system_error("fsync(directory)", EIO));
    EXPECT_EQ(names(), only_program);
  });
}

/// Killed at any time, a writer leaves nothing that has no name; a name is
/// left to the next.
TEST_P(in_both_ways, leaves_nothing_half_written_after_a_kill) {
  run_check([&] {
    const pid_t child = fork();
    if (child == 0) {
      const auto file = written("#!/bin/sh\nhal");
      kill(getpid(), SIGKILL);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(names(), meanwhile());
    { const auto next = written(); }
    EXPECT_EQ(names(), nothing);
  });
}

/// Wherever the kill meets it, what is at the path is whole.
TEST_P(in_both_ways, leaves_a_whole_program_whenever_it_is_killed) {
  const std::string program = exits_with_7 + std::string(100'000, '#');
  run_check([&] {
    ASSERT_TRUE(written(program.c_str()).publish().has_value());
    for (int round = 0; round < 50; ++round) {
      const pid_t child = fork();
      if (child == 0) {
        for (;;) {
          (void)written(program.c_str()).publish();
        }
      }
      std::this_thread::sleep_for(round * 100us); // to meet it elsewhere
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
      EXPECT_EQ(std::filesystem::file_size(path()), program.size());
    }
    EXPECT_EQ(run(path()), 7);
    ASSERT_TRUE(written().publish().has_value());
    EXPECT_EQ(names(), only_program);
  });
}

/// The instant in which a nameless file has a name, to replace another.
TEST_F(scratch, what_a_kill_left_before_the_rename_goes_with_the_next) {
  std::ofstream(path()) << "old";
  EXPECT_TRUE(in_child([&] {
    auto file = written();
    refuse_call(SYS_renameat, EIO);
    refuse_call(SYS_unlinkat, EIO); // as if killed in between
    return file.publish().error() == system_error("renameat", EIO);
  }));
  EXPECT_EQ(names(), (std::set<std::string>{".clofork-0", "program"}));
  ASSERT_TRUE(written().publish().has_value());
  EXPECT_EQ(names(), only_program);
}

TEST_F(scratch, only_abandoned_regular_files_are_removed) {
  const std::string fifo = directory() + "/.clofork-0";
  const std::string link = directory() + "/.clofork-1";
  mkfifo(fifo.c_str(), 0600);
  std::ofstream(directory() + "/target") << "kept";
  std::filesystem::create_symlink("target", link);
  EXPECT_TRUE(in_child([&] {
    refuse_tmpfile();
    { const auto file = written(); }
    return names() ==
           std::set<std::string>{".clofork-0", ".clofork-1", "target"};
  }));
}

class without_tmpfile : public scratch,
                        public testing::WithParamInterface<int> {};

TEST_P(without_tmpfile, has_a_name_meanwhile) {
  EXPECT_TRUE(in_child([&] {
    refuse_tmpfile(static_cast<unsigned>(GetParam()));
    auto file = written();
    return names() == std::set<std::string>{".clofork-0"} && file.publish() &&
           names() == only_program;
  }));
}

INSTANTIATE_TEST_SUITE_P(executable_file, without_tmpfile,
                         testing::Values(EOPNOTSUPP, EISDIR, EINVAL, EPERM,
                                         ENOSYS));

TEST_F(scratch, has_a_name_meanwhile_without_proc) {
  EXPECT_TRUE(in_child([&] {
    EXPECT_EQ(
        unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0);
    EXPECT_EQ(mount("none", "/proc", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(mount("none", "/proc", "tmpfs", 0, nullptr), 0);
    auto file = written();
    EXPECT_EQ(names(), std::set<std::string>{".clofork-0"});
    EXPECT_TRUE(file.publish().has_value());
    EXPECT_EQ(names(), only_program);
    return !HasFailure();
  }));
}

/// Its descriptors are not those in /proc/self/fd.
TEST_F(scratch, is_written_by_a_thread_with_a_table_of_its_own) {
  std::jthread([&] {
    ASSERT_EQ(unshare(CLONE_FILES), 0);
    auto file = written();
    EXPECT_EQ(names(), nothing);
    EXPECT_TRUE(file.publish().has_value());
  }).join();
  EXPECT_EQ(run(path()), 7);
}

TEST_F(scratch, bad_input_names_the_field) {
  for (const std::string bad : {"", "/", "/tmp/", ".", "..", "a/..", "a/."}) {
    const auto made = executable_file::create(bad);
    ASSERT_FALSE(made.has_value()) << bad;
    EXPECT_EQ(made.error(), system_error("executable_file.path", EINVAL));
  }
  EXPECT_EQ(executable_file::create(std::string("/tmp/a\0b", 8)).error(),
            system_error("executable_file.path", EINVAL));
  EXPECT_EQ(executable_file::create(path(), {.mode = 010755}).error(),
            system_error("executable_options.mode", EINVAL));
  EXPECT_EQ(executable_file::create(path(), {.patience = -1ms}).error(),
            system_error("executable_options.patience", EINVAL));
}

TEST_F(scratch, errors_of_create_are_those_of_open) {
  EXPECT_EQ(executable_file::create(directory() + "/none/program").error(),
            system_error("openat", ENOENT));
  std::ofstream(directory() + "/file") << "";
  EXPECT_EQ(executable_file::create(directory() + "/file/program").error(),
            system_error("openat", ENOTDIR));
}

TEST_F(scratch, a_name_without_directory_is_in_the_working_one) {
  EXPECT_TRUE(in_child([&] {
    return chdir(directory().c_str()) == 0 &&
           executable_file::create("program")->publish() &&
           names() == only_program;
  }));
}

TEST_F(scratch, a_directory_is_not_replaced) {
  std::filesystem::create_directory(path());
  auto file = written();
  EXPECT_EQ(file.publish().error(), system_error("renameat", EISDIR));
  EXPECT_EQ(names(), only_program);
}

TEST_F(scratch, may_be_written_by_other_means) {
  auto file = written("");
  const unique_fd from(open("/bin/true", O_RDONLY | O_CLOEXEC));
  while (sendfile(file.descriptor(), from.get(), nullptr, 1 << 20) > 0) {
  }
  ASSERT_TRUE(file.publish().has_value());
  EXPECT_EQ(run(path()), 0);
}

} // namespace
