// SPDX-License-Identifier: MIT
// The strategies that take more than a few lines.
#pragma once

#include "group_lock.h"
#include "strategy.h"

#include <functional>
#include <mutex>
#include <sys/types.h>

namespace clofork::demo {

/// Tries again after ETXTBSY, for about a second in all.
class retry : public strategy {
public:
  result<bool> run(const std::string &path,
                   std::atomic<int> &exec_errno) override;
};

/// The child closes what it inherited before it executes, so as to hold it for
/// less time than until its exec is done.
class close_in_child : public strategy {
public:
  /// close_all closes every descriptor from 3 on; async-signal-safe.
  explicit close_in_child(std::function<void()> close_all)
      : close_all_(std::move(close_all)) {}

  result<bool> run(const std::string &path,
                   std::atomic<int> &exec_errno) override;

private:
  const std::function<void()> close_all_;
};

/// Forks and closes take turns. A fork is over when its child has closed what
/// it inherited and has let go of a pipe, so that no exec is waited for.
class fork_close_lock : public strategy {
public:
  result<bool> run(const std::string &path,
                   std::atomic<int> &exec_errno) override;
  std::error_code close(unique_fd &descriptor) noexcept override;

private:
  result<pid_t> start(const std::string &path, std::atomic<int> &exec_errno);

  group_lock lock_;
};

/// One fork at a time, the next when the status pipe of the one before is at
/// its end, which its exec brings about: no other child is left then.
class status_pipe : public strategy {
public:
  result<bool> run(const std::string &path,
                   std::atomic<int> &exec_errno) override;

private:
  result<pid_t> start(const std::string &path, std::atomic<int> &exec_errno);

  std::mutex forking_;
};

/// An exclusive flock() on what is written to, which each child that inherits
/// it keeps up: once a shared one is granted, there is none any more.
class flock_drain : public strategy {
public:
  result<void> write(const std::string &path) override;
};

/// executable_file and spawn() of this library.
class library : public strategy {
public:
  result<void> write(const std::string &path) override;
  result<bool> run(const std::string &path,
                   std::atomic<int> &exec_errno) override;
};

} // namespace clofork::demo
