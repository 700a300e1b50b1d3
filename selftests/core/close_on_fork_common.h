/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the close-on-fork selftests share: the question whether the kernel has
 * the feature, the options, and children held where a test wants them.
 *
 * Options, before those of the harness:
 *   --expect-race  marked descriptors must show the race as well, which is what
 *                  a kernel does that ignores the mark
 *   --required     a kernel without close-on-fork is a failure, not a SKIP
 */
#ifndef _SELFTESTS_CLOSE_ON_FORK_COMMON_H
#define _SELFTESTS_CLOSE_ON_FORK_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "close_on_fork.h"

#define SELF	"/proc/self/exe"
#define NOOP	"--noop"	/* for a program executed to no purpose */

static struct {
	bool expect_race;
	bool required;
} options;

static inline bool take_option(int *argc, char **argv, const char *name)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], name))
			continue;
		memmove(&argv[i], &argv[i + 1], (*argc - i) * sizeof(*argv));
		(*argc)--;
		return true;
	}
	return false;
}

/*
 * The numbers the tests expect need 0-2 to be open, a guest may start without,
 * and the others to be free, make and its like leave some of theirs open.
 */
static inline void settle_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	syscall(__NR_close_range, STDERR_FILENO + 1, ~0U, 0);
}

static inline int close_on_fork_main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], NOOP))
		return 0;

	options.expect_race = take_option(&argc, argv, "--expect-race");
	options.required = take_option(&argc, argv, "--required");
	settle_descriptors();
	return test_harness_run(argc, argv);
}

static inline bool has_close_on_fork(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	bool has = !fcntl(fd, F_SETFD, FD_CLOFORK) &&
		   fcntl(fd, F_GETFD) == FD_CLOFORK;

	close(fd);
	return has;
}

/* True when the calling test has become a SKIP and must return. */
static inline bool skip_without_close_on_fork(struct __test_metadata *_metadata)
{
	bool has = has_close_on_fork();

	ASSERT_TRUE(has || !options.required);
	if (!has)
		SKIP(return true,
		     "kernel has no close-on-fork: F_SETFD ignored FD_CLOFORK");
	return false;
}

/* Whether a race must happen to descriptors opened with @flags. */
static inline bool race_expected(int flags)
{
	return !(flags & O_CLOFORK) || options.expect_race;
}

/* The same for a race: unmarked descriptors have it on every kernel. */
static inline bool skip_race(struct __test_metadata *_metadata, int flags)
{
	return !race_expected(flags) && skip_without_close_on_fork(_metadata);
}

/* Exit status of child @pid, or -1 if there is none. */
static inline int reap(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* 0 once @path could be executed, else the errno of the refusal. */
static inline int run_program(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execl(path, path, NOOP, NULL);
		_exit(errno);
	}
	return reap(pid);
}

static inline int exec_noop(int unused)
{
	(void)unused;
	execl(SELF, SELF, NOOP, NULL);
	return errno;
}

/* A child between fork and exec, which stays there until it is let go. */
struct stopped_child {
	pid_t pid;
	int gate;
};

/* Its exit status is what @then says of @fd, or 0. */
static inline struct stopped_child fork_stopped(int (*then)(int fd), int fd)
{
	struct stopped_child child = { .pid = -1 };
	int gate[2];
	char c;

	if (pipe2(gate, O_CLOEXEC))
		return child;
	child.gate = gate[1];
	child.pid = fork();
	if (!child.pid) {
		close(gate[1]);
		if (read(gate[0], &c, 1))
			_exit(EXIT_FAILURE);
		_exit(then ? then(fd) : EXIT_SUCCESS);
	}
	close(gate[0]);
	return child;
}

static inline void let_go(const struct stopped_child *child)
{
	close(child->gate);
}

#endif /* _SELFTESTS_CLOSE_ON_FORK_COMMON_H */
