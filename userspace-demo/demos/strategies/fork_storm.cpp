// SPDX-License-Identifier: MIT
#include "fork_storm.h"

#include <sys/wait.h>
#include <unistd.h>

namespace clofork::demo {

fork_storm::fork_storm(unsigned threads) {
  for (unsigned index = 0; index < threads; ++index) {
    threads_.emplace_back([this] { fork_until_stopped(); });
  }
}

void fork_storm::stop() {
  stop_ = true;
  threads_.clear();
}

void fork_storm::fork_until_stopped() {
  while (!stop_) {
    const pid_t child = fork();
    if (child == 0) {
      _exit(0);
    }
    if (child == -1 || waitpid(child, nullptr, 0) != child) {
      const std::lock_guard locked(failure_lock_);
      failure_ = last_error("fork");
      return;
    }
    ++forks_;
  }
}

} // namespace clofork::demo
