// SPDX-License-Identifier: GPL-2.0-only
/*
 * EPIPE that does not come: a write to a pipe succeeds after its only reader
 * has closed it, because another thread's child, between fork and exec, still
 * holds the read end.
 *
 * See close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "close_on_fork_common.h"
#include "fork_storm.h"

FIXTURE(epipe_race)
{
	int flags;
};

FIXTURE_VARIANT(epipe_race)
{
	int flags;
};

FIXTURE_VARIANT_ADD(epipe_race, unmarked)
{
	.flags = O_CLOEXEC,
};

FIXTURE_VARIANT_ADD(epipe_race, marked)
{
	.flags = O_CLOEXEC | O_CLOFORK,
};

FIXTURE_SETUP(epipe_race)
{
	if (skip_race(_metadata, variant->flags))
		return;

	/* open(2) ignores the mark where it is unknown, pipe2(2) refuses it. */
	self->flags = variant->flags;
	if (!has_close_on_fork())
		self->flags &= ~O_CLOFORK;
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(epipe_race)
{
}

/* 0 if there is still a reader somewhere, else EPIPE. */
static int write_byte(int fd)
{
	return write(fd, "", 1) == 1 ? 0 : errno;
}

TEST_F(epipe_race, stopped_child)
{
	struct stopped_child child;
	int fds[2];

	ASSERT_EQ(0, pipe2(fds, self->flags));
	child = fork_stopped(NULL, 0);
	ASSERT_LT(0, child.pid);

	EXPECT_EQ(0, close(fds[0]));
	EXPECT_EQ(race_expected(variant->flags) ? 0 : EPIPE,
		  write_byte(fds[1]));

	let_go(&child);
	EXPECT_EQ(0, reap(child.pid));
	EXPECT_EQ(EPIPE, write_byte(fds[1]));
	close(fds[1]);
}

static int write_after_close(int flags)
{
	int fds[2], err;

	if (pipe2(fds, flags))
		return errno;
	close(fds[0]);
	err = write_byte(fds[1]);
	close(fds[1]);
	return err;
}

TEST_F_TIMEOUT(epipe_race, fork_storm, 300)
{
	struct fork_storm storm;
	int err = EPIPE, rounds;

	ASSERT_TRUE(start_storm(&storm)) end_storm(&storm);
	for (rounds = 0; err == EPIPE; rounds++) {
		if (!storm_lasts(&storm, variant->flags))
			break;
		err = write_after_close(self->flags);
	}
	end_storm(&storm);

	EXPECT_EQ(0, storm.failures);
	EXPECT_EQ(race_expected(variant->flags) ? 0 : EPIPE, err);
	TH_LOG("%d pipes, %d forks", rounds, storm.forks);
}

int main(int argc, char **argv)
{
	return close_on_fork_main(argc, argv);
}
