// SPDX-License-Identifier: MIT
#include "run_program.h"

#include "clofork/unique_fd.h"
#include "options.h"
#include "scratch_directory.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace clofork::demo;
using clofork::unique_fd;
namespace demo = clofork::demo;

/// A program on disk and a place for the errno of its exec.
class run_program : public testing::TestWithParam<spawn_method> {
protected:
  /// Returns the descriptor that the program was written through.
  unique_fd write(std::string_view image, mode_t mode = 0700) {
    unlink(path_.c_str());
    unique_fd file(
        open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    EXPECT_EQ(::write(file.get(), image.data(), image.size()),
              static_cast<ssize_t>(image.size()));
    return file;
  }

  clofork::result<bool> run() {
    return demo::run_program(GetParam(), path_.c_str(), errnos_[0]);
  }

  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  }

private:
  scratch_directory scratch_ =
      std::move(*scratch_directory::create(find_tmpfs()));
  std::string path_ = scratch_.path() + "/program";
  exec_errors errnos_ = std::move(*exec_errors::create(1));
};

TEST_P(run_program, both_programs_succeed) {
  for (const auto which : {program::static_elf, program::script}) {
    EXPECT_FALSE(write(image_of(which)).close());
    const auto busy = run();
    ASSERT_TRUE(busy.has_value()) << busy.error().message();
    EXPECT_FALSE(*busy);
  }
}

TEST_P(run_program, an_open_writer_makes_both_programs_busy) {
  for (const auto which : {program::static_elf, program::script}) {
    const unique_fd writer = write(image_of(which));
    const auto busy = run();
    ASSERT_TRUE(busy.has_value()) << busy.error().message();
    EXPECT_TRUE(*busy);
  }
}

TEST_P(run_program, a_failure_is_forgotten_by_the_next_run) {
  unique_fd writer = write(image_of(program::static_elf));
  ASSERT_TRUE(*run());
  ASSERT_FALSE(writer.close());
  EXPECT_FALSE(*run());
}

TEST_P(run_program, another_errno_of_exec_is_an_error) {
  EXPECT_FALSE(write("#!/bin/sh\n", 0600).close());
  const auto busy = run();
  ASSERT_FALSE(busy.has_value());
  EXPECT_EQ(busy.error().code, std::errc::permission_denied);
  EXPECT_STREQ(busy.error().stage, GetParam() == spawn_method::posix_spawn
                                       ? "posix_spawn"
                                       : "execve");
}

TEST_P(run_program, a_program_that_fails_is_an_error) {
  // 127 is also what a child ends with whose exec has failed.
  for (const char *ending : {"exit 1", "exit 127", "kill -KILL $$"}) {
    EXPECT_FALSE(write("#!/bin/sh\n" + std::string(ending) + "\n").close());
    const auto busy = run();
    ASSERT_FALSE(busy.has_value()) << ending;
    EXPECT_EQ(busy.error().message(), "the program did not exit with 0");
  }
}

INSTANTIATE_TEST_SUITE_P(spawn, run_program,
                         testing::Values(spawn_method::fork,
                                         spawn_method::vfork,
                                         spawn_method::posix_spawn),
                         [](const auto &info) {
                           return std::string(name_of(info.param));
                         });

TEST(scratch_directory, is_removed_with_all_that_is_in_it) {
  std::string path;
  {
    const auto scratch = scratch_directory::create(find_tmpfs());
    ASSERT_TRUE(scratch.has_value());
    path = scratch->path();
    const unique_fd left(open((path + "/left").c_str(), O_CREAT, 0600));
    ASSERT_TRUE(std::filesystem::exists(path + "/left"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

} // namespace
