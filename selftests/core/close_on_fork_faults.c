// SPDX-License-Identifier: GPL-2.0-only
/*
 * No memory for a descriptor table, at each of the moments when it takes some:
 * the call says ENOMEM, and leaves descriptors, marks and references as they
 * were.  Setting a mark takes none, and never fails for it.
 *
 * See close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include <linux/close_range.h>
#include <poll.h>

#include "close_on_fork_common.h"
#include "descriptors.h"
#include "fail_nth.h"
#include "fork_children.h"

#define FIRST		10	/* of the descriptors that are looked at */
#define COUNT		190	/* of them, for a table of 256 */
#define BEYOND		300	/* that table */
#define MARKED		(FIRST + 4)
#define LOOKED_AT	512
#define ROUNDS		50	/* at most */

/* What dup_fd() allocates: the table, and an array, bitmaps and what names them. */
#define TABLE_ALLOCATIONS	4
#define GROWTH_ALLOCATIONS	3

FIXTURE(faults)
{
	struct fail_nth fail;
	pid_t sharer;		/* of the table */
	struct pollfd reader;	/* of the pipe that all of them write to */
	int states[LOOKED_AT];
};

/* A call that may fail, -1 with errno; what it returns else is passed to undo(). */
FIXTURE_VARIANT(faults)
{
	int (*call)(void);
	bool (*undo)(int result);
	bool shared;		/* or nothing is copied */
	int failures;		/* at least */
};

static int expected_in_child(int fd)
{
	int marks = all_marks[fd % ARRAY_SIZE(all_marks)];

	return marks & FD_CLOFORK ? ABSENT : marks;
}

static int wrong_in_child(int unused)
{
	(void)unused;
	for (int fd = FIRST; fd < FIRST + COUNT; fd++)
		if (fd_state(fd) != expected_in_child(fd))
			return 1;
	return 0;
}

static int call_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(wrong_in_child(0));
	return pid;
}

static bool reap_right(int pid)
{
	return !reap(pid);
}

static int call_unshare(void)
{
	return unshare(CLONE_FILES);
}

static int call_close_range(void)
{
	return syscall(__NR_close_range, BEYOND, BEYOND + 9,
		       CLOSE_RANGE_UNSHARE);
}

/* The mark is there already: it is the copy that matters. */
static int call_close_range_marking(void)
{
	return syscall(__NR_close_range, MARKED, MARKED,
		       CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOFORK);
}

static int call_dupfd(void)
{
	return fcntl(FIRST, F_DUPFD_CLOFORK, BEYOND);
}

static int call_dup3(void)
{
	return dup3(FIRST, BEYOND, O_CLOFORK | O_CLOEXEC);
}

static bool close_result(int fd)
{
	return fd == BEYOND && fd_state(fd) & FD_CLOFORK && !close(fd);
}

static int call_setfd(void)
{
	for (int fd = FIRST; fd < FIRST + COUNT; fd++)
		if (fcntl(fd, F_SETFD, BOTH) ||
		    fcntl(fd, F_SETFD, all_marks[fd % ARRAY_SIZE(all_marks)]))
			return -1;
	return 0;
}

static bool nothing(int result)
{
	return !result;
}

FIXTURE_VARIANT_ADD(faults, fork)
{
	.call = call_fork,
	.undo = reap_right,
	.failures = TABLE_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, unshare)
{
	.call = call_unshare,
	.undo = nothing,
	.shared = true,
	.failures = TABLE_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, close_range_unshare)
{
	.call = call_close_range,
	.undo = nothing,
	.shared = true,
	.failures = TABLE_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, close_range_unshare_mark)
{
	.call = call_close_range_marking,
	.undo = nothing,
	.shared = true,
	.failures = TABLE_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, f_dupfd_clofork)
{
	.call = call_dupfd,
	.undo = close_result,
	.failures = GROWTH_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, dup3)
{
	.call = call_dup3,
	.undo = close_result,
	.failures = GROWTH_ALLOCATIONS,
};

FIXTURE_VARIANT_ADD(faults, f_setfd)
{
	.call = call_setfd,
	.undo = nothing,
};

