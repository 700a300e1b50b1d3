// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/executable_file.h"
#include "in_child.h"
#include "scratch_directory.h"
#include "seccomp_filter.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

inline constexpr const char *exits_with_7 = "#!/bin/sh\nexit 7\n";

inline clofork::error system_error(const char *stage, int code) {
  return {stage, {code, std::system_category()}};
}

/// What run() returns for a program that could not be run.
inline constexpr int is_busy = 126;
inline constexpr int is_unusable = 127;

/// The exit status of the program.
inline int run(const std::string &path) {
  const pid_t child = fork();
  if (child == 0) {
    execl(path.c_str(), path.c_str(), nullptr);
    _exit(errno == ETXTBSY ? is_busy : is_unusable);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A directory of its own for each test.
class scratch : public testing::Test {
protected:
  [[nodiscard]] const std::string &directory() const { return scratch_.path(); }
  [[nodiscard]] std::string path() const { return directory() + "/program"; }

  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto &each : std::filesystem::directory_iterator(directory())) {
      found.insert(each.path().filename());
    }
    return found;
  }

  /// Written, not published.
  [[nodiscard]] clofork::executable_file
  written(const char *program = exits_with_7,
          const clofork::executable_options &opts = {}) const {
    auto made = clofork::executable_file::create(path(), opts);
    EXPECT_TRUE(made.has_value()) << made.error().message();
    EXPECT_TRUE(made->write(program).has_value());
    return std::move(*made);
  }

  void TearDown() override {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
  }

private:
  clofork::demo::scratch_directory scratch_ = std::move(
      *clofork::demo::scratch_directory::create(clofork::demo::find_tmpfs()));
};

inline const std::set<std::string> nothing;
inline const std::set<std::string> only_program{"program"};

inline bool refuse_tmpfile(unsigned code = EOPNOTSUPP) {
  return refuse_call_with_bits(SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY, code);
}

/// With O_TMPFILE, and with names instead. In a child, as the filter stays.
class in_both_ways : public scratch,
                     public testing::WithParamInterface<const char *> {
protected:
  template <class Body>
  void run_check(Body body) {
    EXPECT_TRUE(in_child([&] {
      EXPECT_TRUE(!is_named() || refuse_tmpfile());
      body();
      return !HasFailure();
    }));
  }

  [[nodiscard]] static bool is_named() {
    return std::string_view(GetParam()) == "named";
  }

  [[nodiscard]] static std::set<std::string> meanwhile() {
    return is_named() ? std::set<std::string>{".clofork-0"} : nothing;
  }
};
