/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/* Today's <sys/socket.h> with close-on-fork the way glibc has close-on-exec. */
#ifndef NEWER_LIBC_SOCKET_H
#define NEWER_LIBC_SOCKET_H
#include_next <sys/socket.h>

enum {
	SOCK_CLOFORK = 01000000000,
#define SOCK_CLOFORK SOCK_CLOFORK
	MSG_CMSG_CLOFORK = 0x10000000
#define MSG_CMSG_CLOFORK MSG_CMSG_CLOFORK
};

#endif
