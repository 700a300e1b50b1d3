/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/* Today's <fcntl.h> as a C library that knows close-on-fork may spell it. */
#ifndef NEWER_LIBC_FCNTL_H
#define NEWER_LIBC_FCNTL_H
#include_next <fcntl.h>

#define __O_CLOFORK	01000000000
#define O_CLOFORK	__O_CLOFORK
#define FD_CLOFORK	(1 << 2)
#define F_DUPFD_CLOFORK	1041

#endif
