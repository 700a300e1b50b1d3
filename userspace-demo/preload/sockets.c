// SPDX-License-Identifier: MIT
#include "mark.h"
#include "next.h"

#include <sys/socket.h>
#include <time.h>

#include "close_on_fork.h" // after the headers whose names it completes

EXPORTED int socket(int domain, int type, int protocol) {
  return MARKED_FD((type & SOCK_CLOEXEC) != 0, SOCK_CLOFORK,
                   NEXT(socket)(domain, type | mark, protocol));
}

EXPORTED int socketpair(int domain, int type, int protocol, int fds[2]) {
  return MARKED_PAIR((type & SOCK_CLOEXEC) != 0, SOCK_CLOFORK, fds,
                     NEXT(socketpair)(domain, type | mark, protocol, fds));
}

// EPERM is a firewall's word on a connection that is gone: the next would be
// waited for.
EXPORTED int accept4(int listener, struct sockaddr *address, socklen_t *length,
                     int flags) {
  return MARKED((flags & SOCK_CLOEXEC) != 0, SOCK_CLOFORK,
                errno == EINVAL || errno == ENOSYS,
                NEXT(accept4)(listener, address, length, flags | mark),
                mark_late(made));
}

/* Kernels ignore what they do not know here, and so do filters. */
static int flags_with_mark(int flags) {
  return flags | mark_beside((flags & MSG_CMSG_CLOEXEC) != 0, MSG_CMSG_CLOFORK);
}

EXPORTED ssize_t recvmsg(int fd, struct msghdr *message, int flags) {
  return NEXT(recvmsg)(fd, message, flags_with_mark(flags));
}

#ifdef __GLIBC__
typedef int recvmmsg_flags;
#else
typedef unsigned recvmmsg_flags;
#endif

EXPORTED int recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                      recvmmsg_flags flags, struct timespec *timeout) {
  return NEXT(recvmmsg)(fd, messages, count,
                        (recvmmsg_flags)flags_with_mark((int)flags), timeout);
}
