/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The matrix: variants of the fixture "descriptor" are the interfaces that make
 * a descriptor, its tests are the properties that the descriptor must have.
 * The interfaces are in the headers named make_*.h, a program takes the ones
 * that it wants.
 */
#ifndef _SELFTESTS_CLOSE_ON_FORK_MATRIX_H
#define _SELFTESTS_CLOSE_ON_FORK_MATRIX_H

/* Before close_on_fork.h: a C library may make its names enumerators. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "close_on_fork_common.h"
#include "descriptors.h"
#include "fork_children.h"

/* A bit that is in no interface's flags, if the variant does not name one. */
#define UNKNOWN_FLAG	0x80000000

/*
 * An interface.  @marks are FD_* flags; @extra goes into its own flags as it
 * is.  What else it opens it closes.
 */
typedef int make_fn(int marks, unsigned int extra);

FIXTURE(descriptor)
{
};

FIXTURE_VARIANT(descriptor)
{
	make_fn *make;
	int always;		/* the marks that it sets unasked */
	unsigned int unknown;
	int refuses_unknown;	/* with this errno, or 0: ignores it */
};

/*
 * What cannot be made even without close-on-fork says nothing of it: no such
 * device, system call or file system here, or not the privilege for it.
 */
FIXTURE_SETUP(descriptor)
{
	int fd;

	if (skip_without_close_on_fork(_metadata))
		return;
	fd = variant->make(0, 0);
	if (fd < 0)
		SKIP(return, "not to be had here, marked or not: %s",
		     strerror(errno));
	close(fd);
}

FIXTURE_TEARDOWN(descriptor)
{
}

static int made_by(struct __test_metadata *_metadata, make_fn *make, int marks)
{
	int fd = make(marks, 0);

	ASSERT_LE(0, fd) TH_LOG("marks %d: %s", marks, strerror(errno));
	return fd;
}

TEST_F(descriptor, has_the_marks_asked_for)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_marks); i++) {
		int fd = made_by(_metadata, variant->make, all_marks[i]);

		EXPECT_EQ(all_marks[i] | variant->always, fd_state(fd));
	}
}

TEST_F(descriptor, absent_after_fork)
{
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);
	int both = made_by(_metadata, variant->make, BOTH);

	EXPECT_EQ(ABSENT, state_in_fork(fd));
	EXPECT_EQ(ABSENT, state_in_fork(both));
}

TEST_F(descriptor, absent_after_vfork)
{
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);

	EXPECT_EQ(ABSENT, state_in_vfork(fd));
}

TEST_F(descriptor, absent_after_clone3)
{
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);

	EXPECT_EQ(ABSENT, state_in_clone3(fd));
}

TEST_F(descriptor, absent_after_posix_spawn)
{
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);

	EXPECT_EQ(ABSENT, state_in_posix_spawn(fd));
}

TEST_F(descriptor, inherited_when_unmarked)
{
	int fd = made_by(_metadata, variant->make, 0);
	int cloexec = made_by(_metadata, variant->make, FD_CLOEXEC);

	EXPECT_EQ(variant->always, state_in_fork(fd));
	EXPECT_EQ(FD_CLOEXEC, state_in_fork(cloexec));
}

TEST_F(descriptor, kept_by_unshare)
{
	int marks = FD_CLOFORK | variant->always;
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);

	EXPECT_EQ(marks, in_sharer(unshare_then_state, fd));
	EXPECT_EQ(marks, fd_state(fd));
}

TEST_F(descriptor, exec_clears_mark)
{
	int after_exec = variant->always & FD_CLOEXEC ? ABSENT : 0;
	int fd = made_by(_metadata, variant->make, FD_CLOFORK);

	EXPECT_EQ(after_exec, in_sharer(exec_state, fd));
	EXPECT_EQ(after_exec, in_sharer(exec_state_in_fork, fd));
}

TEST_F(descriptor, exec_closes_with_both_marks)
{
	int fd = made_by(_metadata, variant->make, BOTH);

	EXPECT_EQ(ABSENT, in_sharer(exec_state, fd));
}

TEST_F(descriptor, invisible_to_getfl)
{
	int plain = made_by(_metadata, variant->make, 0);
	int marked = made_by(_metadata, variant->make, FD_CLOFORK);
	int flags = fcntl(marked, F_GETFL);

	EXPECT_LE(0, flags);
	EXPECT_EQ(0, flags & O_CLOFORK);
	EXPECT_EQ(fcntl(plain, F_GETFL), flags);
}

TEST_F(descriptor, shown_in_fdinfo)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_marks); i++) {
		int fd = made_by(_metadata, variant->make, all_marks[i]);
		int flags = fdinfo_flags(getpid(), fd);

		EXPECT_LE(0, flags);
		EXPECT_EQ(o_flags(all_marks[i] | variant->always),
			  flags & o_flags(BOTH));
	}
}

TEST_F(descriptor, unknown_flags_stay_unknown)
{
	int fd = variant->make(FD_CLOFORK, variant->unknown ?: UNKNOWN_FLAG);

	if (variant->refuses_unknown) {
		EXPECT_EQ(-1, fd);
		EXPECT_EQ(variant->refuses_unknown, errno);
	} else {
		EXPECT_EQ(FD_CLOFORK | variant->always, fd_state(fd));
	}
}

/* More numbers than any interface takes, with what it needs meanwhile. */
#define REUSED	16

TEST_F(descriptor, unmarked_on_reused_number)
{
	int first = open_null(o_flags(BOTH)), fd;

	for (int i = 1; i < REUSED; i++)
		ASSERT_EQ(first + i, open_null(o_flags(BOTH)));
	ASSERT_EQ(0, syscall(__NR_close_range, first, first + REUSED - 1, 0));

	fd = made_by(_metadata, variant->make, 0);
	EXPECT_LE(first, fd);
	EXPECT_GT(first + REUSED, fd);
	EXPECT_EQ(variant->always, fd_state(fd));
	EXPECT_EQ(variant->always, state_in_fork(fd));
}

TEST_F(descriptor, works_above_first_table)
{
	int fd;

	raise_nofile(2048);
	ASSERT_TRUE(fill_below(1100));
	fd = made_by(_metadata, variant->make, FD_CLOFORK);
	EXPECT_LE(1100, fd);
	EXPECT_EQ(FD_CLOFORK | variant->always, fd_state(fd));
	EXPECT_EQ(ABSENT, state_in_fork(fd));
	EXPECT_EQ(0, state_in_fork(1099));
}

static int matrix_main(int argc, char **argv)
{
	int answer = answer_question(argc, argv);
	const struct __fixture_variant_metadata *variant;
	const struct __test_metadata *test;
	int interfaces = 0, properties = 0;

	if (answer >= 0)
		return answer;
	for (variant = _descriptor_fixture_object.variant; variant;
	     variant = variant->next)
		interfaces++;
	for (test = _descriptor_fixture_object.tests; test; test = test->next)
		properties++;
	printf("# %d interfaces, %d properties\n", interfaces, properties);
	return close_on_fork_main(argc, argv);
}

#endif /* _SELFTESTS_CLOSE_ON_FORK_MATRIX_H */
