// SPDX-License-Identifier: MIT
#include "bystander.h"

#include <algorithm>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

namespace clofork::demo {

std::optional<error> bystander::stop() {
  thread_.request_stop();
  if (thread_.joinable()) {
    thread_.join();
  }
  return failure_;
}

void bystander::watch(const std::stop_token &stopped) {
  using namespace std::chrono_literals;
  using clock = std::chrono::steady_clock;
  const sched_param first{.sched_priority = 1};
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
  while (!stopped.stop_requested()) {
    unique_fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!file) {
      failure_ = last_error("open(/dev/null)");
      return;
    }
    const auto start = clock::now();
    if (const auto failed = cure_.close(file)) {
      failure_ = error{"close", failed};
      return;
    }
    longest_ =
        std::max<std::chrono::nanoseconds>(longest_, clock::now() - start);
    std::this_thread::sleep_for(200us); // it is to see, not to compete
  }
}

} // namespace clofork::demo
