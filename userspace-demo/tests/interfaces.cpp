// SPDX-License-Identifier: MIT
#include "interfaces.h"

#include "clofork/descriptors.h"
#include "clofork/sockets.h"
#include "seccomp_filter.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "close_on_fork.h" // after the headers whose names it completes

namespace {

using clofork::feature_set;
using clofork::marked_fd;
using clofork::result;
using clofork::unique_fd;

constexpr unsigned clofork_bit = O_CLOFORK;

unique_fd open_root() {
  return unique_fd(open("/", O_RDONLY | O_CLOEXEC));
}

unique_fd make_by_setfd() {
  unique_fd root = open_root();
  const bool set = fcntl(root.get(), F_SETFD, FD_CLOEXEC | FD_CLOFORK) == 0;
  return set ? std::move(root) : unique_fd();
}

unique_fd make_by_open() {
  return unique_fd(open("/", O_RDONLY | O_CLOEXEC | O_CLOFORK));
}

unique_fd make_by_openat2() {
  open_how how{};
  how.flags = O_CLOEXEC | O_CLOFORK;
  return unique_fd(
      static_cast<int>(syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how))));
}

unique_fd make_by_dupfd() {
  return unique_fd(fcntl(open_root().get(), F_DUPFD_CLOFORK, 0));
}

unique_fd make_by_dup3() {
  unique_fd target = open_root();
  const unique_fd root = open_root();
  const bool made = dup3(root.get(), target.get(), O_CLOFORK) != -1;
  return made ? std::move(target) : unique_fd();
}

unique_fd make_by_pipe2() {
  std::array<int, 2> ends{-1, -1};
  (void)pipe2(ends.data(), O_CLOEXEC | O_CLOFORK);
  const unique_fd reading(ends[0]);
  return unique_fd(ends[1]);
}

unique_fd make_by_socket() {
  return unique_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOFORK, 0));
}

unique_fd make_by_socketpair() {
  std::array<int, 2> ends{-1, -1};
  (void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOFORK, 0, ends.data());
  const unique_fd first(ends[0]);
  return unique_fd(ends[1]);
}

/// Accepts a connection, in this process and the kernel's abstract names.
template <class Accept>
auto accept_one(Accept accept) {
  const unique_fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const unique_fd caller(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  auto *const name = reinterpret_cast<sockaddr *>(&address);
  socklen_t length = sizeof(sa_family_t); // the kernel finds a name
  (void)bind(listening.get(), name, length);
  (void)listen(listening.get(), 1);
  length = sizeof(address);
  (void)getsockname(listening.get(), name, &length);
  (void)connect(caller.get(), name, length);
  return accept(listening.get());
}

unique_fd make_by_accept4() {
  return accept_one([](int listening) {
    return unique_fd(accept4(listening, nullptr, nullptr, SOCK_CLOFORK));
  });
}

/// Receives a descriptor that was sent to itself.
template <class Receive>
auto receive_one(Receive receive) {
  std::array<int, 2> ends{-1, -1};
  (void)socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data());
  const unique_fd from(ends[0]);
  const unique_fd to(ends[1]);
  (void)send_descriptors(from.get(), std::array{from.get()});
  return receive(to.get());
}

unique_fd make_by_recvmsg() {
  return receive_one([](int socket) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    int fd = -1;
    if (recvmsg(socket, &header, MSG_CMSG_CLOFORK) != -1 &&
        CMSG_FIRSTHDR(&header) != nullptr) {
      std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(fd));
    }
    return unique_fd(fd);
  });
}

unique_fd make_by_close_range() {
  unique_fd root = open_root();
  const auto number = static_cast<unsigned>(root.get());
  return syscall(SYS_close_range, number, number, CLOSE_RANGE_CLOFORK) == 0
             ? std::move(root)
             : unique_fd();
}

unique_fd make_by_io_uring() {
  io_uring ring{};
  if (io_uring_queue_init(1, &ring, 0) != 0) {
    return {};
  }
  io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, "/",
                       O_RDONLY | O_CLOEXEC | O_CLOFORK, 0);
  io_uring_cqe *completion = nullptr;
  unique_fd made;
  if (io_uring_submit_and_wait(&ring, 1) == 1 &&
      io_uring_peek_cqe(&ring, &completion) == 0) {
    made.reset(completion->res);
  }
  io_uring_queue_exit(&ring);
  return made;
}

result<marked_fd> openat2_by_library() {
  const open_how how{};
  return clofork::openat2(AT_FDCWD, "/", how);
}

result<marked_fd> pipe_by_library() {
  auto ends = clofork::pipe();
  if (!ends) {
    return ends.error();
  }
  return std::move(ends->writing);
}

