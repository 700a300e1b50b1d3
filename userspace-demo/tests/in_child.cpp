// SPDX-License-Identifier: MIT
#include "in_child.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

bool in_child(const std::function<bool()> &check) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(check() ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void in_fresh_process(const std::function<bool()> &check) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(_exit(check() ? 0 : 1), testing::ExitedWithCode(0), "");
}

bool child_lacks(int fd) {
  return fd != -1 &&
         in_child([fd] { return fcntl(fd, F_GETFD) == -1 && errno == EBADF; });
}

long open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                       {});
}
