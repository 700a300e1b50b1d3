/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR MIT) */
/*
 * Close-on-fork constants, for programs built before their C library has them.
 *
 * A name that is already defined wins.  A kernel without close-on-fork is no
 * reason to define one as 0: open(2) ignores unknown bits, so 0 would hide
 * from the program that it has to ask the running kernel.
 */
#ifndef _CLOSE_ON_FORK_H
#define _CLOSE_ON_FORK_H

/*
 * The C library's own definitions come first, whichever header the program
 * names first.  Where F_DUPFD is known, <fcntl.h> or the kernel's
 * <linux/fcntl.h>, which cannot be combined with it, has been read already.
 */
#ifndef F_DUPFD
#include <fcntl.h>
#endif

/* The same on every architecture. */
#ifndef O_CLOFORK
#define O_CLOFORK		0x08000000
#endif

/* Not 2: programs that mistake F_GETFL for F_GETFD pass O_RDWR to F_SETFD. */
#ifndef FD_CLOFORK
#define FD_CLOFORK		4
#endif

#ifndef F_DUPFD_CLOFORK
#define F_DUPFD_CLOFORK		(1024 + 17)	/* F_LINUX_SPECIFIC_BASE + 17 */
#endif

/*
 * A C library may make the names below enumerators, which a macro defined
 * before them would rewrite: include its headers (<sys/socket.h>,
 * <sys/epoll.h> and so on) before this one.  They are not included here, as
 * most of them clash with their counterparts in <linux/>.
 */
#ifndef SOCK_CLOFORK
#define SOCK_CLOFORK		O_CLOFORK
#endif

#ifndef EFD_CLOFORK
#define EFD_CLOFORK		O_CLOFORK
#endif

#ifndef EPOLL_CLOFORK
#define EPOLL_CLOFORK		O_CLOFORK
#endif

#ifndef SFD_CLOFORK
#define SFD_CLOFORK		O_CLOFORK
#endif

#ifndef TFD_CLOFORK
#define TFD_CLOFORK		O_CLOFORK
#endif

#ifndef IN_CLOFORK
#define IN_CLOFORK		O_CLOFORK
#endif

#ifndef OPEN_TREE_CLOFORK
#define OPEN_TREE_CLOFORK	O_CLOFORK
#endif

#ifndef DRM_CLOFORK
#define DRM_CLOFORK		O_CLOFORK
#endif

#ifndef MSG_CMSG_CLOFORK
#define MSG_CMSG_CLOFORK	0x10000000
#endif

#ifndef CLOSE_RANGE_CLOFORK
#define CLOSE_RANGE_CLOFORK	8U	/* 1U << 3 */
#endif

/* Where the twin for close-on-exec has a value of its own, so has the flag. */
#ifndef MFD_CLOFORK
#define MFD_CLOFORK		0x0020U
#endif

#ifndef FAN_CLOFORK
#define FAN_CLOFORK		0x00008000
#endif

#ifndef FSOPEN_CLOFORK
#define FSOPEN_CLOFORK		0x00000002
#endif

#ifndef FSPICK_CLOFORK
#define FSPICK_CLOFORK		0x00000010
#endif

#ifndef FSMOUNT_CLOFORK
#define FSMOUNT_CLOFORK		0x00000004
#endif

#ifndef PERF_FLAG_FD_CLOFORK
#define PERF_FLAG_FD_CLOFORK	16UL	/* 1UL << 4 */
#endif

#ifndef UDMABUF_FLAGS_CLOFORK
#define UDMABUF_FLAGS_CLOFORK	0x02
#endif

#ifndef IORING_FIXED_FD_CLOFORK
#define IORING_FIXED_FD_CLOFORK	2U	/* 1U << 1 */
#endif

#endif /* _CLOSE_ON_FORK_H */
