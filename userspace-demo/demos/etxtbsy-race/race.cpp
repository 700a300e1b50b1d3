// SPDX-License-Identifier: MIT
#include "race.h"

#include "clofork/unique_fd.h"
#include "close_on_fork.h"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace clofork::etxtbsy_race {

std::optional<error> race::write_program(const char *path) const {
  const int mark = options_.mark == descriptors::clofork ? O_CLOFORK : 0;
  unique_fd file(
      open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | mark, 0700));
  if (!file) {
    return last_error("open");
  }
  for (auto left = image_; !left.empty();) {
    const ssize_t written = write(file.get(), left.data(), left.size());
    if (written == -1) {
      return last_error("write");
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  if (const auto failed = file.close()) {
    return error{"close", failed};
  }
  return std::nullopt;
}

/// One round: true when it ended in ETXTBSY.
result<bool> race::play(const std::string &path,
                        std::atomic<int> &exec_errno) const {
  if (const auto failed = write_program(path.c_str())) {
    return *failed;
  }
  auto busy = run_program(options_.spawn, path.c_str(), exec_errno);
  if (busy && unlink(path.c_str()) == -1) {
    return last_error("unlink");
  }
  return busy;
}

void race::work(std::atomic<int> &exec_errno) noexcept {
  while (!stop_) {
    const auto number = next_++;
    if (number >= options_.rounds) {
      break;
    }
    const auto busy =
        play(directory_ + '/' + std::to_string(number), exec_errno);
    if (!busy) {
      fail(busy.error());
      break;
    }
    busy_ += *busy ? 1 : 0;
    ++rounds_;
  }
  if (--working_ == 0) {
    signals_.wake();
  }
}

/// The first failure counts: it may be the cause of those that follow.
void race::fail(error failure) {
  stop_ = true;
  const std::lock_guard locked(failure_lock_);
  if (!failure_) {
    failure_ = failure;
  }
}

void race::supervise(const progress &report) {
  using namespace std::chrono_literals;
  while (working_ > 0) {
    if (const auto signal = signals_.wait(200ms)) {
      signal_ = signal;
      stop_ = true;
    }
    report(rounds_, busy_);
  }
}

race_result race::run(const progress &report) {
  auto exec_errnos = exec_errors::create(options_.threads);
  if (!exec_errnos) {
    return {.failure = exec_errnos.error()};
  }
  const auto start = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> threads;
    threads.reserve(options_.threads);
    for (unsigned index = 0; index < options_.threads && !stop_; ++index) {
      ++working_;
      try {
        threads.emplace_back(
            [this, &slot = (*exec_errnos)[index]] { work(slot); });
      } catch (const std::system_error &failed) {
        --working_;
        fail({"pthread_create", failed.code()});
      }
    }
    supervise(report);
  }
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - start;
  return {.rounds = rounds_,
          .busy = busy_,
          .seconds = took.count(),
          .failure = failure_,
          .signal = signal_};
}

} // namespace clofork::etxtbsy_race
