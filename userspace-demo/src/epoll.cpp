// SPDX-License-Identifier: MIT
#include "clofork/descriptors.h"
#include "failure.h"
#include "readiness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <new>
#include <sys/epoll.h>
#include <utility>

namespace clofork {
namespace {

/// Rounded up: the time must be over when the call is. -1: without an end.
int milliseconds_of(std::optional<std::chrono::nanoseconds> time) noexcept {
  using std::chrono::milliseconds;
  if (!time) {
    return -1;
  }
  const auto up = std::chrono::ceil<milliseconds>(*time).count();
  return static_cast<int>(std::clamp<milliseconds::rep>(up, 0, INT_MAX));
}

class epoll_readiness final : public readiness {
public:
  explicit epoll_readiness(unique_fd made) noexcept : epoll_(std::move(made)) {}

  // The bits of poll(2) are epoll's too.
  result<void> watch(int fd, short events, token told) noexcept override {
    epoll_event event{.events = static_cast<std::uint32_t>(events) |
                                std::uint32_t{EPOLLONESHOT},
                      .data = {.u64 = told}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0 ||
        (errno == ENOENT &&
         epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0)) {
      return {};
    }
    return last_error("epoll_ctl");
  }

  void forget(int fd, token /*told*/) noexcept override {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  result<std::size_t> wait(std::optional<std::chrono::nanoseconds> time,
                           std::span<token> ready) noexcept override {
    std::array<epoll_event, 256> events{};
    const auto most = std::min(ready.size(), events.size());
    const int count =
        epoll_pwait(epoll_.get(), events.data(), static_cast<int>(most),
                    milliseconds_of(time), nullptr);
    if (count == -1 && errno != EINTR) {
      return last_error("epoll_wait");
    }
    const auto told = static_cast<std::size_t>(std::max(count, 0));
    for (std::size_t each = 0; each < told; ++each) {
      ready[each] = events.at(each).data.u64;
    }
    return told;
  }

  void read(std::span<reading> all) noexcept override {
    for (auto &each : all) {
      read_now(each);
    }
  }

private:
  unique_fd epoll_;
};

} // namespace

result<std::unique_ptr<readiness>> make_epoll() noexcept {
  auto made = epoll();
  if (!made) {
    return made.error();
  }
  std::unique_ptr<readiness> ready(new (std::nothrow)
                                       epoll_readiness(std::move(made->fd)));
  if (!ready) {
    return failure("epoll", ENOMEM);
  }
  return ready;
}

} // namespace clofork