static void look(int *states)
{
	for (int fd = 0; fd < LOOKED_AT; fd++)
		states[fd] = fd_state(fd);
}

static int wait_for_signal(int unused)
{
	return unused + pause();
}

static pid_t begin_sharing(void)
{
	return clone3_child(CLONE_FILES, wait_for_signal, 0);
}

static void end_sharing(pid_t *sharer)
{
	if (*sharer > 0) {
		kill(*sharer, SIGKILL);
		waitpid(*sharer, NULL, 0);
	}
	*sharer = -1;
}

/*
 * What the call before has copied is shared again; or what it has let grow is
 * no larger than its descriptors again, as every copy is.
 */
static bool renew_table(pid_t *sharer, bool shared)
{
	end_sharing(sharer);
	*sharer = begin_sharing();
	if (*sharer < 0 || shared)
		return *sharer >= 0;
	if (unshare(CLONE_FILES))
		return false;
	end_sharing(sharer);
	return true;
}

FIXTURE_SETUP(faults)
{
	const char *missing;
	int pipefd[2];

	self->sharer = -1;
	if (skip_without_close_on_fork(_metadata))
		return;
	missing = start_fail_nth(&self->fail);
	if (missing)
		SKIP(return, "no fault injection here, %s: %s", missing,
		     strerror(errno));

	raise_nofile(1024);
	ASSERT_EQ(0, pipe2(pipefd, O_CLOEXEC));
	self->reader = (struct pollfd) { .fd = pipefd[0] };
	for (int i = FIRST; i < FIRST + COUNT; i++)
		ASSERT_EQ(i, set_marks(dup2(pipefd[1], i),
				       all_marks[i % ARRAY_SIZE(all_marks)]));
	ASSERT_EQ(0, close(pipefd[1]));
	look(self->states);
}

FIXTURE_TEARDOWN(faults)
{
	end_sharing(&self->sharer);
	end_fail_nth(&self->fail);
}

static void expect_as_before(struct __test_metadata *_metadata,
			     const int *states)
{
	int now[LOOKED_AT];

	look(now);
	for (int fd = 0; fd < LOOKED_AT; fd++) {
		EXPECT_EQ(states[fd], now[fd])
			TH_LOG("the state of descriptor %d", fd);
	}
}

static void expect_last_reference(struct __test_metadata *_metadata,
				  struct pollfd *reader)
{
	EXPECT_EQ(0, poll(reader, 1, 0));
	EXPECT_EQ(0, syscall(__NR_close_range, FIRST, ~0U, 0));
	EXPECT_EQ(1, poll(reader, 1, 0));
	EXPECT_EQ(POLLHUP, reader->revents);
}

/*
 * The first allocation of the call fails, then the second, until there is none.
 * Among them are those of a slab cache that is refilled, and of the kernel's own
 * debugging, now and then: a fault meant for the next one of the table can come
 * to be theirs, who get over it.  Then it takes another round.
 */
TEST_F_TIMEOUT(faults, each_allocation, 300)
{
	int failures = 0, nth = 0, left, result, error;

	for (int round = 0; round < ROUNDS; round += !!left) {
		ASSERT_TRUE(renew_table(&self->sharer, variant->shared));
		ASSERT_TRUE(set_fail_nth(&self->fail, ++nth));
		result = variant->call();
		error = errno;
		left = left_to_fail(&self->fail);
		ASSERT_TRUE(set_fail_nth(&self->fail, 0));

		if (result < 0) {
			failures++;
			EXPECT_EQ(ENOMEM, error);
			ASSERT_EQ(0, left);
		} else {
			EXPECT_TRUE(variant->undo(result));
		}
		expect_as_before(_metadata, self->states);
		if (!left)
			continue;
		TH_LOG("%d of %d faults failed the call", failures, nth - 1);
		if (failures >= variant->failures)
			break;
		failures = 0;
		nth = 0;
	}
	end_sharing(&self->sharer);
	expect_last_reference(_metadata, &self->reader);
	EXPECT_LE(variant->failures, failures);
	EXPECT_EQ(!variant->failures, !failures);
}

int main(int argc, char **argv)
{
	return close_on_fork_main(argc, argv);
}
