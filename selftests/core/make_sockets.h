/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: made, accepted, peeled off. */
#ifndef _SELFTESTS_MAKE_SOCKETS_H
#define _SELFTESTS_MAKE_SOCKETS_H

#include <linux/sctp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "close_on_fork_matrix.h"
#include "loopback.h"

static int make_socket(int marks, unsigned int extra)
{
	return socket(AF_INET, SOCK_DGRAM | sock_flags(marks) | extra, 0);
}

static int make_socketpair(int end, int marks, unsigned int extra)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | sock_flags(marks) | extra, 0,
		       fds))
		return -1;
	close(fds[!end]);
	return fds[end];
}

static int make_socketpair_first(int marks, unsigned int extra)
{
	return make_socketpair(0, marks, extra);
}

static int make_socketpair_second(int marks, unsigned int extra)
{
	return make_socketpair(1, marks, extra);
}

static int make_accept4(int family, int marks, unsigned int extra)
{
	struct connection waiting;
	int fd;

	if (!connect_stream(&waiting, family))
		return -1;
	fd = accept4(waiting.listener, NULL, NULL, sock_flags(marks) | extra);
	hang_up(&waiting);
	return fd;
}

static int make_accept4_tcp(int marks, unsigned int extra)
{
	return make_accept4(AF_INET, marks, extra);
}

static int make_accept4_unix(int marks, unsigned int extra)
{
	return make_accept4(AF_UNIX, marks, extra);
}

/* The association that a one-to-many socket has. */
static int peel_off(int fd, unsigned int flags)
{
	struct {
		__u32 count;
		__s32 id;
	} associations;
	sctp_peeloff_flags_arg_t arg = { .flags = flags };
	socklen_t size = sizeof(associations);

	if (getsockopt(fd, IPPROTO_SCTP, SCTP_GET_ASSOC_ID_LIST, &associations,
		       &size))
		return -1;
	arg.p_arg.associd = associations.id;
	size = sizeof(arg);
	return getsockopt(fd, IPPROTO_SCTP, SCTP_SOCKOPT_PEELOFF_FLAGS, &arg,
			  &size);
}

static int make_sctp_peeloff(int marks, unsigned int extra)
{
	int listener = listen_on(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
	int client, fd = -1;

	if (listener < 0)
		return -1;
	client = connect_to(listener);
	if (client >= 0)
		fd = peel_off(client, sock_flags(marks) | extra);
	close_quietly(client);
	close_quietly(listener);
	return fd;
}

FIXTURE_VARIANT_ADD(descriptor, socket)
{
	.make = make_socket,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, socketpair_first)
{
	.make = make_socketpair_first,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, socketpair_second)
{
	.make = make_socketpair_second,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept4_tcp)
{
	.make = make_accept4_tcp,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept4_unix)
{
	.make = make_accept4_unix,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, sctp_peeloff)
{
	.make = make_sctp_peeloff,
	.refuses_unknown = 0,
};

#endif /* _SELFTESTS_MAKE_SOCKETS_H */
