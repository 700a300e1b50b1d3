// SPDX-License-Identifier: MIT
#include "strategies.h"

#include "clofork/spawn.h"
#include "close_all.h"
#include "run_program.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>

namespace clofork::demo {
namespace {

struct pipe_ends {
  unique_fd reading;
  unique_fd writing;
};

result<pipe_ends> make_pipe() noexcept {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) == -1) {
    return last_error("pipe2");
  }
  return pipe_ends{unique_fd(ends[0]), unique_fd(ends[1])};
}

/// Until nobody has the other end any more, which is closed here.
result<void> wait_for_end(pipe_ends &pipe) noexcept {
  pipe.writing.reset();
  char byte = 0;
  ssize_t got = 0;
  while ((got = read(pipe.reading.get(), &byte, 1)) == -1 && errno == EINTR) {
  }
  return got == 0 ? result<void>() : last_error("read");
}

result<bool> finish(const result<pid_t> &started,
                    std::atomic<int> &exec_errno) {
  return started ? finish_program(*started, exec_errno) : started.error();
}

} // namespace

result<bool> retry::run(const std::string &path, std::atomic<int> &exec_errno) {
  using namespace std::chrono_literals;
  auto busy = strategy::run(path, exec_errno);
  for (auto pause = 1ms; busy && *busy && pause < 1s; pause *= 2) {
    std::this_thread::sleep_for(pause);
    busy = strategy::run(path, exec_errno);
  }
  return busy;
}

result<bool> close_in_child::run(const std::string &path,
                                 std::atomic<int> &exec_errno) {
  return finish(start_program(path.c_str(), exec_errno, close_all_),
                exec_errno);
}

result<pid_t> fork_close_lock::start(const std::string &path,
                                     std::atomic<int> &exec_errno) {
  auto pipe = make_pipe();
  if (!pipe) {
    return pipe.error();
  }
  // What one close_range() closes is given up in no certain order: the pipe
  // must be closed by a call of its own, after all else.
  const int kept = pipe->writing.get();
  auto child = start_program(path.c_str(), exec_errno, [kept] {
    syscall(SYS_close_range, STDERR_FILENO + 1, kept - 1, 0);
    close_from(kept + 1);
    ::close(kept);
  });
  if (child) {
    if (const auto ended = wait_for_end(*pipe); !ended) {
      return ended.error();
    }
  }
  return child;
}

result<bool> fork_close_lock::run(const std::string &path,
                                  std::atomic<int> &exec_errno) {
  lock_.enter(group_lock::group::forks);
  const auto child = start(path, exec_errno);
  lock_.leave();
  return finish(child, exec_errno);
}

std::error_code fork_close_lock::close(unique_fd &descriptor) noexcept {
  lock_.enter(group_lock::group::closes);
  const auto failed = descriptor.close();
  lock_.leave();
  return failed;
}

result<pid_t> status_pipe::start(const std::string &path,
                                 std::atomic<int> &exec_errno) {
  const std::lock_guard alone(forking_);
  auto pipe = make_pipe();
  if (!pipe) {
    return pipe.error();
  }
  auto child = start_program(path.c_str(), exec_errno, [] {});
  if (child) {
    if (const auto ended = wait_for_end(*pipe); !ended) {
      return ended.error();
    }
  }
  return child;
}

result<bool> status_pipe::run(const std::string &path,
                              std::atomic<int> &exec_errno) {
  return finish(start(path, exec_errno), exec_errno);
}

result<void> flock_drain::write(const std::string &path) {
  auto file = write_program(path.c_str(), image_of(program::static_elf));
  if (!file) {
    return file.error();
  }
  if (flock(file->get(), LOCK_EX) == -1) {
    return last_error("flock");
  }
  if (const auto failed = close(*file)) {
    return error{"close", failed};
  }
  const unique_fd reading(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reading) {
    return last_error("open");
  }
  return flock(reading.get(), LOCK_SH) == 0 ? result<void>()
                                            : last_error("flock");
}

result<void> library::write(const std::string &path) {
  return publish_program(path);
}

result<bool> library::run(const std::string &path,
                          std::atomic<int> & /*exec_errno*/) {
  auto child = spawn({.program = path, .arguments = {path}});
  if (!child) {
    return child.error().code == std::errc::text_file_busy ? result<bool>(true)
                                                           : child.error();
  }
  const auto status = child->wait();
  if (!status) {
    return status.error();
  }
  return status->success() ? result<bool>(false)
                           : error{"the program did not exit with 0", {}};
}

} // namespace clofork::demo
