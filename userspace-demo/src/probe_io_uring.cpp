// SPDX-License-Identifier: MIT
// One request on a ring of one entry: too little to depend on liburing for.
#include "probe_io_uring.h"

#include "close_on_fork.h"
#include "failure.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace clofork {
namespace {

/// Memory shared with the kernel for as long as the object lives.
class mapping {
public:
  mapping(int fd, std::size_t size, off_t offset) noexcept
      : base_(mmap(nullptr, size, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_POPULATE, fd, offset)),
        size_(size) {}
  mapping(const mapping &) = delete;
  mapping &operator=(const mapping &) = delete;
  ~mapping() {
    if (*this) {
      munmap(base_, size_);
    }
  }

  explicit operator bool() const noexcept { return base_ != MAP_FAILED; }

  template <class T>
  [[nodiscard]] T &at(std::size_t offset) const noexcept {
    return *reinterpret_cast<T *>(static_cast<std::byte *>(base_) + offset);
  }

private:
  void *base_;
  std::size_t size_;
};

std::size_t size_of_queues(const io_uring_params &params) noexcept {
  return std::max(params.sq_off.array + params.sq_entries * sizeof(unsigned),
                  params.cq_off.cqes +
                      params.cq_entries * sizeof(io_uring_cqe));
}

int enter(int ring, unsigned submit) noexcept {
  return static_cast<int>(syscall(SYS_io_uring_enter, ring, submit, 1,
                                  IORING_ENTER_GETEVENTS, nullptr, 0));
}

/// Hands the entry over and waits for its completion: the result, an errno
/// in the negative.
int run(int ring, const io_uring_params &params, const mapping &queues) {
  const std::atomic_ref submitted(queues.at<unsigned>(params.sq_off.tail));
  const std::atomic_ref completed(queues.at<unsigned>(params.cq_off.tail));
  queues.at<unsigned>(params.sq_off.array) = 0;
  submitted.store(1, std::memory_order_release);
  unsigned left = 1;
  while (completed.load(std::memory_order_acquire) == 0) {
    const int taken = enter(ring, left);
    if (taken == -1 && errno != EINTR) {
      return -errno;
    }
    left -= taken > 0 ? 1 : 0;
  }
  return queues.at<io_uring_cqe>(params.cq_off.cqes).res;
}

} // namespace

result<unique_fd> open_root_by_io_uring() noexcept {
  io_uring_params params{};
  const unique_fd ring(
      static_cast<int>(syscall(SYS_io_uring_setup, 1, &params)));
  if (!ring) {
    return last_error("io_uring_setup");
  }
  if ((params.features & IORING_FEAT_SINGLE_MMAP) == 0) {
    return failure("io_uring_setup", ENOSYS);
  }
  const mapping queues(ring.get(), size_of_queues(params), IORING_OFF_SQ_RING);
  const mapping entries(ring.get(), sizeof(io_uring_sqe), IORING_OFF_SQES);
  if (!queues || !entries) {
    return last_error("mmap(io_uring)");
  }
  auto &entry = entries.at<io_uring_sqe>(0);
  entry.opcode = IORING_OP_OPENAT;
  entry.fd = AT_FDCWD;
  entry.addr = reinterpret_cast<std::uintptr_t>("/");
  entry.open_flags = O_PATH | O_CLOEXEC | O_CLOFORK;
  const int made = run(ring.get(), params, queues);
  if (made < 0) {
    return failure("io_uring_enter", -made);
  }
  return unique_fd(made);
}

} // namespace clofork
