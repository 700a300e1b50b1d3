/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/* Every name has the project's value, whatever is included around the header. */
#include "close_on_fork.h"
#include "close_on_fork.h"
#ifdef INCLUDE_AFTER
#include INCLUDE_AFTER
#endif

#define SAME(name, value) extern char name_##name[(name) == (value) ? 1 : -1]

SAME(O_CLOFORK, 1 << 27);
SAME(FD_CLOFORK, 4);
SAME(F_DUPFD_CLOFORK, 1041);
SAME(SOCK_CLOFORK, 1 << 27);
SAME(EFD_CLOFORK, 1 << 27);
SAME(EPOLL_CLOFORK, 1 << 27);
SAME(SFD_CLOFORK, 1 << 27);
SAME(TFD_CLOFORK, 1 << 27);
SAME(IN_CLOFORK, 1 << 27);
SAME(OPEN_TREE_CLOFORK, 1 << 27);
SAME(MSG_CMSG_CLOFORK, 1 << 28);
SAME(CLOSE_RANGE_CLOFORK, 1 << 3);
SAME(DRM_CLOFORK, 1 << 27);
SAME(MFD_CLOFORK, 1 << 5);
SAME(FAN_CLOFORK, 1 << 15);
SAME(FSOPEN_CLOFORK, 1 << 1);
SAME(FSPICK_CLOFORK, 1 << 4);
SAME(FSMOUNT_CLOFORK, 1 << 2);
SAME(PERF_FLAG_FD_CLOFORK, 1 << 4);
SAME(UDMABUF_FLAGS_CLOFORK, 1 << 1);
SAME(IORING_FIXED_FD_CLOFORK, 1 << 1);
