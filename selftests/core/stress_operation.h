/* SPDX-License-Identifier: GPL-2.0-only */
/* One step of the stress, as it is generated, replayed and printed. */
#ifndef _SELFTESTS_STRESS_OPERATION_H
#define _SELFTESTS_STRESS_OPERATION_H

#include <linux/types.h>
#include <stdio.h>

#include "stress_objects.h"
#include "stress_table.h"

enum kind {
	OPEN,
	OPEN_IN_RING,
	DUP,
	DUP2,
	DUP3,
	DUPFD,
	FILL,
	SETFD,
	IOCTL,
	CLOSE,
	RANGE,
	SET_LIMIT,
	SEND,
	RECEIVE,
	CHECK,
	VFORK,
	FORK,
	CLONE3,
	SPAWN,
	EXEC,
	EXEC_SHARED,
	UNSHARE,
	UNSHARE_RANGE,
	KINDS,
};

/*
 * Of 10,000 operations, these many.  A child costs up to a thousand times what
 * the others do.
 */
static const unsigned int weights[KINDS] = {
	[OPEN] = 700,
	[OPEN_IN_RING] = 200,
	[DUP] = 900,
	[DUP2] = 900,
	[DUP3] = 1000,
	[DUPFD] = 1500,
	[FILL] = 40,
	[SETFD] = 1600,
	[IOCTL] = 300,
	[CLOSE] = 1800,
	[RANGE] = 300,
	[SET_LIMIT] = 30,
	[SEND] = 330,
	[RECEIVE] = 330,
	[CHECK] = 30,
	[VFORK] = 20,
	[FORK] = 3,
	[CLONE3] = 1,
	[SPAWN] = 1,
	[EXEC] = 1,
	[EXEC_SHARED] = 1,
	[UNSHARE] = 5,
	[UNSHARE_RANGE] = 8,
};

struct operation {
	__u8 kind;
	__u8 marks;		/* FD_* */
	__u8 object;
	__u8 flags;		/* CLOSE_RANGE_* */
	__u16 fd;
	__u16 to;		/* or from where, or how far */
};

/* The numbers are all that is random in a run; the same seed repeats it. */
static inline __u64 next_random(__u64 *state)
{
	/* Sebastiano Vigna's splitmix64, https://prng.di.unimi.it */
	__u64 z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static inline unsigned int below(__u64 *state, unsigned int end)
{
	return (next_random(state) >> 32) * end >> 32;
}

static inline enum kind some_kind(__u64 *random)
{
	unsigned int sum = 0, chosen, kind;

	for (kind = 0; kind < KINDS; kind++)
		sum += weights[kind];
	chosen = below(random, sum);
	for (kind = 0; chosen >= weights[kind]; kind++)
		chosen -= weights[kind];
	return kind;
}

static inline const char *o_name(int marks)
{
	static const char *const names[] = {
		[FD_CLOEXEC] = "|O_CLOEXEC",
		[FD_CLOFORK] = "|O_CLOFORK",
		[BOTH] = "|O_CLOEXEC|O_CLOFORK",
	};

	return names[marks] ?: "";
}

static inline const char *dupfd_name(int marks)
{
	return marks & FD_CLOFORK ? "F_DUPFD_CLOFORK" :
	       marks & FD_CLOEXEC ? "F_DUPFD_CLOEXEC" : "F_DUPFD";
}

static inline const char *range_name(unsigned int flags)
{
	static const char *const names[] = {
		[0] = "0",
		[CLOSE_RANGE_UNSHARE] = "UNSHARE",
		[CLOSE_RANGE_CLOEXEC] = "CLOEXEC",
		[CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE] = "CLOEXEC|UNSHARE",
		[CLOSE_RANGE_CLOFORK] = "CLOFORK",
		[CLOSE_RANGE_CLOFORK | CLOSE_RANGE_UNSHARE] = "CLOFORK|UNSHARE",
		[CLOSE_RANGE_CLOFORK | CLOSE_RANGE_CLOEXEC] = "CLOFORK|CLOEXEC",
		[CLOSE_RANGE_CLOFORK | CLOSE_RANGE_CLOEXEC |
		 CLOSE_RANGE_UNSHARE] = "CLOFORK|CLOEXEC|UNSHARE",
	};

	return names[flags];
}

static inline void print_change(char *text, size_t size,
				const struct operation *op)
{
	const char *o_flags = o_name(op->marks);

	switch (op->kind) {
	case OPEN:
		snprintf(text, size, "open(file%d, O_WRONLY%s)", op->object,
			 o_flags);
		break;
	case OPEN_IN_RING:
		snprintf(text, size, "io_uring: openat2(file%d, O_WRONLY%s)",
			 op->object, o_flags);
		break;
	case DUP:
		snprintf(text, size, "dup(%d)", op->fd);
		break;
	case DUP2:
		snprintf(text, size, "dup2(%d, %d)", op->fd, op->to);
		break;
	case DUP3:
		snprintf(text, size, "dup3(%d, %d, 0%s)", op->fd, op->to,
			 o_flags);
		break;
	case DUPFD:
		snprintf(text, size, "fcntl(%d, %s, %d)", op->fd,
			 dupfd_name(op->marks), op->to);
		break;
	case FILL:
		snprintf(text, size, "%d times fcntl(%d, %s, %d)",
			 1 + op->object, op->fd, dupfd_name(op->marks), op->to);
		break;
	case SETFD:
		snprintf(text, size, "fcntl(%d, F_SETFD, %d)", op->fd,
			 op->marks);
		break;
	case IOCTL:
		snprintf(text, size, "ioctl(%d, %s)", op->fd,
			 op->marks & FD_CLOEXEC ? "FIOCLEX" : "FIONCLEX");
		break;
	case CLOSE:
		snprintf(text, size, "close(%d)", op->fd);
		break;
	case RANGE:
		snprintf(text, size, "close_range(%d, %d, %s)", op->fd, op->to,
			 range_name(op->flags));
		break;
	case SET_LIMIT:
		snprintf(text, size, "setrlimit(RLIMIT_NOFILE, %d)", op->to);
		break;
	case SEND:
		snprintf(text, size, "send %d by SCM_RIGHTS", op->fd);
		break;
	case RECEIVE:
		snprintf(text, size, "receive one by SCM_RIGHTS, flags 0%s",
			 o_flags);
		break;
	}
}

/* What does not change the table of who does it */
static inline void print_question(char *text, size_t size,
				  const struct operation *op)
{
	static const char *const names[KINDS] = {
		[CHECK] = "look at every descriptor and file",
		[VFORK] = "look in a child of vfork()",
		[FORK] = "look in a child of fork()",
		[CLONE3] = "look in a child of clone3()",
		[SPAWN] = "look in a program of posix_spawn()",
		[EXEC] = "look after exec of a child that marked its table",
		[EXEC_SHARED] = "look after exec of one with CLONE_FILES",
		[UNSHARE] = "look in one with CLONE_FILES after unshare()",
	};

	if (op->kind == UNSHARE_RANGE)
		snprintf(text, size,
			 "look in one with CLONE_FILES after close_range(%d, %d, %s)",
			 op->fd, op->to, range_name(op->flags));
	else
		snprintf(text, size, "%s", names[op->kind]);
}

static inline void print_operation(char *text, size_t size,
				   const struct operation *op)
{
	if (op->kind < CHECK)
		print_change(text, size, op);
	else
		print_question(text, size, op);
}

#endif /* _SELFTESTS_STRESS_OPERATION_H */
