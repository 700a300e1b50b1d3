/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/* A definition that is already there stays as it is. */
#define O_CLOFORK 101
#define FD_CLOFORK 102
#define F_DUPFD_CLOFORK 103
#define SOCK_CLOFORK 104
#define EFD_CLOFORK 105
#define EPOLL_CLOFORK 106
#define SFD_CLOFORK 107
#define TFD_CLOFORK 108
#define IN_CLOFORK 109
#define OPEN_TREE_CLOFORK 110
#define MSG_CMSG_CLOFORK 111
#define CLOSE_RANGE_CLOFORK 112

#include "close_on_fork.h"

#define SAME(name, value) extern char name_##name[(name) == (value) ? 1 : -1]

SAME(O_CLOFORK, 101);
SAME(FD_CLOFORK, 102);
SAME(F_DUPFD_CLOFORK, 103);
SAME(SOCK_CLOFORK, 104);
SAME(EFD_CLOFORK, 105);
SAME(EPOLL_CLOFORK, 106);
SAME(SFD_CLOFORK, 107);
SAME(TFD_CLOFORK, 108);
SAME(IN_CLOFORK, 109);
SAME(OPEN_TREE_CLOFORK, 110);
SAME(MSG_CMSG_CLOFORK, 111);
SAME(CLOSE_RANGE_CLOFORK, 112);
