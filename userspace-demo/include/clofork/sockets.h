// SPDX-License-Identifier: MIT
/// \file
/// Sockets, and what comes through them, marked as in descriptors.h. All are
/// thread-safe, and receive() alone is a cancellation point. Errors are those
/// of the system call, whose name is the stage; EINTR is one of them.
#pragma once

#include "clofork/export.h"
#include "clofork/marked_fd.h"

#include <array>
#include <cstddef>
#include <span>
#include <sys/socket.h>
#include <vector>

namespace clofork {

/// socket(2).
CLOFORK_EXPORT result<marked_fd> socket(int domain, int type,
                                        int protocol = 0) noexcept;

/// socketpair(2). Both are marked alike.
CLOFORK_EXPORT result<std::array<marked_fd, 2>>
socketpair(int domain, int type, int protocol = 0) noexcept;

/// accept4(2). What the listening socket is marked does not matter. A thread
/// that waits here is not cancelled before it returns.
CLOFORK_EXPORT result<marked_fd> accept(int listening, int flags = 0,
                                        ::sockaddr *address = nullptr,
                                        ::socklen_t *length = nullptr) noexcept;

/// What one recvmsg(2) brought.
struct message {
  std::size_t size = 0; ///< bytes in the buffer; 0 at the end of a stream
  std::vector<marked_fd> descriptors;
  /// MSG_TRUNC: the buffer was too small. MSG_CTRUNC: descriptors were lost,
  /// because more came than were asked for or the process may have.
  int flags = 0;
};

/// Most descriptors in a message: SCM_MAX_FD of Linux.
constexpr std::size_t max_descriptors = 253;

/// recvmsg(2) with the descriptors of SCM_RIGHTS, at most so many. Control
/// messages of other kinds are dropped. Errors besides those of recvmsg:
/// EINVAL with the stage "receive.at_most". Throws std::bad_alloc, before
/// anything is received. A cancellation point, as recvmsg(2) is.
CLOFORK_EXPORT result<message> receive(int socket, std::span<std::byte> buffer,
                                       std::size_t at_most = 1, int flags = 0);

} // namespace clofork
