/* SPDX-License-Identifier: GPL-2.0-only */
/* Children made in every way there is, and asked about a descriptor. */
#ifndef _SELFTESTS_FORK_CHILDREN_H
#define _SELFTESTS_FORK_CHILDREN_H

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>

#include "close_on_fork_common.h"

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 34)
#define HAS_BARE_FORK
#endif
#endif

/* What fd_state() says beside F_GETFD's flags; all fit an exit status. */
#define ABSENT		0x40
#define NO_ANSWER	0x41

/* argv[1] of this program when executed to look at descriptor argv[2] */
#define STATE		"--state"
#define STATE_IN_FORK	"--state-in-fork"
#define STATE_BESIDE_MARK "--state-beside-mark"

/* The flags of @fd, or ABSENT.  Safe in a vfork child. */
static inline int fd_state(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		return flags;
	return errno == EBADF ? ABSENT : NO_ANSWER;
}

/*
 * The same after another descriptor was marked: what the table had left in the
 * slot of @fd from before, it has now.
 */
static inline int fd_state_beside_mark(int fd)
{
	return fcntl(STDIN_FILENO, F_SETFD, FD_CLOFORK) ? NO_ANSWER :
							  fd_state(fd);
}

static inline int fd_state_after_exec(const char *how, int fd)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	execl(SELF, SELF, how, number, NULL);
	return NO_ANSWER;
}

static inline int exec_state(int fd)
{
	return fd_state_after_exec(STATE, fd);
}

static inline int exec_state_in_fork(int fd)
{
	return fd_state_after_exec(STATE_IN_FORK, fd);
}

/*
 * What @look says of @arg in a child, by its exit status.  A child of vfork
 * shares memory and stack: it must neither return nor disturb its parent's.
 */
typedef int look_fn(int arg);

static inline int in_fork(look_fn *look, int arg)
{
	pid_t pid = fork();

	if (!pid)
		_exit(look(arg));
	return reap(pid);
}

static inline int in_vfork(look_fn *look, int arg)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(look(arg));
	return reap(pid);
}

static inline pid_t clone3_child(__u64 flags, look_fn *look, int arg)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = syscall(__NR_clone3, &args, sizeof(args));

	if (!pid)
		_exit(look(arg));
	return pid;
}

/* In another process with this process's table. */
static inline int in_sharer(look_fn *look, int arg)
{
	return reap(clone3_child(CLONE_FILES, look, arg));
}

static inline int state_in_fork(int fd)
{
	return in_fork(fd_state, fd);
}

static inline int state_in_vfork(int fd)
{
	return in_vfork(fd_state, fd);
}

#ifdef HAS_BARE_FORK
/* The name is not for checkpatch.pl, which takes it for CamelCase. */
pid_t bare_fork(void)
	__asm__("_Fork");

static inline int state_in_bare_fork(int fd)
{
	pid_t pid = bare_fork();

	if (!pid)
		_exit(fd_state(fd));
	return reap(pid);
}
#endif

static inline int state_of_clone_arg(void *arg)
{
	return fd_state(*(int *)arg);
}

static inline int state_in_clone(int fd)
{
	static max_align_t stack[4096];

	return reap(clone(state_of_clone_arg, stack + ARRAY_SIZE(stack),
			  SIGCHLD, &fd));
}

static inline int state_in_clone3(int fd)
{
	return reap(clone3_child(0, fd_state, fd));
}

static inline int state_in_posix_spawn(int fd)
{
	char number[16];
	char *const argv[] = { SELF, STATE, number, NULL };
	pid_t pid;

	snprintf(number, sizeof(number), "%d", fd);
	return posix_spawn(&pid, SELF, NULL, NULL, argv, NULL) ? -1 : reap(pid);
}

/* The shell's test is a builtin: /proc/self is the shell. */
static inline void shell_question(char *command, size_t size, int fd)
{
	snprintf(command, size, "test -e /proc/self/fd/%d || exit %d", fd,
		 ABSENT);
}

static inline int state_in_system(int fd)
{
	char command[64];
	int status;

	shell_question(command, sizeof(command), fd);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int state_in_popen(int fd)
{
	char command[64];
	FILE *stream;
	int status;

	shell_question(command, sizeof(command), fd);
	stream = popen(command, "r");
	if (!stream)
		return -1;
	status = pclose(stream);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int unshare_then_state(int fd)
{
	return unshare(CLONE_FILES) ? NO_ANSWER : fd_state(fd);
}

/* In main(): the answer for argv[], or -1 if it asks nothing. */
static inline int answer_question(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], STATE))
		return fd_state(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], STATE_BESIDE_MARK))
		return fd_state_beside_mark(atoi(argv[2]));
	if (argc == 3 && !strcmp(argv[1], STATE_IN_FORK))
		return state_in_fork(atoi(argv[2]));
	return -1;
}

#endif /* _SELFTESTS_FORK_CHILDREN_H */
