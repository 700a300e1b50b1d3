// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every interface that makes a descriptor takes close-on-fork where it takes
 * close-on-exec; io_uring's are in io_uring_close_on_fork_test.c.
 *
 * See close_on_fork_matrix.h for the properties, make_*.h for the interfaces,
 * close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include "close_on_fork_matrix.h"
#include "make_buffers.h"
#include "make_events.h"
#include "make_fanotify.h"
#include "make_files.h"
#include "make_fixed.h"
#include "make_injected.h"
#include "make_memory.h"
#include "make_mounts.h"
#include "make_opened.h"
#include "make_received.h"
#include "make_sockets.h"

/* Which is all that the probe for the feature has not asked. */
FIXTURE(feature)
{
};

FIXTURE_SETUP(feature)
{
}

FIXTURE_TEARDOWN(feature)
{
}

TEST_F(feature, is_the_same_to_every_interface)
{
	bool has = has_close_on_fork();

	EXPECT_EQ(has, make_f_dupfd(FD_CLOFORK, 0) >= 0);
	EXPECT_EQ(has, make_openat2(FD_CLOFORK, 0) >= 0);
	EXPECT_EQ(has, make_openat2_path(FD_CLOFORK, 0) >= 0);
	EXPECT_EQ(has, make_dup3(FD_CLOFORK, 0) >= 0);
	EXPECT_EQ(has, make_pipe2_read(FD_CLOFORK, 0) >= 0);
	EXPECT_EQ(has, state_in_fork(make_openat(FD_CLOFORK, 0)) == ABSENT);
}

int main(int argc, char **argv)
{
	return matrix_main(argc, argv);
}
