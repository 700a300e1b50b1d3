/* SPDX-License-Identifier: GPL-2.0-only */
/* The table at its limits: of a process, of the system, and of memory. */
#ifndef _SELFTESTS_STRESS_LIMITS_H
#define _SELFTESTS_STRESS_LIMITS_H

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "descriptors.h"
#include "fork_children.h"

#define NR_OPEN		"/proc/sys/fs/nr_open"
#define FILE_MAX	"/proc/sys/fs/file-max"
#define NOBODY		65534

FIXTURE(limits)
{
	pid_t keeper;
};

static inline long read_number(const char *path)
{
	FILE *stream = fopen(path, "re");
	long number;
	int fields;

	if (!stream)
		return -1;
	fields = fscanf(stream, "%ld", &number);
	fclose(stream);
	return fields == 1 ? number : -1;
}

static inline bool write_number(const char *path, long number)
{
	FILE *stream = fopen(path, "we");

	if (!stream)
		return false;
	fprintf(stream, "%ld\n", number);
	return !fclose(stream);
}

static inline bool restore_number(const char *path, long number)
{
	return read_number(path) == number || write_number(path, number);
}

/*
 * Puts the limits back when the test has ended.  A process of its own session:
 * the harness kills a test that takes too long with all of its group, and the
 * machine would be left with room for one file.
 */
static inline pid_t keep_limits(long nr_open, long file_max)
{
	pid_t test = getpid(), keeper;
	sigset_t ended, before;
	int signal;

	sigemptyset(&ended);
	sigaddset(&ended, SIGTERM);
	sigprocmask(SIG_BLOCK, &ended, &before);
	keeper = fork();
	if (!keeper) {
		setsid();
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == test)
			sigwait(&ended, &signal);
		_exit(!restore_number(NR_OPEN, nr_open) |
		      !restore_number(FILE_MAX, file_max));
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return keeper;
}

FIXTURE_SETUP(limits)
{
	self->keeper = -1;
	if (skip_without_close_on_fork(_metadata))
		return;
	self->keeper = keep_limits(read_number(NR_OPEN), read_number(FILE_MAX));
	ASSERT_LT(0, self->keeper);
}

FIXTURE_TEARDOWN(limits)
{
	int status = -1;

	if (self->keeper <= 0)
		return;
	kill(self->keeper, SIGTERM);
	waitpid(self->keeper, &status, 0);
	EXPECT_EQ(0, status);
}

/* As many as can be had; all of them are marked. */
static inline int duplicates_to_be_had(int unused)
{
	int count = 0;

	(void)unused;
	while (fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 0) >= 0)
		count++;
	return errno == EMFILE ? count : -1;
}

/* What is marked does not count in the child. */
TEST_F_TIMEOUT(limits, rlimit_nofile, 120)
{
	ASSERT_EQ(64, raise_nofile(64));
	EXPECT_EQ(61, duplicates_to_be_had(0));
	EXPECT_EQ(-1, open_null(O_CLOFORK));
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(-1, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 64));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, dup3(STDIN_FILENO, 64, O_CLOFORK));
	EXPECT_EQ(EBADF, errno);
	for (int fd = 3; fd < 64; fd++)
		EXPECT_EQ(FD_CLOFORK, fd_state(fd));

	EXPECT_EQ(61, in_fork(duplicates_to_be_had, 0));
	EXPECT_EQ(61, in_vfork(duplicates_to_be_had, 0));
}

static inline int unshare_errno(int unused)
{
	(void)unused;
	return unshare(CLONE_FILES) ? errno : 0;
}

/* A table above it can be copied no more, but for what fork leaves behind. */
TEST_F_TIMEOUT(limits, nr_open, 120)
{
	ASSERT_LE(4096, raise_nofile(4096));
	ASSERT_EQ(2000, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 2000));
	if (!write_number(NR_OPEN, 1024))
		SKIP(return, "may not write " NR_OPEN);
	EXPECT_EQ(-1, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 2500));
	EXPECT_EQ(EMFILE, errno);
	EXPECT_EQ(-1, dup3(STDIN_FILENO, 2500, O_CLOFORK));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(EMFILE, in_sharer(unshare_errno, 0));

	EXPECT_EQ(ABSENT, state_in_fork(2000));
	EXPECT_EQ(ABSENT, state_in_vfork(2000));
	ASSERT_EQ(0, fcntl(2000, F_SETFD, 0));
	EXPECT_EQ(-1, state_in_fork(2000));
	EXPECT_EQ(EMFILE, errno);
}

/*
 * The number comes before the file: it must not be lost, nor stay marked.  Each
 * CPU counts some files before all learn of them, so that the first ones may
 * still be had.
 */
static inline int opens_until_refused(int unused)
{
	int next = dup(STDIN_FILENO), refused = 0;

	(void)unused;
	if (close(next) || setresuid(NOBODY, NOBODY, NOBODY))
		return NO_ANSWER;
	while (refused < 100) {
		int fd = open_null(O_CLOFORK | O_CLOEXEC);

		if (fd >= 0 && fd != next++)
			return 1;
		if (fd < 0 && errno != ENFILE)
			return errno;
		refused += fd < 0;
	}
	return dup(STDIN_FILENO) != next || fd_state(next);
}

TEST_F_TIMEOUT(limits, file_max, 120)
{
	raise_nofile(65536);
	if (getuid() || !write_number(FILE_MAX, 1))
		SKIP(return, "may not write " FILE_MAX);
	EXPECT_EQ(0, in_fork(opens_until_refused, 0));
}

#define FULL		1048576	/* the default of fs.nr_open */
#define FULL_FORKS	1000

/*
 * In KiB.  The full table takes 8,578; of a thousand forks, each may lose four
 * of them and not be found out.
 */
#define TOLERANCE	4096

static inline long available_memory(void)
{
	FILE *stream = fopen("/proc/meminfo", "re");
	char line[128];
	long available = -1;

	while (stream && fgets(line, sizeof(line), stream))
		if (sscanf(line, "MemAvailable: %ld", &available) == 1)
			break;
	if (stream)
		fclose(stream);
	return available;
}

/* Freed tables wait for a grace period; others may take some meanwhile. */
static inline bool memory_comes_back(long before)
{
	for (int i = 0; i < 100; i++) {
		if (available_memory() >= before - TOLERANCE)
			return true;
		usleep(100000);
	}
	return false;
}

static inline int table_has_no_more(int unused)
{
	(void)unused;
	return fd_state(3) != ABSENT || fd_state(FULL - 1) != ABSENT ||
	       dup(STDIN_FILENO) != 3;
}

TEST_F_TIMEOUT(limits, full_table, 600)
{
	long before;
	int last;

	if (raise_nofile(FULL) != FULL)
		SKIP(return, "RLIMIT_NOFILE cannot be %d", FULL);
	do {
		last = fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 3);
	} while (last >= 0 && last < FULL - 1);
	ASSERT_EQ(FULL - 1, last);
	EXPECT_EQ(0, in_fork(table_has_no_more, 0));

	before = available_memory();
	for (int i = 0; i < FULL_FORKS; i++)
		ASSERT_EQ(0, i % 10 ? in_vfork(table_has_no_more, 0) :
				      in_fork(table_has_no_more, 0));
	EXPECT_TRUE(memory_comes_back(before))
		TH_LOG("%ld KiB available, before it were %ld",
		       available_memory(), before);
	EXPECT_EQ(FD_CLOFORK, fd_state(3));
	EXPECT_EQ(FD_CLOFORK, fd_state(FULL - 1));
}

#endif /* _SELFTESTS_STRESS_LIMITS_H */
