// SPDX-License-Identifier: MIT
#include "clofork/features.h"

#include "clofork/unique_fd.h"
#include "no_cancellation.h"
#include "probe_io_uring.h"
#include "raw_open.h"
#include "readiness.h"

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "close_on_fork.h" // after the headers whose names it completes

namespace clofork {
namespace {

/// How a kernel, a seccomp filter or a security module (EACCES) answers what it
/// does not have, or not for this process.
bool means_absent(int code) {
  return code == EINVAL || code == EPERM || code == EACCES || code == ENOSYS ||
         code == EAFNOSUPPORT;
}

/// False for an error that means absence, the error itself for any other.
result<bool> absent_or_error(const error &failure) {
  if (means_absent(failure.code.value())) {
    return false;
  }
  return failure;
}

result<bool> absent_or_error(const char *stage) {
  return absent_or_error(last_error(stage));
}

/// The success of an interface proves nothing: kernels without close-on-fork
/// ignore the bit in open and F_SETFD. The mark must be there to be read.
result<bool> is_marked(int fd) {
  const int flags = fcntl(fd, F_GETFD);
  if (flags == -1) {
    return absent_or_error("fcntl(F_GETFD)");
  }
  return (flags & FD_CLOFORK) != 0;
}

/// Whether the descriptor that a call has just made, or failed to make, is
/// marked. Takes it over.
result<bool> made_marked(const char *stage, long fd) {
  const unique_fd made(static_cast<int>(fd));
  return made ? is_marked(made.get()) : absent_or_error(stage);
}

result<bool> made_marked_pair(const char *stage, int status,
                              const std::array<int, 2> &fds) {
  if (status == -1) {
    return absent_or_error(stage);
  }
  const unique_fd second(fds[1]);
  return made_marked(stage, fds[0]);
}

/// A descriptor to try things on: a pipe, as an O_PATH descriptor takes few
/// commands of fcntl, and every process may have one.
result<unique_fd> make_unmarked() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) == -1) {
    return last_error("pipe2");
  }
  const unique_fd writing(ends[1]);
  return unique_fd(ends[0]);
}

result<bool> probe_setfd() {
  const auto pipe = make_unmarked();
  if (!pipe) {
    return pipe.error();
  }
  if (fcntl(pipe->get(), F_SETFD, FD_CLOEXEC | FD_CLOFORK) == -1) {
    return absent_or_error("fcntl(F_SETFD)");
  }
  return is_marked(pipe->get());
}

result<bool> probe_open() {
  return made_marked("open(/)", raw_openat(AT_FDCWD, "/", O_PATH | O_CLOFORK));
}

result<bool> probe_openat2() {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC | O_CLOFORK;
  return made_marked("openat2(/)",
                     syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how)));
}

result<bool> probe_dupfd() {
  const auto pipe = make_unmarked();
  if (!pipe) {
    return pipe.error();
  }
  return made_marked("fcntl(F_DUPFD_CLOFORK)",
                     fcntl(pipe->get(), F_DUPFD_CLOFORK, 0));
}

result<bool> probe_dup3() {
  const auto pipe = make_unmarked();
  const auto target = make_unmarked(); // its number is ours to replace
  if (!pipe || !target) {
    return pipe ? target.error() : pipe.error();
  }
  if (dup3(pipe->get(), target->get(), O_CLOEXEC | O_CLOFORK) == -1) {
    return absent_or_error("dup3");
  }
  return is_marked(target->get());
}

result<bool> probe_pipe2() {
  std::array<int, 2> ends{};
  const int status = pipe2(ends.data(), O_CLOEXEC | O_CLOFORK);
  return made_marked_pair("pipe2", status, ends);
}

result<bool> probe_socket() {
  return made_marked(
      "socket", socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_CLOFORK, 0));
}

result<bool> probe_socketpair() {
  std::array<int, 2> ends{};
  const int status = socketpair(
      AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_CLOFORK, 0, ends.data());
  return made_marked_pair("socketpair", status, ends);
}

