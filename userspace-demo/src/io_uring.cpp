// SPDX-License-Identifier: MIT
#include "clofork/marked_fd.h"
#include "failure.h"
#include "no_cancellation.h"
#include "readiness.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <liburing.h>
#include <new>
#include <unistd.h>
#include <vector>

namespace clofork {
namespace {

/// Requests and what became of them. Polls are the only ones that are under
/// way for longer than a call: no memory of a caller is ever left with the
/// kernel.
class io_uring_readiness final : public readiness {
public:
  io_uring_readiness() noexcept = default;
  io_uring_readiness(const io_uring_readiness &) = delete;
  io_uring_readiness &operator=(const io_uring_readiness &) = delete;
  ~io_uring_readiness() override;

  result<void> set_up(unsigned entries) noexcept;

  result<void> watch(int fd, short events, token told) noexcept override;
  void forget(int fd, token told) noexcept override;
  result<std::size_t> wait(std::optional<std::chrono::nanoseconds> time,
                           std::span<token> ready) noexcept override;
  void read(std::span<reading> all) noexcept override;

private:
  /// In user_data: a read, the rest being its number, or nothing to be told.
  static constexpr token of_read = token{1} << 63U;
  static constexpr token untold = ~token{0};

  result<void> try_out() noexcept;
  result<void> make_room(std::size_t most) noexcept;
  [[nodiscard]] io_uring_sqe *entry() noexcept;
  void submit(unsigned wait_for) noexcept;
  void settle(int code) noexcept;
  void reap() noexcept;
  std::size_t tell(std::span<token> ready) noexcept;

