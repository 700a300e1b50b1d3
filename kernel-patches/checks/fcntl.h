/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Included ahead of fs/fcntl.c by Kbuild/objects: O_CLOFORK has its bit for itself.
 * fcntl_init() asks as much of all flags together, but where the stock tree fails that
 * (6.12.117 for sparc64 does) it would not tell about ours.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>

#ifdef O_CLOFORK
#pragma push_macro("O_CLOFORK")
#undef O_CLOFORK
#define O_CLOFORK 0
enum { OTHER_OPEN_FLAGS = VALID_OPEN_FLAGS | __FMODE_EXEC };
#ifdef __FMODE_NONOTIFY
enum { OTHER_INTERNAL_FLAGS = __FMODE_NONOTIFY };
#else
enum { OTHER_INTERNAL_FLAGS = __O_REGULAR };
#endif
#pragma pop_macro("O_CLOFORK")
static_assert(!(O_CLOFORK & (OTHER_OPEN_FLAGS | OTHER_INTERNAL_FLAGS)));
#endif