/// A socket that cannot listen: with flags that the kernel knows, accept4
/// fails with EOPNOTSUPP. Nothing has to be bound where others can see it.
result<bool> probe_accept4() {
  const unique_fd deaf(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!deaf) {
    return absent_or_error("socket");
  }
  const unique_fd none(
      accept4(deaf.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_CLOFORK));
  if (!none && errno == EOPNOTSUPP) {
    return true;
  }
  return absent_or_error("accept4");
}

/// Room for the control message that carries one descriptor.
union one_descriptor {
  cmsghdr header;
  std::array<char, CMSG_SPACE(sizeof(int))> space;
};

bool send_descriptor(int socket, int fd) {
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  one_descriptor control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
  return sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

/// -1 with errno when none came.
int receive_descriptor(int socket) {
  one_descriptor control{};
  msghdr message{};
  message.msg_control = &control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(socket, &message,
              MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_CMSG_CLOFORK) == -1) {
    return -1;
  }
  if (CMSG_FIRSTHDR(&message) == nullptr) {
    errno = EMFILE; // the only reason for the kernel to drop it
    return -1;
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
  return fd;
}

result<bool> probe_recvmsg() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) == -1) {
    return absent_or_error("socketpair");
  }
  const unique_fd from(ends[0]);
  const unique_fd to(ends[1]);
  if (!send_descriptor(from.get(), from.get())) {
    return absent_or_error("sendmsg");
  }
  return made_marked("recvmsg", receive_descriptor(to.get()));
}

result<bool> probe_memfd_create() {
  return made_marked("memfd_create",
                     memfd_create("clofork", MFD_CLOEXEC | MFD_CLOFORK));
}

result<bool> probe_eventfd2() {
  return made_marked("eventfd2", eventfd(0, EFD_CLOEXEC | EFD_CLOFORK));
}

result<bool> probe_epoll_create1() {
  return made_marked("epoll_create1",
                     epoll_create1(EPOLL_CLOEXEC | EPOLL_CLOFORK));
}

result<bool> probe_timerfd_create() {
  return made_marked(
      "timerfd_create",
      timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_CLOFORK));
}

long close_range(unsigned first, unsigned last, unsigned flags) {
  return syscall(SYS_close_range, first, last, flags);
}

result<bool> probe_close_range() {
  const auto pipe = make_unmarked();
  if (!pipe) {
    return pipe.error();
  }
  const auto number = static_cast<unsigned>(pipe->get());
  if (close_range(number, number, CLOSE_RANGE_CLOFORK) == -1) {
    return absent_or_error("close_range");
  }
  return is_marked(pipe->get());
}

/// ENOMEM: of RLIMIT_MEMLOCK, which bounds rings before Linux 5.12.
result<bool> no_io_uring(const error &failure) {
  return failure.code == std::errc::not_enough_memory
             ? result<bool>(false)
             : absent_or_error(failure);
}

result<bool> probe_io_uring() {
  const auto root = open_root_by_io_uring();
  return root ? is_marked(root->get()) : no_io_uring(root.error());
}

result<bool> has_close_range() {
  if (close_range(~0U, ~0U, 0) == -1) { // no descriptor has this number
    return absent_or_error("close_range");
  }
  return true;
}

/// clone3 that makes no child: the signal for its exit does not exist. An
/// older kernel meets the field that it does not know first: E2BIG.
int clone3_in_vain(const clone_args &wanted, std::size_t size) {
  clone_args args = wanted;
  args.exit_signal = ~0ULL;
  return syscall(SYS_clone3, &args, size) == -1 ? errno : 0;
}

result<bool> has_clone3() {
  return clone3_in_vain({}, CLONE_ARGS_SIZE_VER0) == EINVAL;
}

result<bool> has_clone_into_cgroup() {
  clone_args args{};
  args.flags = CLONE_INTO_CGROUP;
  args.cgroup = 1; // any but 0, which an older kernel would not see
  return clone3_in_vain(args, CLONE_ARGS_SIZE_VER2) == EINVAL;
}

