/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets: their flags, listeners that nobody else reaches, connections. */
#ifndef _SELFTESTS_LOOPBACK_H
#define _SELFTESTS_LOOPBACK_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "descriptors.h"

static inline int sock_flags(int marks)
{
	return (marks & FD_CLOEXEC ? SOCK_CLOEXEC : 0) |
	       (marks & FD_CLOFORK ? SOCK_CLOFORK : 0);
}

union any_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
};

/* On a port or, of AF_UNIX, an abstract name that the kernel picks. */
static inline int listen_on(int family, int type, int protocol)
{
	union any_address addr = { .any.sa_family = family };
	socklen_t size = sizeof(sa_family_t);
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (family == AF_INET) {
		addr.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		size = sizeof(addr.in);
	}
	if (fd >= 0 && !bind(fd, &addr.any, size) && !listen(fd, 4))
		return fd;
	close_quietly(fd);
	return -1;
}

static inline int socket_option(int fd, int name)
{
	socklen_t size = sizeof(int);
	int value = -1;

	getsockopt(fd, SOL_SOCKET, name, &value, &size);
	return value;
}

static inline int connect_to(int listener)
{
	int fd = socket(socket_option(listener, SO_DOMAIN),
			socket_option(listener, SO_TYPE) | SOCK_CLOEXEC,
			socket_option(listener, SO_PROTOCOL));
	union any_address addr;
	socklen_t size = sizeof(addr);

	if (fd >= 0 && !getsockname(listener, &addr.any, &size) &&
	    !connect(fd, &addr.any, size))
		return fd;
	close_quietly(fd);
	return -1;
}

struct connection {
	int listener;
	int client;
};

/* Both of them, or neither. */
static inline bool connect_stream(struct connection *waiting, int family)
{
	waiting->listener = listen_on(family, SOCK_STREAM, 0);
	if (waiting->listener < 0)
		return false;
	waiting->client = connect_to(waiting->listener);
	if (waiting->client >= 0)
		return true;
	close_quietly(waiting->listener);
	return false;
}

static inline void hang_up(const struct connection *waiting)
{
	close_quietly(waiting->client);
	close_quietly(waiting->listener);
}

#endif /* _SELFTESTS_LOOPBACK_H */