  io_uring ring_ = {};
  bool set_up_ = false;
  pid_t process_ = -1;
  int broken_ = 0;           ///< errno of a system call that failed for good
  std::size_t watched_ = 0;  ///< of which a completion is still to come
  std::vector<token> found_; ///< completions, from told_ on not yet told
  std::size_t told_ = 0;
  std::span<reading> readings_; ///< of the read() that is under way
  std::size_t unread_ = 0;      ///< of them without a completion
  bool by_itself_ = false;      ///< read(2) is called, as for epoll
};

io_uring_readiness::~io_uring_readiness() {
  // A forked child has none of the ring's memory, which leaving it would read.
  if (set_up_ && process_ == getpid()) {
    const no_cancellation held; // on some machines liburing calls close()
    io_uring_queue_exit(&ring_);
  }
}

result<void> io_uring_readiness::set_up(unsigned entries) noexcept {
  io_uring_params params{};
  int failed = -EINVAL;
  // The first two flags: Linux 5.19 and 5.18. Of those that bind the ring to
  // one thread there is none: whoever drives may change.
  for (const unsigned flags :
       {IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, 0U}) {
    params = {};
    params.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = entries * 4;
    failed = io_uring_queue_init_params(entries, &ring_, &params);
    if (failed != -EINVAL) {
      break;
    }
  }
  if (failed < 0) {
    return failure("io_uring_setup", -failed);
  }
  set_up_ = true;
  process_ = getpid();
  constexpr unsigned needed = IORING_FEAT_EXT_ARG | IORING_FEAT_NODROP;
  if ((params.features & needed) != needed) {
    return failure("io_uring_setup", ENOSYS);
  }
  if (const int kept = io_uring_ring_dontfork(&ring_); kept < 0) {
    return failure("madvise(io_uring)", -kept);
  }
  (void)mark(ring_.ring_fd); // it is close-on-exec already
  if (const auto made = make_room(entries); !made) {
    return made;
  }
  return try_out();
}

/// A filter may let a ring be made and not used.
result<void> io_uring_readiness::try_out() noexcept {
  if (io_uring_sqe *const made = entry()) {
    io_uring_prep_nop(made);
    io_uring_sqe_set_data64(made, untold);
    submit(1);
    reap();
  }
  return broken_ == 0 ? result<void>() : failure("io_uring_enter", broken_);
}

/// Room for one more request.
io_uring_sqe *io_uring_readiness::entry() noexcept {
  io_uring_sqe *made = nullptr;
  while (broken_ == 0 && (made = io_uring_get_sqe(&ring_)) == nullptr) {
    submit(0);
    reap();
  }
  return made;
}

/// What the kernel said to a submission. EBUSY and EAGAIN: when completions
/// have been reaped, it takes more.
void io_uring_readiness::settle(int code) noexcept {
  if (code < 0 && code != -EINTR && code != -EBUSY && code != -EAGAIN &&
      code != -ETIME) {
    broken_ = -code;
  }
}

void io_uring_readiness::submit(unsigned wait_for) noexcept {
  settle(io_uring_submit_and_wait(&ring_, wait_for));
}

/// For as many completions as there may be, so that none meets bad_alloc.
result<void> io_uring_readiness::make_room(std::size_t most) noexcept {
  try {
    if (most > found_.capacity()) {
      found_.reserve(2 * most);
    }
  } catch (...) {
    return failure("io_uring", ENOMEM);
  }
  return {};
}

result<void> io_uring_readiness::watch(int fd, short events,
                                       token told) noexcept {
  if (const auto made = make_room(found_.size() + watched_ + 1); !made) {
    return made;
  }
  io_uring_sqe *const made = entry();
  if (made == nullptr) {
    return failure("io_uring_enter", broken_);
  }
  io_uring_prep_poll_add(made, fd, static_cast<unsigned>(events));
  io_uring_sqe_set_data64(made, told);
  ++watched_;
  return {};
}

/// At once: until then the poll keeps the file open.
void io_uring_readiness::forget(int /*fd*/, token told) noexcept {
  if (io_uring_sqe *const made = entry()) {
    io_uring_prep_poll_remove(made, told);
    io_uring_sqe_set_data64(made, untold);
    submit(0);
  }
}

/// Takes all completions. A poll that failed, or that was cancelled as the
/// thread that began it is gone, counts as one that is ready.
void io_uring_readiness::reap() noexcept {
  std::array<io_uring_cqe *, 64> some{};
  while (const unsigned count =
             io_uring_peek_batch_cqe(&ring_, some.data(), some.size())) {
    for (const io_uring_cqe *each : std::span(some).first(count)) {
      const token data = each->user_data;
      if (data == untold) {
        continue;
      }
      if ((data & of_read) != 0) {
        readings_[data & ~of_read].done = each->res;
        --unread_;
      } else {
        found_.push_back(data); // for which watch() has made room
        --watched_;
      }
    }
    io_uring_cq_advance(&ring_, count);
  }
}

/// Of what was found, as much as there is room for.
std::size_t io_uring_readiness::tell(std::span<token> ready) noexcept {
  const auto count = std::min(ready.size(), found_.size() - told_);
  std::copy_n(found_.begin() + static_cast<std::ptrdiff_t>(told_), count,
              ready.begin());
  told_ += count;
  if (told_ == found_.size()) {
    found_.clear();
    told_ = 0;
  }
  return count;
}

result<std::size_t>
io_uring_readiness::wait(std::optional<std::chrono::nanoseconds> time,
                         std::span<token> ready) noexcept {
  using namespace std::chrono;
  if (broken_ == 0) {
    const bool found = !found_.empty();
    const auto left = found ? 0ns : time.value_or(hours(1));
    if (left <= 0ns) {
      submit(0);
    } else {
      const auto whole = duration_cast<seconds>(left);
      __kernel_timespec until{.tv_sec = whole.count(),
                              .tv_nsec = (left - whole).count()};
      io_uring_cqe *first = nullptr;
      settle(
          io_uring_submit_and_wait_timeout(&ring_, &first, 1, &until, nullptr));
    }
    reap();
  }
  if (broken_ != 0) {
    return failure("io_uring_enter", broken_);
  }
  return tell(ready);
}

/// RWF_NOWAIT makes the kernel read while it takes the request, or not at all:
/// O_NONBLOCK alone does not keep it from waiting.
void io_uring_readiness::read(std::span<reading> all) noexcept {
  readings_ = all;
  for (std::size_t number = 0; number < all.size(); ++number) {
    all[number].done = -EOPNOTSUPP;
    io_uring_sqe *const made = by_itself_ ? nullptr : entry();
    if (made != nullptr) {
      io_uring_prep_read(made, all[number].fd, all[number].data,
                         static_cast<unsigned>(all[number].size), ~0ULL);
      made->rw_flags = RWF_NOWAIT;
      io_uring_sqe_set_data64(made, of_read | number);
      ++unread_;
    }
  }
  while (unread_ > 0 && broken_ == 0) {
    submit(1);
    reap();
  }
  readings_ = {};
  for (auto &each : all) {
    if (each.done == -EOPNOTSUPP) { // of a pipe: before Linux 6.4
      by_itself_ = true;
      read_now(each);
    }
  }
}

} // namespace

result<std::unique_ptr<readiness>> make_io_uring(unsigned entries) noexcept {
  std::unique_ptr<io_uring_readiness> made(new (std::nothrow)
                                               io_uring_readiness);
  if (!made) {
    return failure("io_uring", ENOMEM);
  }
  if (const auto set_up = made->set_up(entries); !set_up) {
    return set_up.error();
  }
  return std::unique_ptr<readiness>(std::move(made));
}

} // namespace clofork
