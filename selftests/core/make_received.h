/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors that come with a message. */
#ifndef _SELFTESTS_MAKE_RECEIVED_H
#define _SELFTESTS_MAKE_RECEIVED_H

#include <sys/socket.h>

#include "close_on_fork_matrix.h"
#include "scm_message.h"

typedef int receive_fn(int from, struct msghdr *msg, int flags);

static int by_recvmsg(int from, struct msghdr *msg, int flags)
{
	return recvmsg(from, msg, flags);
}

static int by_recvmmsg(int from, struct msghdr *msg, int flags)
{
	struct mmsghdr one = { .msg_hdr = *msg };
	int count = recvmmsg(from, &one, 1, flags, NULL);

	*msg = one.msg_hdr;
	return count;
}

static int receive_last(receive_fn *receive, int from, int type, int flags)
{
	struct scm_message message;
	struct msghdr *msg = empty_message(&message);

	return receive(from, msg, flags) == 1 ? last_descriptor_in(msg, type) :
						-1;
}

/* The last of @count that are sent. */
static int receive_rights(receive_fn *receive, int count, int flags)
{
	static const int sent[MAX_PASSED];
	int fds[2], fd = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	if (send_descriptors(fds[0], sent, count))
		fd = receive_last(receive, fds[1], SCM_RIGHTS, flags);
	close_quietly(fds[0]);
	close_quietly(fds[1]);
	return fd;
}

static int make_recvmsg(int marks, unsigned int extra)
{
	return receive_rights(by_recvmsg, 1, msg_flags(marks) | extra);
}

static int make_recvmsg_third(int marks, unsigned int extra)
{
	return receive_rights(by_recvmsg, 3, msg_flags(marks) | extra);
}

static int make_recvmmsg(int marks, unsigned int extra)
{
	return receive_rights(by_recvmmsg, 1, msg_flags(marks) | extra);
}

static int receive_pidfd(receive_fn *receive, int flags)
{
	int fds[2], fd = -1, on = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	if (!setsockopt(fds[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) &&
	    write(fds[0], "", 1) == 1)
		fd = receive_last(receive, fds[1], SCM_PIDFD, flags);
	close_quietly(fds[0]);
	close_quietly(fds[1]);
	return fd;
}

static int make_scm_pidfd(int marks, unsigned int extra)
{
	return receive_pidfd(by_recvmsg, msg_flags(marks) | extra);
}

static int make_scm_pidfd_recvmmsg(int marks, unsigned int extra)
{
	return receive_pidfd(by_recvmmsg, msg_flags(marks) | extra);
}

FIXTURE_VARIANT_ADD(descriptor, recvmsg)
{
	.make = make_recvmsg,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_third)
{
	.make = make_recvmsg_third,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmmsg)
{
	.make = make_recvmmsg,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, scm_pidfd)
{
	.make = make_scm_pidfd,
	.always = FD_CLOEXEC,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, scm_pidfd_recvmmsg)
{
	.make = make_scm_pidfd_recvmmsg,
	.always = FD_CLOEXEC,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

#endif /* _SELFTESTS_MAKE_RECEIVED_H */
