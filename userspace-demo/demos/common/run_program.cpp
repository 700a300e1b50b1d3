// SPDX-License-Identifier: MIT
#include "run_program.h"

#include <array>
#include <cerrno>
#include <new>
#include <span>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace clofork::demo {
namespace {

using arguments = std::array<char *, 2>;
constexpr arguments no_environment{};

arguments arguments_for(const char *path) noexcept {
  return {const_cast<char *>(path), nullptr};
}

/// The child's whole path: async-signal-safe, and fit for vfork, where it
/// runs on the parent's memory.
[[noreturn]] void exec_in_child(const char *path, const arguments &argv,
                                std::atomic<int> &exec_errno) noexcept {
  execve(path, argv.data(), no_environment.data());
  exec_errno.store(errno, std::memory_order_relaxed);
  _exit(127);
}

/// The status of the child, which is gone afterwards.
result<int> wait_for(pid_t child) noexcept {
  int status = 0;
  while (waitpid(child, &status, 0) == -1) {
    if (errno != EINTR) {
      return last_error("waitpid");
    }
  }
  return status;
}

/// What run_program() returns for the errno of an exec.
result<bool> is_busy(const char *stage, int exec_errno) noexcept {
  if (exec_errno == 0 || exec_errno == ETXTBSY) {
    return exec_errno != 0;
  }
  return error{stage, {exec_errno, std::system_category()}};
}

result<bool> run_with_vfork(const char *path, const arguments &argv,
                            std::atomic<int> &exec_errno) noexcept {
  // One of the three ways that are compared. What the analyzer looks for, a
  // child that does more than exec or _exit, is kept out of exec_in_child.
  // NOLINTBEGIN(clang-analyzer-*.vfork,clang-analyzer-unix.Vfork)
  const pid_t child = vfork();
  if (child == 0) {
    exec_in_child(path, argv, exec_errno);
  }
  // NOLINTEND(clang-analyzer-*.vfork,clang-analyzer-unix.Vfork)
  return child > 0 ? finish_program(child, exec_errno) : last_error("vfork");
}

result<bool> run_with_posix_spawn(const char *path, const arguments &argv,
                                  std::atomic<int> &exec_errno) noexcept {
  pid_t child = 0;
  const int failed = posix_spawn(&child, path, nullptr, nullptr, argv.data(),
                                 no_environment.data());
  return failed == 0 ? finish_program(child, exec_errno)
                     : is_busy("posix_spawn", failed);
}

} // namespace

result<exec_errors> exec_errors::create(std::size_t count) {
  void *memory = mmap(nullptr, count * sizeof(slot), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return last_error("mmap");
  }
  auto *slots = static_cast<slot *>(memory);
  for (std::size_t index = 0; index < count; ++index) {
    new (&slots[index]) slot{0};
  }
  return exec_errors(slots, count);
}

exec_errors::exec_errors(exec_errors &&other) noexcept
    : slots_(std::exchange(other.slots_, nullptr)), count_(other.count_) {}

exec_errors::~exec_errors() {
  if (slots_ != nullptr) {
    munmap(slots_, count_ * sizeof(slot));
  }
}

result<pid_t> start_program(const char *path, std::atomic<int> &exec_errno,
                            const std::function<void()> &before_exec) noexcept {
  exec_errno.store(0, std::memory_order_relaxed);
  const arguments argv = arguments_for(path);
  const pid_t child = fork();
  if (child == 0) {
    before_exec();
    exec_in_child(path, argv, exec_errno);
  }
  return child > 0 ? result<pid_t>(child) : last_error("fork");
}

result<bool> finish_program(pid_t child,
                            std::atomic<int> &exec_errno) noexcept {
  const auto status = wait_for(child);
  if (!status) {
    return status.error();
  }
  const int failed = exec_errno.load(std::memory_order_relaxed);
  if (failed == 0 && *status != 0) {
    return error{"the program did not exit with 0", {}};
  }
  return is_busy("execve", failed);
}

result<bool> run_program(spawn_method method, const char *path,
                         std::atomic<int> &exec_errno) noexcept {
  exec_errno.store(0, std::memory_order_relaxed);
  const arguments argv = arguments_for(path);
  switch (method) {
  case spawn_method::vfork:
    return run_with_vfork(path, argv, exec_errno);
  case spawn_method::posix_spawn:
    return run_with_posix_spawn(path, argv, exec_errno);
  case spawn_method::fork:
    break;
  }
  const auto child = start_program(path, exec_errno, [] {});
  return child ? finish_program(*child, exec_errno) : child.error();
}

} // namespace clofork::demo
