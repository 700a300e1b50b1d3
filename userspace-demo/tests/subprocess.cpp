// SPDX-License-Identifier: MIT
#include "subprocess.h"

#include <array>
#include <csignal>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace {

/// Memory, not a pipe: a program that is left behind keeps no reader waiting.
int make_file(const char *name) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd == -1) {
    throw std::runtime_error("memfd_create failed");
  }
  return fd;
}

std::string take_all(int fd) {
  std::string text;
  std::array<char, 4096> block{};
  lseek(fd, 0, SEEK_SET);
  for (ssize_t got = 0; (got = read(fd, block.data(), block.size())) > 0;) {
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  close(fd);
  return text;
}

} // namespace

subprocess::subprocess(const std::vector<std::string> &arguments,
                       const std::function<void()> &prepare)
    : output_fd_(make_file("output")), errors_fd_(make_file("errors")) {
  std::vector<char *> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto &each : arguments) {
    argv.push_back(const_cast<char *>(each.c_str()));
  }
  argv.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    dup2(output_fd_, STDOUT_FILENO);
    dup2(errors_fd_, STDERR_FILENO);
    prepare();
    execv(argv[0], argv.data());
    _exit(127);
  }
  if (pid_ == -1) {
    throw std::runtime_error("fork failed");
  }
}

int subprocess::wait() {
  int status = -1;
  waitpid(std::exchange(pid_, -1), &status, 0);
  output = take_all(output_fd_);
  errors = take_all(errors_fd_);
  return status;
}

subprocess::~subprocess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    wait();
  }
}
