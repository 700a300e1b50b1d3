// SPDX-License-Identifier: GPL-2.0-only
/*
 * close() asks the file system to flush, and hands the error to whoever closes.
 * With a copy in a child between fork and exec there are two who close: the
 * file is flushed twice, the child may get the error that was the owner's, and
 * its program does not start before the file system has answered.
 *
 * See close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>

#include "close_on_fork_common.h"
#include "flush_server.h"
#include "fork_children.h"
#include "fork_storm.h"

FIXTURE(flush_once)
{
	struct flush_server server;
	struct flush_state *state;
	bool twice;		/* is the race expected? */
};

FIXTURE_VARIANT(flush_once)
{
	int flags;
};

FIXTURE_VARIANT_ADD(flush_once, unmarked)
{
	.flags = O_RDWR | O_CLOEXEC,
};

FIXTURE_VARIANT_ADD(flush_once, marked)
{
	.flags = O_RDWR | O_CLOEXEC | O_CLOFORK,
};

FIXTURE_SETUP(flush_once)
{
	const char *missing;

	if (skip_race(_metadata, variant->flags))
		return;

	missing = start_flush_server(&self->server);
	if (missing)
		SKIP(return, "%s: %s", missing, strerror(errno));
	self->state = self->server.state;
	self->twice = race_expected(variant->flags);
}

FIXTURE_TEARDOWN(flush_once)
{
	EXPECT_EQ(0, end_flush_server(&self->server));
}

/* The owner, and a child that gives up its copy by what it does @then. */
static void count_flushes(struct __test_metadata *_metadata,
			  const struct flush_server *server, int flags,
			  int (*then)(int))
{
	struct stopped_child child;
	int fd = open(server->file, flags);

	ASSERT_LE(0, fd);
	server->state->errors_left = INT_MAX;
	child = fork_stopped(then, 0);
	ASSERT_LT(0, child.pid);

	EXPECT_EQ(-1, close(fd));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(1, server->state->flushes);

	let_go(&child);
	EXPECT_EQ(0, reap(child.pid));
	EXPECT_EQ(race_expected(flags) ? 2 : 1, server->state->flushes);
}

TEST_F(flush_once, child_that_exits)
{
	count_flushes(_metadata, &self->server, variant->flags, NULL);
}

TEST_F(flush_once, child_that_execs)
{
	count_flushes(_metadata, &self->server, variant->flags, exec_noop);
}

/* A file system reports a failed write back once, and the child asks first. */
TEST_F(flush_once, error_reaches_owner)
{
	int fd = open(self->server.file, variant->flags);

	ASSERT_LE(0, fd);
	self->state->errors_left = 1;
	EXPECT_EQ(0, run_program(SELF));

	errno = 0;
	EXPECT_EQ(self->twice ? 0 : -1, close(fd));
	EXPECT_EQ(self->twice ? 0 : EIO, errno);
}

TEST_F(flush_once, owner_releases)
{
	int fd = open(self->server.file, variant->flags);
	struct stopped_child child;

	ASSERT_LE(0, fd);
	child = fork_stopped(NULL, 0);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, close(fd));

	EXPECT_EQ(self->twice ? 0 : 1, flush_server_releases(&self->server));

	let_go(&child);
	EXPECT_EQ(0, reap(child.pid));
	EXPECT_EQ(1, flush_server_releases(&self->server));
}

/*
 * The owner wants its child's program to run to the end, and the file system
 * does not answer before it has.  Only a child without the file gets there.
 */
TEST_F(flush_once, slow_flush_does_not_delay)
{
	int fd = open(self->server.file, variant->flags);
	struct stopped_child child;
	struct pollfd fds[2] = {};

	ASSERT_LE(0, fd);
	child = fork_stopped(exec_noop, 0);
	ASSERT_LT(0, child.pid);
	fds[0].fd = syscall(__NR_pidfd_open, child.pid, 0);
	fds[1].fd = self->server.held;
	fds[0].events = POLLIN;
	fds[1].events = POLLIN;
	ASSERT_LE(0, fds[0].fd);

	self->state->hold = true;
	let_go(&child);
	EXPECT_LT(0, poll(fds, ARRAY_SIZE(fds), -1));
	EXPECT_EQ(self->twice, !!fds[1].revents);
	EXPECT_EQ(!self->twice, !!fds[0].revents);

	EXPECT_TRUE(flush_server_answer(&self->server));
	EXPECT_EQ(0, reap(child.pid));
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(self->twice ? 2 : 1, self->state->flushes);
}

TEST_F_TIMEOUT(flush_once, fork_storm, 300)
{
	struct fork_storm storm;
	int rounds = 0, wrong = 0;
	int *flushes = &self->state->flushes;

	self->state->errors_left = INT_MAX;
	ASSERT_TRUE(start_storm(&storm)) end_storm(&storm);
	while (!wrong && storm_lasts(&storm, variant->flags) &&
	       __atomic_load_n(flushes, __ATOMIC_SEQ_CST) == rounds) {
		int fd = open(self->server.file, variant->flags);

		wrong += fd < 0 || !close(fd) || errno != EIO;
		rounds++;
	}
	end_storm(&storm);

	EXPECT_EQ(0, storm.failures);
	EXPECT_EQ(0, wrong);
	EXPECT_EQ(self->twice, *flushes != rounds);
	TH_LOG("%d rounds, %d flushes, %d forks", rounds, *flushes,
	       storm.forks);
}

/* A table that close_range() makes never had what it is told to close. */
FIXTURE(close_range)
{
	struct flush_server server;
};

FIXTURE_SETUP(close_range)
{
	const char *missing;

	if (skip_race(_metadata, O_CLOFORK))
		return;

	missing = start_flush_server(&self->server);
	if (missing)
		SKIP(return, "%s: %s", missing, strerror(errno));
}

FIXTURE_TEARDOWN(close_range)
{
	EXPECT_EQ(0, end_flush_server(&self->server));
}

#define ABOVE	200	/* the range, so that the new table has room for it */

static int close_below(int fd)
{
	if (syscall(__NR_close_range, fd, ABOVE - 1, CLOSE_RANGE_UNSHARE))
		return errno;
	return fd_state(fd) != ABSENT || fd_state(ABOVE) == ABSENT;
}

TEST_F(close_range, unshare_flushes_nothing)
{
	int fd = open(self->server.file, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(100, fcntl(fd, F_DUPFD_CLOEXEC, 100));
	ASSERT_EQ(ABOVE - 1, fcntl(fd, F_DUPFD_CLOEXEC, ABOVE - 1));
	ASSERT_EQ(ABOVE, fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, ABOVE));

	EXPECT_EQ(0, in_sharer(close_below, fd));
	EXPECT_EQ(options.expect_race ? 3 : 0, self->server.state->flushes);
	EXPECT_EQ(FD_CLOEXEC, fd_state(fd));
	EXPECT_EQ(FD_CLOEXEC, fd_state(100));
	EXPECT_EQ(FD_CLOEXEC, fd_state(ABOVE - 1));
}

int main(int argc, char **argv)
{
	return close_on_fork_main(argc, argv);
}