result<bool> has_pidfd() {
  const unique_fd self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (!self ||
      syscall(SYS_pidfd_send_signal, self.get(), 0, nullptr, 0) == -1) {
    return absent_or_error("pidfd");
  }
  // Nobody is a child of its own: ECHILD where P_PIDFD is known.
  const auto wait_for = static_cast<idtype_t>(3); // P_PIDFD, not in every libc
  siginfo_t info{};
  return waitid(wait_for, static_cast<id_t>(self.get()), &info,
                WEXITED | WNOHANG) == -1 &&
         errno == ECHILD;
}

result<bool> has_io_uring() {
  const auto made = make_io_uring(2);
  return made ? result<bool>(true) : no_io_uring(made.error());
}

template <class Set>
struct question {
  bool Set::*answer;
  result<bool> (*ask)();
};

constexpr std::array close_on_fork_questions{
    question<feature_set>{&feature_set::setfd, probe_setfd},
    question<feature_set>{&feature_set::open, probe_open},
    question<feature_set>{&feature_set::openat2, probe_openat2},
    question<feature_set>{&feature_set::dupfd, probe_dupfd},
    question<feature_set>{&feature_set::dup3, probe_dup3},
    question<feature_set>{&feature_set::pipe2, probe_pipe2},
    question<feature_set>{&feature_set::socket, probe_socket},
    question<feature_set>{&feature_set::socketpair, probe_socketpair},
    question<feature_set>{&feature_set::accept4, probe_accept4},
    question<feature_set>{&feature_set::recvmsg, probe_recvmsg},
    question<feature_set>{&feature_set::memfd_create, probe_memfd_create},
    question<feature_set>{&feature_set::eventfd2, probe_eventfd2},
    question<feature_set>{&feature_set::epoll_create1, probe_epoll_create1},
    question<feature_set>{&feature_set::timerfd_create, probe_timerfd_create},
    question<feature_set>{&feature_set::close_range, probe_close_range},
    question<feature_set>{&feature_set::io_uring, probe_io_uring},
};

constexpr std::array system_call_questions{
    question<system_call_set>{&system_call_set::close_range, has_close_range},
    question<system_call_set>{&system_call_set::clone3, has_clone3},
    question<system_call_set>{&system_call_set::pidfd, has_pidfd},
    question<system_call_set>{&system_call_set::clone_into_cgroup,
                              has_clone_into_cgroup},
    question<system_call_set>{&system_call_set::io_uring, has_io_uring},
};

static_assert(sizeof(system_call_set) == system_call_questions.size());
static_assert(sizeof(feature_set) ==
              close_on_fork_questions.size() + system_call_questions.size());

template <class Set, std::size_t N>
result<void> ask_all(const std::array<question<Set>, N> &questions, Set &into) {
  for (const auto &[answer, ask] : questions) {
    const auto told = ask();
    if (!told) {
      return told.error();
    }
    into.*answer = *told;
  }
  return {};
}

/// An answer as one word, so that it is stored and read at once.
constexpr std::uint32_t known = 1U << 31;

using answers = std::array<bool, sizeof(feature_set)>;
static_assert(sizeof(feature_set) < 31);

std::uint32_t pack(const feature_set &set) {
  std::uint32_t word = known;
  std::uint32_t bit = 1;
  for (const bool each : std::bit_cast<answers>(set)) {
    word |= each ? bit : 0;
    bit <<= 1;
  }
  return word;
}

feature_set unpack(std::uint32_t word) {
  answers each{};
  for (bool &answer : each) {
    answer = (word & 1) != 0;
    word >>= 1;
  }
  return std::bit_cast<feature_set>(each);
}

} // namespace

result<feature_set> probe_features() noexcept {
  const no_cancellation held;
  feature_set set;
  if (const auto asked = ask_all(close_on_fork_questions, set); !asked) {
    return asked.error();
  }
  if (const auto asked = ask_all(system_call_questions, set.calls); !asked) {
    return asked.error();
  }
  return set;
}

result<feature_set> features() noexcept {
  // No lock: threads that come first together ask twice and agree, and a
  // child forked meanwhile cannot inherit a held lock.
  static std::atomic<std::uint32_t> cache = 0;

  if (const auto kept = cache.load(); kept != 0) {
    return unpack(kept);
  }
  const auto fresh = probe_features();
  if (fresh) {
    cache = pack(*fresh);
  }
  return fresh;
}

} // namespace clofork