result<marked_fd> socketpair_by_library() {
  auto ends = clofork::socketpair(AF_UNIX, SOCK_STREAM);
  if (!ends) {
    return ends.error();
  }
  return std::move((*ends)[1]);
}

result<marked_fd> receive_by_library() {
  return receive_one([](int socket) -> result<marked_fd> {
    std::array<std::byte, 1> byte{};
    auto message = clofork::receive(socket, byte);
    if (!message) {
      return message.error();
    }
    return std::move(message->descriptors.at(0));
  });
}

constexpr std::array all{
    kernel_interface{"setfd", &feature_set::setfd, make_by_setfd,
                     [](unsigned code) { return refuse_setfd_clofork(code); },
                     nullptr},
    kernel_interface{"open", &feature_set::open, make_by_open,
                     [](unsigned code) { return refuse_open_clofork(code); },
                     [] { return clofork::open("/", O_RDONLY); }},
    kernel_interface{
        "openat2", &feature_set::openat2, make_by_openat2,
        [](unsigned code) { return refuse_call(SYS_openat2, code); },
        openat2_by_library},
    kernel_interface{"dupfd", &feature_set::dupfd, make_by_dupfd,
                     [](unsigned code) { return refuse_dupfd_clofork(code); },
                     [] { return clofork::dup(open_root().get()); }},
    kernel_interface{"dup3", &feature_set::dup3, make_by_dup3,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_dup3, 2, clofork_bit,
                                                    code);
                     },
                     nullptr},
    kernel_interface{"pipe2", &feature_set::pipe2, make_by_pipe2,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_pipe2, 1, clofork_bit,
                                                    code);
                     },
                     pipe_by_library},
    kernel_interface{"socket", &feature_set::socket, make_by_socket,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_socket, 1, clofork_bit,
                                                    code);
                     },
                     [] { return clofork::socket(AF_UNIX, SOCK_STREAM); }},
    kernel_interface{"socketpair", &feature_set::socketpair, make_by_socketpair,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_socketpair, 1,
                                                    clofork_bit, code);
                     },
                     socketpair_by_library},
    kernel_interface{"accept4", &feature_set::accept4, make_by_accept4,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_accept4, 3, clofork_bit,
                                                    code);
                     },
                     [] {
                       return accept_one([](int listening) {
                         return clofork::accept(listening);
                       });
                     }},
    kernel_interface{"recvmsg", &feature_set::recvmsg, make_by_recvmsg,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_recvmsg, 2,
                                                    MSG_CMSG_CLOFORK, code);
                     },
                     receive_by_library},
    kernel_interface{
        "memfd_create", &feature_set::memfd_create,
        [] { return unique_fd(memfd_create("test", MFD_CLOFORK)); },
        [](unsigned code) {
          return refuse_call_with_bits(SYS_memfd_create, 1, MFD_CLOFORK, code);
        },
        [] { return clofork::memfd("test"); }},
    kernel_interface{"eventfd2", &feature_set::eventfd2,
                     [] { return unique_fd(eventfd(0, EFD_CLOFORK)); },
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_eventfd2, 1,
                                                    clofork_bit, code);
                     },
                     [] { return clofork::eventfd(0); }},
    kernel_interface{"epoll_create1", &feature_set::epoll_create1,
                     [] { return unique_fd(epoll_create1(EPOLL_CLOFORK)); },
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_epoll_create1, 0,
                                                    clofork_bit, code);
                     },
                     [] { return clofork::epoll(); }},
    kernel_interface{
        "timerfd_create", &feature_set::timerfd_create,
        [] { return unique_fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOFORK)); },
        [](unsigned code) {
          return refuse_call_with_bits(SYS_timerfd_create, 1, clofork_bit,
                                       code);
        },
        [] { return clofork::timerfd(CLOCK_MONOTONIC); }},
    kernel_interface{"close_range", &feature_set::close_range,
                     make_by_close_range,
                     [](unsigned code) {
                       return refuse_call_with_bits(SYS_close_range, 2,
                                                    CLOSE_RANGE_CLOFORK, code);
                     },
                     nullptr},
    kernel_interface{
        "io_uring", &feature_set::io_uring, make_by_io_uring,
        [](unsigned code) { return refuse_call(SYS_io_uring_setup, code); },
        nullptr},
};

} // namespace

std::span<const kernel_interface> kernel_interfaces() {
  return all;
}

std::ostream &operator<<(std::ostream &out, const kernel_interface &each) {
  return out << each.name;
}

bool send_descriptors(int socket, std::span<const int> fds) {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(64 * sizeof(int))>
      control{};
  char byte = 0;
  iovec data{.iov_base = &byte, .iov_len = 1};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr *const rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
  return sendmsg(socket, &header, MSG_NOSIGNAL) == 1;
}
