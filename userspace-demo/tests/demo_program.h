// SPDX-License-Identifier: MIT
#pragma once

#include "subprocess.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

/// A demonstration as a program, in a directory of its own for each test,
/// which must be empty in the end.
class demo_program : public testing::Test {
protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "demo_program.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    // Children that the program leaves behind come to us.
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  }

  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(directory_)) << "a file is left";
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a child is left";
    std::filesystem::remove_all(directory_);
  }

  [[nodiscard]] const std::string &directory() const { return directory_; }

  [[nodiscard]] std::vector<std::string>
  command_of(const std::string &program,
             const std::vector<std::string> &options) const {
    std::vector<std::string> words{program, "--directory", directory_};
    words.insert(words.end(), options.begin(), options.end());
    return words;
  }

  /// Until the program has put something into its directory.
  void await_start(const subprocess &program) const {
    siginfo_t end{};
    while (std::filesystem::is_empty(directory_) && end.si_pid == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      waitid(P_PID, static_cast<id_t>(program.pid()), &end,
             WEXITED | WNOHANG | WNOWAIT);
    }
    EXPECT_EQ(end.si_pid, 0) << "it ended before it began";
  }

private:
  std::string directory_;
};

/// Before exec: a write beyond 10,000 bytes fails with EFBIG.
inline void limit_file_size() {
  std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 10'000, .rlim_max = 10'000};
  setrlimit(RLIMIT_FSIZE, &small);
}

inline int exit_status(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
