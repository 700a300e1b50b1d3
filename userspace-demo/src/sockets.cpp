// SPDX-License-Identifier: MIT
#include "clofork/sockets.h"

#include "failure.h"
#include "make_marked.h"
#include "no_cancellation.h"

#include <cerrno>
#include <cstring>

#include "close_on_fork.h" // after the headers whose names it completes

namespace clofork {
namespace {

int with_marks(int flags, bool marked) {
  return flags | SOCK_CLOEXEC | (marked ? SOCK_CLOFORK : 0);
}

constexpr std::size_t ints(std::size_t count) {
  return count * sizeof(int);
}

/// Room for as many descriptors, behind credentials: those come first, and
/// unasked where SO_PASSCRED is set.
struct control_buffer {
  alignas(cmsghdr)
      std::array<std::byte, CMSG_SPACE(sizeof(ucred)) +
                                CMSG_SPACE(ints(max_descriptors))> space;

  static std::size_t size_for(std::size_t descriptors) {
    return CMSG_SPACE(sizeof(ucred)) + CMSG_LEN(ints(descriptors));
  }
};

/// Takes over the descriptors of a control message; those past at_most, and
/// the pidfd that comes with SO_PASSPIDFD, are closed.
void take(const cmsghdr &control, std::size_t at_most, bool marked,
          message &into) {
  constexpr int scm_pidfd = 4; // SCM_PIDFD, not in every libc
  const bool rights = control.cmsg_type == SCM_RIGHTS;
  if (control.cmsg_level != SOL_SOCKET ||
      !(rights || control.cmsg_type == scm_pidfd)) {
    return;
  }
  const unsigned char *const data = CMSG_DATA(&control);
  for (std::size_t at = 0; CMSG_LEN(at) < control.cmsg_len; at += ints(1)) {
    int fd = -1;
    std::memcpy(&fd, data + at, sizeof(fd));
    unique_fd owned(fd);
    if (rights && into.descriptors.size() < at_most) {
      into.descriptors.push_back({std::move(owned), settle_mark(fd, marked)});
    } else if (rights) {
      into.flags |= MSG_CTRUNC;
    }
  }
}

} // namespace

result<marked_fd> socket(int domain, int type, int protocol) noexcept {
  return make_marked("socket", &feature_set::socket, [&](bool marked) {
    return ::socket(domain, with_marks(type, marked), protocol);
  });
}

result<std::array<marked_fd, 2>> socketpair(int domain, int type,
                                            int protocol) noexcept {
  const bool marked = honours(&feature_set::socketpair);
  std::array<int, 2> ends{};
  if (::socketpair(domain, with_marks(type, marked), protocol, ends.data()) ==
      -1) {
    return last_error("socketpair");
  }
  return std::array<marked_fd, 2>{
      {{unique_fd(ends[0]), settle_mark(ends[0], marked)},
       {unique_fd(ends[1]), settle_mark(ends[1], marked)}}};
}

result<marked_fd> accept(int listening, int flags, ::sockaddr *address,
                         ::socklen_t *length) noexcept {
  const no_cancellation held;
  return make_marked("accept4", &feature_set::accept4, [&](bool marked) {
    return accept4(listening, address, length, with_marks(flags, marked));
  });
}

result<message> receive(int socket, std::span<std::byte> buffer,
                        std::size_t at_most, int flags) {
  if (at_most > max_descriptors) {
    return failure("receive.at_most", EINVAL);
  }
  const bool marked = honours(&feature_set::recvmsg);
  message got;
  got.descriptors.reserve(at_most); // what arrives must not meet bad_alloc
  control_buffer control;
  iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.space.data();
  header.msg_controllen = control_buffer::size_for(at_most);
  const ssize_t size =
      recvmsg(socket, &header,
              flags | MSG_CMSG_CLOEXEC | (marked ? MSG_CMSG_CLOFORK : 0));
  if (size == -1) {
    return last_error("recvmsg");
  }
  got.size = static_cast<std::size_t>(size);
  got.flags = header.msg_flags;
  for (cmsghdr *each = CMSG_FIRSTHDR(&header); each != nullptr;
       each = CMSG_NXTHDR(&header, each)) {
    take(*each, at_most, marked, got);
  }
  return got;
}

} // namespace clofork
