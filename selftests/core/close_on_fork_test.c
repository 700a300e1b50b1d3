// SPDX-License-Identifier: GPL-2.0-only
/*
 * Close-on-fork: a descriptor marked with it is not copied into the table of a
 * forked child, and nothing else about it changes.
 *
 * Here: every way to make a child, the table itself, what shares or copies it,
 * close_range(), what hands descriptors on, and who may come between.  The
 * interfaces that make descriptors are in close_on_fork_interfaces_test.c and
 * io_uring_close_on_fork_test.c.
 *
 * See close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "close_on_fork_common.h"
#include "descriptors.h"
#include "fork_children.h"
#include "scm_message.h"

#define MAX_FIRST_TABLE	64	/* descriptors, on any architecture */

/* The ways to make a child. */
FIXTURE(child)
{
	int fd;
};

FIXTURE_VARIANT(child)
{
	int (*state)(int fd);
};

FIXTURE_VARIANT_ADD(child, fork)
{
	.state = state_in_fork,
};

FIXTURE_VARIANT_ADD(child, vfork)
{
	.state = state_in_vfork,
};

#ifdef HAS_BARE_FORK
FIXTURE_VARIANT_ADD(child, bare_fork)
{
	.state = state_in_bare_fork,
};
#endif

FIXTURE_VARIANT_ADD(child, clone)
{
	.state = state_in_clone,
};

FIXTURE_VARIANT_ADD(child, clone3)
{
	.state = state_in_clone3,
};

FIXTURE_VARIANT_ADD(child, posix_spawn)
{
	.state = state_in_posix_spawn,
};

FIXTURE_VARIANT_ADD(child, system)
{
	.state = state_in_system,
};

FIXTURE_VARIANT_ADD(child, popen)
{
	.state = state_in_popen,
};

FIXTURE_SETUP(child)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->fd = open_null(0);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(child)
{
}

TEST_F(child, lacks_marked)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, FD_CLOFORK));
	EXPECT_EQ(ABSENT, variant->state(self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, BOTH));
	EXPECT_EQ(ABSENT, variant->state(self->fd));
}

TEST_F(child, has_unmarked)
{
	EXPECT_EQ(0, variant->state(self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, FD_CLOFORK));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	EXPECT_EQ(0, variant->state(self->fd));
}

TEST_F(child, leaves_parent_alone)
{
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, FD_CLOFORK));
	variant->state(self->fd);
	EXPECT_EQ(FD_CLOFORK, fd_state(self->fd));
	EXPECT_EQ(0, fcntl(self->fd, F_GETFL) & O_ACCMODE);
}

/* The table: numbers, words, size, growth. */
FIXTURE(table)
{
};

FIXTURE_SETUP(table)
{
	skip_without_close_on_fork(_metadata);
}

FIXTURE_TEARDOWN(table)
{
}

/* What the next descriptors of a child must be numbered, then 0. */
static const int *next_numbers;

static int wrong_number(int unused)
{
	(void)unused;
	for (int i = 0; next_numbers[i]; i++) {
		int fd = dup(STDIN_FILENO);

		if (fd != next_numbers[i] || fd_state(fd))
			return i + 1;
	}
	return 0;
}

static void check_next_numbers(struct __test_metadata *_metadata,
			       const int *numbers)
{
	next_numbers = numbers;
	EXPECT_EQ(0, in_fork(wrong_number, 0));
	EXPECT_EQ(0, in_vfork(wrong_number, 0));
}

TEST_F(table, child_reuses_marked_number)
{
	ASSERT_TRUE(fill_below(6));
	ASSERT_EQ(0, fcntl(4, F_SETFD, FD_CLOFORK));
	check_next_numbers(_metadata, (int[]){ 4, 6, 7, 0 });
	EXPECT_EQ(FD_CLOFORK, fd_state(4));
}

static int state_of_reused(int fd)
{
	return dup2(STDIN_FILENO, fd) == fd ? fd_state_beside_mark(fd) :
					      NO_ANSWER;
}

/* Nor does the child's table remember that the number was marked. */
TEST_F(table, child_begins_without_marks)
{
	ASSERT_TRUE(fill_below(192));
	ASSERT_EQ(0, fcntl(4, F_SETFD, FD_CLOFORK));
	ASSERT_EQ(0, fcntl(100, F_SETFD, FD_CLOFORK));
	EXPECT_EQ(0, in_fork(state_of_reused, 4));
	EXPECT_EQ(0, in_fork(state_of_reused, 100));
	EXPECT_EQ(0, in_vfork(state_of_reused, 100));
}

/* Words without a free number are skipped: the child's are no longer full. */
TEST_F(table, child_reuses_numbers_in_full_words)
{
	ASSERT_TRUE(fill_below(192));
	ASSERT_EQ(0, fcntl(10, F_SETFD, FD_CLOFORK));
	ASSERT_EQ(0, fcntl(70, F_SETFD, FD_CLOFORK));
	ASSERT_EQ(0, fcntl(191, F_SETFD, FD_CLOFORK));
	check_next_numbers(_metadata, (int[]){ 10, 70, 191, 192, 0 });
}

TEST_F(table, child_skips_words_that_stay_full)
{
	ASSERT_TRUE(fill_below(192));
	for (int fd = 64; fd < 128; fd++)
		ASSERT_EQ(0, fcntl(fd, F_SETFD, FD_CLOFORK));
	check_next_numbers(_metadata, (int[]){ 64, 65, 66, 0 });

	for (int fd = 65; fd < 128; fd++)
		ASSERT_EQ(0, fcntl(fd, F_SETFD, 0));
	check_next_numbers(_metadata, (int[]){ 64, 192, 193, 0 });
}

#define ALTERNATE_END	10003

static int open_alternately(void)
{
	int fd = 3;

	while (fd < ALTERNATE_END &&
	       fcntl(STDIN_FILENO, fd % 2 ? F_DUPFD_CLOFORK : F_DUPFD, 3) == fd)
		fd++;
	return fd;
}

static int alternation_broken(int odd_state)
{
	for (int fd = 3; fd < ALTERNATE_END; fd++)
		if (fd_state(fd) != (fd % 2 ? odd_state : 0))
			return 1;
	return 0;
}

TEST_F(table, child_has_exactly_the_unmarked)
{
	rlim_t allowed = raise_nofile(ALTERNATE_END + 1);

	if (allowed <= ALTERNATE_END)
		SKIP(return, "RLIMIT_NOFILE is %lu, this takes %d",
		     (unsigned long)allowed, ALTERNATE_END + 1);
	ASSERT_EQ(ALTERNATE_END, open_alternately());
	EXPECT_EQ(0, in_fork(alternation_broken, ABSENT));
	EXPECT_EQ(0, in_vfork(alternation_broken, ABSENT));
	EXPECT_EQ(0, alternation_broken(FD_CLOFORK));
}

TEST_F(table, growth_keeps_marks)
{
	static const int numbers[] = { 63, 64, 127, 128, 300, 1100, 3000 };
	int marked = open_null(O_CLOFORK), plain = open_null(0);

	raise_nofile(4096);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		ASSERT_EQ(numbers[i], fcntl(plain, i % 2 ? F_DUPFD :
					    F_DUPFD_CLOFORK, numbers[i]));
		EXPECT_EQ(FD_CLOFORK, fd_state(marked));
		EXPECT_EQ(ABSENT, state_in_fork(marked));
		EXPECT_EQ(0, state_in_fork(plain));
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		EXPECT_EQ(i % 2 ? 0 : FD_CLOFORK, fd_state(numbers[i]));
		EXPECT_EQ(i % 2 ? 0 : ABSENT, state_in_fork(numbers[i]));
	}
}

TEST_F(table, close_range_leaves_no_mark)
{
	int fd = open_null(O_CLOFORK);

	ASSERT_EQ(0, syscall(__NR_close_range, fd, fd, 0));
	ASSERT_EQ(fd, open_null(0));
	EXPECT_EQ(0, fd_state(fd));
	EXPECT_EQ(0, state_in_fork(fd));
}

/* The size of the own table in units of 32 slots, 255 at the most. */
static int table_size(int unused)
{
	FILE *stream = fopen("/proc/self/status", "re");
	char line[128];
	int size = 0;

	(void)unused;
	while (stream && fgets(line, sizeof(line), stream))
		if (sscanf(line, "FDSize: %d", &size) == 1)
			break;
	size /= 32;
	return size < 255 ? size : 255;
}

#define MANY	100000

TEST_F_TIMEOUT(table, marked_ones_do_not_size_childs, 120)
{
	int empty = in_fork(table_size, 0);
	int end = raise_nofile(MANY), last;

	ASSERT_LT(0, empty);
	ASSERT_LE(1024, end) TH_LOG("RLIMIT_NOFILE is too low");
	do {
		last = fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 3);
	} while (last >= 0 && last < end - 1);
	ASSERT_EQ(end - 1, last);
	EXPECT_EQ(empty, in_fork(table_size, 0));
	EXPECT_EQ(empty, in_vfork(table_size, 0));

	ASSERT_EQ(0, fcntl(last, F_SETFD, 0));
	EXPECT_LT(empty, in_fork(table_size, 0));
}

TEST_F(table, highest_unmarked_sizes_childs)
{
	int with_200;

	raise_nofile(4096);
	ASSERT_EQ(200, fcntl(STDIN_FILENO, F_DUPFD, 200));
	with_200 = in_fork(table_size, 0);
	ASSERT_LT(0, with_200);

	ASSERT_EQ(500, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 500));
	ASSERT_EQ(1000, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 1000));
	EXPECT_EQ(with_200, in_fork(table_size, 0));
	EXPECT_EQ(0, state_in_fork(200));

	ASSERT_EQ(600, fcntl(STDIN_FILENO, F_DUPFD, 600));
	EXPECT_LT(with_200, in_fork(table_size, 0));
}

/* However many words are looked at together. */
TEST_F(table, unmarked_in_any_word_is_copied)
{
	raise_nofile(2048);
	ASSERT_EQ(2000, fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 2000));
	for (int fd = 32; fd < 2000; fd += 32) {
		ASSERT_EQ(fd, fcntl(STDIN_FILENO, F_DUPFD, fd));
		EXPECT_EQ(0, state_in_fork(fd));
		ASSERT_EQ(0, close(fd));
	}
}

/* What shares the table, and what copies it without making a process. */
FIXTURE(sharing)
{
	int fd;
};

FIXTURE_SETUP(sharing)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->fd = open_null(O_CLOFORK);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(sharing)
{
}

static void *state_in_thread(void *arg)
{
	int *fd = arg;

	*fd = fd_state(*fd);
	return NULL;
}

TEST_F(sharing, thread_has_marked)
{
	int state = self->fd;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, state_in_thread, &state));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(FD_CLOFORK, state);
}

static int swap_marks(int fd)
{
	int state = fd_state(fd);

	return fcntl(fd, F_SETFD, FD_CLOEXEC) ? NO_ANSWER : state;
}

TEST_F(sharing, clone_files_shares_descriptor_and_mark)
{
	EXPECT_EQ(FD_CLOFORK, in_sharer(swap_marks, self->fd));
	EXPECT_EQ(FD_CLOEXEC, fd_state(self->fd));
}

static int unshare_then_swap_marks(int fd)
{
	return unshare(CLONE_FILES) ? NO_ANSWER : swap_marks(fd);
}

static int unshare_then_fork(int fd)
{
	return unshare(CLONE_FILES) ? NO_ANSWER : state_in_fork(fd);
}

TEST_F(sharing, unshare_copies_descriptor_and_mark)
{
	EXPECT_EQ(FD_CLOFORK, in_sharer(unshare_then_swap_marks, self->fd));
	EXPECT_EQ(FD_CLOFORK, fd_state(self->fd));
	EXPECT_EQ(ABSENT, in_sharer(unshare_then_fork, self->fd));
}

/* 50-70 are closed: marked 49 and 71 are left, and 50 and 70 are not. */
static int close_range_unshare(int last)
{
	if (syscall(__NR_close_range, 50, last, CLOSE_RANGE_UNSHARE) ||
	    fd_state(50) != ABSENT || fd_state(70) != ABSENT ||
	    fd_state(49) != FD_CLOFORK)
		return NO_ANSWER;
	return fd_state(71);
}

TEST_F(sharing, close_range_unshare_keeps_what_is_outside)
{
	static const int numbers[] = { 49, 50, 70, 71 };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		ASSERT_EQ(numbers[i], fcntl(self->fd, F_DUPFD_CLOFORK,
					    numbers[i]));
	EXPECT_EQ(FD_CLOFORK, in_sharer(close_range_unshare, 70));
	EXPECT_EQ(ABSENT, in_sharer(close_range_unshare, -1));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		EXPECT_EQ(FD_CLOFORK, fd_state(numbers[i]));
}

TEST_F(sharing, exec_leaves_sharer_alone)
{
	EXPECT_EQ(0, in_sharer(exec_state, self->fd));
	EXPECT_EQ(FD_CLOFORK, fd_state(self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, BOTH));
	EXPECT_EQ(ABSENT, in_sharer(exec_state, self->fd));
	EXPECT_EQ(BOTH, fd_state(self->fd));
}

/* Marked when there is no table to unshare first. */
static int mark_then_exec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOFORK) ? NO_ANSWER : exec_state(fd);
}

static int mark_then_exec_then_fork(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOFORK) ? NO_ANSWER :
						exec_state_in_fork(fd);
}

static int mark_then_exec_then_mark(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOFORK) ?
		       NO_ANSWER :
		       fd_state_after_exec(STATE_BESIDE_MARK, fd);
}

TEST_F(sharing, exec_of_private_table_clears_mark)
{
	int high;

	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, 0));
	EXPECT_EQ(0, in_fork(mark_then_exec, self->fd));
	EXPECT_EQ(0, in_fork(mark_then_exec_then_fork, self->fd));
	EXPECT_EQ(0, in_fork(mark_then_exec_then_mark, self->fd));

	high = fcntl(self->fd, F_DUPFD, 5 * MAX_FIRST_TABLE);
	EXPECT_EQ(0, in_fork(mark_then_exec, high));
	EXPECT_EQ(0, in_fork(mark_then_exec_then_fork, high));
	EXPECT_EQ(0, in_fork(mark_then_exec_then_mark, high));
}

static int dump_core(int unused)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	(void)unused;
	setrlimit(RLIMIT_CORE, &limit);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	abort();
}

/* Whether a core becomes a file in the directory of who dumps it. */
static bool cores_stay_here(void)
{
	char pattern[16] = "";
	FILE *stream = fopen("/proc/sys/kernel/core_pattern", "re");

	if (!stream)
		return false;
	if (fscanf(stream, "%15s", pattern) != 1)
		pattern[0] = 0;
	fclose(stream);
	return !strcmp(pattern, "core");
}

static void remove_core(const char *dir, pid_t pid)
{
	char name[32];

	snprintf(name, sizeof(name), "core.%d", pid);	/* core_uses_pid */
	unlink(name);
	unlink("core");
	rmdir(dir);
}

/* From its first signal until it exits, its core dumped and its table left. */
static bool trace_to_exit(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSTOPPED(status) &&
	       !ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT) &&
	       !ptrace(PTRACE_CONT, pid, NULL, SIGABRT) &&
	       waitpid(pid, &status, 0) == pid &&
	       status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

TEST_F(sharing, coredump_keeps_descriptor_and_mark)
{
	char dir[] = "/tmp/close_on_fork.XXXXXX";
	int status, in_dumper;
	pid_t pid;

	if (!cores_stay_here())
		SKIP(return, "kernel.core_pattern is not 'core'");
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_EQ(0, chdir(dir));

	pid = clone3_child(CLONE_FILES, dump_core, 0);
	ASSERT_LT(0, pid);
	EXPECT_TRUE(trace_to_exit(pid));
	in_dumper = fdinfo_flags(pid, self->fd);
	EXPECT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, 0));
	EXPECT_EQ(pid, waitpid(pid, &status, 0));
	remove_core(dir, pid);

	if (!WCOREDUMP(status))
		SKIP(return, "no core dumped: RLIMIT_CORE or kernel config");
	EXPECT_LE(0, in_dumper);
	EXPECT_EQ(O_CLOFORK, in_dumper & O_CLOFORK);
	EXPECT_EQ(FD_CLOFORK, fd_state(self->fd));
}

/* sys_close_range(CLOSE_RANGE_CLOFORK). */
FIXTURE(close_range)
{
};

#define HOLE	44

FIXTURE_SETUP(close_range)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	/* 40-43 have all_marks, so have 50-53. */
	for (int i = 0; i < 4; i++) {
		int low = fcntl(STDIN_FILENO, F_DUPFD, 40 + i);
		int high = fcntl(STDIN_FILENO, F_DUPFD, 50 + i);

		ASSERT_EQ(40 + i, set_marks(low, all_marks[i]));
		ASSERT_EQ(50 + i, set_marks(high, all_marks[i]));
	}
}

FIXTURE_TEARDOWN(close_range)
{
}

static int sys_close_range(unsigned int first, unsigned int last,
			   unsigned int flags)
{
	return syscall(__NR_close_range, first, last, flags);
}

/* Whether the four from @first have all_marks, and @marks besides. */
static bool all_marked(int first, int marks)
{
	for (int i = 0; i < 4; i++)
		if (fd_state(first + i) != (all_marks[i] | marks))
			return false;
	return true;
}

TEST_F(close_range, sets_mark_and_only_the_mark)
{
	EXPECT_EQ(0, sys_close_range(40, 49, CLOSE_RANGE_CLOFORK));
	EXPECT_TRUE(all_marked(40, FD_CLOFORK));
	EXPECT_TRUE(all_marked(50, 0));
	EXPECT_EQ(ABSENT, state_in_fork(40));
	EXPECT_EQ(0, state_in_fork(50));
}

static int mark_by_range(int fd)
{
	if (sys_close_range(fd, fd, CLOSE_RANGE_CLOFORK) ||
	    fd_state(fd) != FD_CLOFORK)
		return NO_ANSWER;
	return state_in_fork(fd);
}

/* The table of a child has none to begin with. */
TEST_F(close_range, gives_a_table_its_first_marks)
{
	EXPECT_EQ(ABSENT, in_fork(mark_by_range, 40));
}

TEST_F(close_range, sets_both_marks)
{
	EXPECT_EQ(0, sys_close_range(40, 49, CLOSE_RANGE_CLOFORK |
					 CLOSE_RANGE_CLOEXEC));
	EXPECT_TRUE(all_marked(40, BOTH));
	EXPECT_TRUE(all_marked(50, 0));
}

TEST_F(close_range, cloexec_keeps_mark)
{
	EXPECT_EQ(0, sys_close_range(40, 49, CLOSE_RANGE_CLOEXEC));
	EXPECT_TRUE(all_marked(40, FD_CLOEXEC));
	EXPECT_EQ(ABSENT, state_in_fork(42));
}

/* What CLOSE_RANGE_UNSHARE copies, the marked ones included, is then marked. */
static int unshare_and_mark(int flags)
{
	int marks = flags & CLOSE_RANGE_CLOEXEC ? BOTH : FD_CLOFORK;

	if (sys_close_range(40, 49, CLOSE_RANGE_UNSHARE | flags))
		return 1;
	return !all_marked(40, marks) || !all_marked(50, 0) ||
	       state_in_fork(40) != ABSENT;
}

TEST_F(close_range, marks_private_copy_only)
{
	EXPECT_EQ(0, in_sharer(unshare_and_mark, CLOSE_RANGE_CLOFORK));
	EXPECT_EQ(0, in_sharer(unshare_and_mark, CLOSE_RANGE_CLOFORK |
						 CLOSE_RANGE_CLOEXEC));
	EXPECT_TRUE(all_marked(40, 0));
	EXPECT_TRUE(all_marked(50, 0));
}

TEST_F(close_range, leaves_holes_alone)
{
	EXPECT_EQ(0, sys_close_range(40, 60, CLOSE_RANGE_CLOFORK));
	EXPECT_EQ(ABSENT, fd_state(HOLE));
	EXPECT_EQ(HOLE, fcntl(STDIN_FILENO, F_DUPFD, HOLE));
	EXPECT_EQ(0, fd_state(HOLE));
	EXPECT_EQ(0, state_in_fork(HOLE));
}

TEST_F(close_range, reaches_past_the_table)
{
	int beyond = 10 * MAX_FIRST_TABLE;

	EXPECT_EQ(0, sys_close_range(beyond, ~0U, CLOSE_RANGE_CLOFORK));
	EXPECT_TRUE(all_marked(50, 0));
	EXPECT_EQ(0, sys_close_range(50, ~0U, CLOSE_RANGE_CLOFORK));
	EXPECT_TRUE(all_marked(40, 0));
	EXPECT_TRUE(all_marked(50, FD_CLOFORK));
	EXPECT_EQ(beyond, fcntl(STDIN_FILENO, F_DUPFD, beyond));
	EXPECT_EQ(0, fd_state(beyond));
}

TEST_F(close_range, marks_whole_words_and_parts)
{
	raise_nofile(2048);
	ASSERT_TRUE(fill_below(1200));
	EXPECT_EQ(0, sys_close_range(100, 1100, CLOSE_RANGE_CLOFORK));
	for (int fd = 90; fd < 1200; fd++) {
		int marks = fd >= 100 && fd <= 1100 ? FD_CLOFORK : 0;

		EXPECT_EQ(marks, fd_state(fd));
	}
	EXPECT_EQ(0, state_in_fork(99));
	EXPECT_EQ(ABSENT, state_in_fork(100));
	EXPECT_EQ(ABSENT, state_in_fork(1100));
	EXPECT_EQ(0, state_in_fork(1101));
}

TEST_F(close_range, refuses_what_it_refused)
{
	EXPECT_EQ(-1, sys_close_range(40, 49, CLOSE_RANGE_CLOFORK | 1U << 4));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, sys_close_range(40, 49, CLOSE_RANGE_CLOFORK | 1U << 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, sys_close_range(49, 40, CLOSE_RANGE_CLOFORK));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_TRUE(all_marked(40, 0));
}

TEST_F(close_range, closes_marked_without_flags)
{
	EXPECT_EQ(0, sys_close_range(40, 49, 0));
	for (int fd = 40; fd < 44; fd++)
		EXPECT_EQ(ABSENT, fd_state(fd));
	EXPECT_EQ(42, fcntl(STDIN_FILENO, F_DUPFD, 42));
	EXPECT_EQ(0, fd_state(42));
	EXPECT_TRUE(all_marked(50, 0));
}

/* Duplicates and F_SETFD. */
FIXTURE(flags)
{
	int plain;
	int marked;
};

FIXTURE_SETUP(flags)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->plain = open_null(0);
	self->marked = open_null(O_CLOFORK | O_CLOEXEC);
	ASSERT_EQ(0, fd_state(self->plain));
	ASSERT_EQ(BOTH, fd_state(self->marked));
}

FIXTURE_TEARDOWN(flags)
{
}

TEST_F(flags, dup_sets_none)
{
	EXPECT_EQ(0, fd_state(dup(self->marked)));
	EXPECT_EQ(0, fd_state(dup2(self->marked, 50)));
	EXPECT_EQ(0, fd_state(fcntl(self->marked, F_DUPFD, 3)));
	EXPECT_EQ(0, fd_state(dup3(self->marked, 51, 0)));
	EXPECT_EQ(0, state_in_fork(50));
	EXPECT_EQ(BOTH, fd_state(self->marked));
}

TEST_F(flags, dup2_onto_itself_changes_nothing)
{
	EXPECT_EQ(self->marked, dup2(self->marked, self->marked));
	EXPECT_EQ(BOTH, fd_state(self->marked));
	EXPECT_EQ(ABSENT, state_in_fork(self->marked));
}

TEST_F(flags, dup2_onto_marked_clears)
{
	EXPECT_EQ(self->marked, dup2(self->plain, self->marked));
	EXPECT_EQ(0, fd_state(self->marked));
	EXPECT_EQ(0, state_in_fork(self->marked));
}

TEST_F(flags, dup3_flags_alone_decide)
{
	for (size_t i = 0; i < ARRAY_SIZE(all_marks); i++) {
		int flags = o_flags(all_marks[i]);

		ASSERT_EQ(0, fcntl(self->marked, F_SETFD, BOTH));
		EXPECT_EQ(60, dup3(self->marked, 60, flags));
		EXPECT_EQ(all_marks[i], fd_state(60));
		EXPECT_EQ(self->marked, dup3(self->plain, self->marked, flags));
		EXPECT_EQ(all_marks[i], fd_state(self->marked));
	}
}

TEST_F(flags, dup3_onto_itself_is_invalid)
{
	errno = 0;
	EXPECT_EQ(-1, dup3(self->plain, self->plain, O_CLOFORK));
	EXPECT_EQ(EINVAL, errno);
	errno = 0;
	EXPECT_EQ(-1, dup3(self->marked, self->marked, O_CLOFORK | O_CLOEXEC));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(0, fd_state(self->plain));
}

TEST_F(flags, f_dupfd_sets_the_one_named)
{
	int exec = fcntl(self->marked, F_DUPFD_CLOEXEC, 70);
	int fork = fcntl(self->marked, F_DUPFD_CLOFORK, 80);

	EXPECT_EQ(70, exec);
	EXPECT_EQ(FD_CLOEXEC, fd_state(exec));
	EXPECT_EQ(80, fork);
	EXPECT_EQ(FD_CLOFORK, fd_state(fork));
}

TEST_F(flags, f_dupfd_clofork_fails_as_f_dupfd)
{
	EXPECT_EQ(-1, fcntl(self->plain, F_DUPFD_CLOFORK, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, fcntl(1000, F_DUPFD_CLOFORK, 0));
	EXPECT_EQ(EBADF, errno);
}

TEST_F(flags, setfd_sets_and_clears_each)
{
	for (size_t i = 0; i < 16; i++) {
		ASSERT_EQ(0, fcntl(self->plain, F_SETFD, all_marks[i / 4]));
		ASSERT_EQ(0, fcntl(self->plain, F_SETFD, all_marks[i % 4]));
		EXPECT_EQ(all_marks[i % 4], fd_state(self->plain));
	}
}

/* O_RDWR, which is 2, comes from programs that take F_GETFL for F_GETFD. */
TEST_F(flags, setfd_ignores_unknown_bits)
{
	EXPECT_EQ(0, fcntl(self->plain, F_SETFD, O_RDWR));
	EXPECT_EQ(0, fd_state(self->plain));
	EXPECT_EQ(0, fcntl(self->plain, F_SETFD, ~BOTH));
	EXPECT_EQ(0, fd_state(self->plain));
	EXPECT_EQ(0, fcntl(self->plain, F_SETFD, ~FD_CLOEXEC));
	EXPECT_EQ(FD_CLOFORK, fd_state(self->plain));
	EXPECT_EQ(0, fcntl(self->plain, F_SETFD, O_CLOFORK));
	EXPECT_EQ(0, fd_state(self->plain));
}

TEST_F(flags, setfl_does_not_mark)
{
	EXPECT_EQ(0, fcntl(self->plain, F_SETFL, O_CLOFORK | O_NONBLOCK));
	EXPECT_EQ(0, fcntl(self->plain, F_GETFL) & O_CLOFORK);
	EXPECT_EQ(0, fd_state(self->plain));
}

TEST_F(flags, fioclex_touches_close_on_exec_only)
{
	EXPECT_EQ(0, ioctl(self->marked, FIONCLEX));
	EXPECT_EQ(FD_CLOFORK, fd_state(self->marked));
	EXPECT_EQ(0, ioctl(self->marked, FIOCLEX));
	EXPECT_EQ(BOTH, fd_state(self->marked));
	EXPECT_EQ(0, ioctl(self->plain, FIOCLEX));
	EXPECT_EQ(FD_CLOEXEC, fd_state(self->plain));
	EXPECT_EQ(0, ioctl(self->plain, FIONCLEX));
	EXPECT_EQ(0, fd_state(self->plain));
}

/* Descriptors that arrive from elsewhere: the sender's mark does not. */
FIXTURE(transfer)
{
	int marked;
};

FIXTURE_SETUP(transfer)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->marked = open_null(O_CLOFORK);
	ASSERT_EQ(FD_CLOFORK, fd_state(self->marked));
}

FIXTURE_TEARDOWN(transfer)
{
}

/* Sends @fd @count times in one message; the copies are in @fds. */
static bool pass_descriptor(int fd, int flags, int count, int *fds)
{
	const int sent[MAX_PASSED] = { fd, fd, fd };
	struct scm_message message;
	struct msghdr *msg;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    !send_descriptors(pair[0], sent, count))
		return false;
	msg = empty_message(&message);
	return recvmsg(pair[1], msg, flags) == 1 &&
	       descriptors_in(msg, SCM_RIGHTS, fds) == count;
}

TEST_F(transfer, scm_rights_carries_no_mark)
{
	int fds[MAX_PASSED];

	ASSERT_TRUE(pass_descriptor(self->marked, 0, 1, fds));
	EXPECT_EQ(0, fd_state(fds[0]));
	EXPECT_EQ(0, state_in_fork(fds[0]));
	ASSERT_TRUE(pass_descriptor(self->marked, MSG_CMSG_CLOEXEC, 1, fds));
	EXPECT_EQ(FD_CLOEXEC, fd_state(fds[0]));
}

TEST_F(transfer, scm_rights_marks_every_descriptor)
{
	int fds[MAX_PASSED];

	ASSERT_TRUE(pass_descriptor(self->marked, MSG_CMSG_CLOFORK, MAX_PASSED,
				    fds));
	for (int i = 0; i < MAX_PASSED; i++) {
		EXPECT_EQ(FD_CLOFORK, fd_state(fds[i]));
		EXPECT_EQ(ABSENT, state_in_fork(fds[i]));
	}
}

TEST_F(transfer, pidfd_getfd_carries_no_mark)
{
	int pidfd = syscall(__NR_pidfd_open, getpid(), 0), fd;

	ASSERT_LE(0, pidfd);
	fd = syscall(__NR_pidfd_getfd, pidfd, self->marked, 0);
	EXPECT_EQ(FD_CLOEXEC, fd_state(fd));
	EXPECT_EQ(FD_CLOEXEC, state_in_fork(fd));
}

TEST_F(transfer, accept_does_not_inherit)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = sizeof(addr);

	/* Autobind: the kernel picks an abstract name. */
	ASSERT_EQ(0, bind(listener, (struct sockaddr *)&addr,
			  sizeof(sa_family_t)));
	ASSERT_EQ(0, listen(listener, 2));
	ASSERT_EQ(0, getsockname(listener, (struct sockaddr *)&addr, &size));
	ASSERT_EQ(0, fcntl(listener, F_SETFD, BOTH));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, connect(socket(AF_UNIX, SOCK_STREAM, 0),
				     (struct sockaddr *)&addr, size));

	EXPECT_EQ(0, fd_state(accept(listener, NULL, NULL)));
	EXPECT_EQ(FD_CLOEXEC,
		  fd_state(accept4(listener, NULL, NULL, SOCK_CLOEXEC)));
	EXPECT_EQ(BOTH, fd_state(listener));
}

/* A second thread, at whatever moment. */
struct second_thread {
	pthread_t id;
	int fd;
	int marks;
	int stop;
};

FIXTURE(racing)
{
	struct second_thread thread;
};

FIXTURE_SETUP(racing)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->thread.fd = open_null(0);
	ASSERT_LE(0, self->thread.fd);
}

FIXTURE_TEARDOWN(racing)
{
}

static bool stopped(const struct second_thread *thread)
{
	return __atomic_load_n(&thread->stop, __ATOMIC_RELAXED);
}

static int stop(struct second_thread *thread)
{
	__atomic_store_n(&thread->stop, 1, __ATOMIC_RELAXED);
	return pthread_join(thread->id, NULL);
}

static int start(struct second_thread *thread, void *(*body)(void *))
{
	thread->stop = 0;
	return pthread_create(&thread->id, NULL, body, thread);
}

static void *toggle_both(void *arg)
{
	const struct second_thread *thread = arg;

	while (!stopped(thread)) {
		fcntl(thread->fd, F_SETFD, BOTH);
		fcntl(thread->fd, F_SETFD, 0);
	}
	return NULL;
}

static void *toggle_by_range(void *arg)
{
	const struct second_thread *thread = arg;

	while (!stopped(thread)) {
		sys_close_range(thread->fd, thread->fd,
				CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_CLOFORK);
		fcntl(thread->fd, F_SETFD, 0);
	}
	return NULL;
}

static void *open_and_close(void *arg)
{
	const struct second_thread *thread = arg;

	while (!stopped(thread))
		close(open_null(o_flags(thread->marks)));
	return NULL;
}

#define FORKS		1000	/* 4 ms each under QEMU's TCG */
#define FORK_SECONDS	30	/* or as many as fit, on debug kernels */
#define READS		300000

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* FORKS times, or as often as FORK_SECONDS allow, and once at least. */
static bool another_fork(int done, time_t began)
{
	return done < FORKS && (!done || seconds() - began < FORK_SECONDS);
}

TEST_F_TIMEOUT(racing, setfd_is_atomic_for_fork, 120)
{
	int forks, absent = 0, present = 0;
	time_t began = seconds();

	ASSERT_EQ(0, start(&self->thread, toggle_both));
	for (forks = 0; another_fork(forks, began); forks++) {
		int state = state_in_fork(self->thread.fd);

		absent += state == ABSENT;
		present += state == 0;
	}
	EXPECT_EQ(0, stop(&self->thread));
	EXPECT_EQ(forks, absent + present);
	EXPECT_LT(0, absent);
	EXPECT_LT(0, present);
}

static void check_both_or_none(struct __test_metadata *_metadata,
			       struct second_thread *thread,
			       void *(*toggle)(void *))
{
	int both = 0, none = 0;

	ASSERT_EQ(0, start(thread, toggle));
	for (int i = 0; i < READS; i++) {
		int flags = fcntl(thread->fd, F_GETFD);

		both += flags == BOTH;
		none += flags == 0;
	}
	EXPECT_EQ(0, stop(thread));
	EXPECT_EQ(READS, both + none);
	EXPECT_LT(0, both);
	EXPECT_LT(0, none);
}

TEST_F_TIMEOUT(racing, getfd_sees_both_marks_or_none, 120)
{
	check_both_or_none(_metadata, &self->thread, toggle_both);
}

TEST_F_TIMEOUT(racing, close_range_sets_both_marks_at_once, 120)
{
	check_both_or_none(_metadata, &self->thread, toggle_by_range);
}

/* On one processor they would take turns, and seldom race. */
static void part_from(pthread_t other)
{
	pthread_t threads[] = { pthread_self(), other };
	cpu_set_t allowed, one;
	int cpu = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) ||
	    CPU_COUNT(&allowed) < 2)
		return;
	for (int i = 0; i < 2; i++, cpu++) {
		while (!CPU_ISSET(cpu, &allowed))
			cpu++;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		pthread_setaffinity_np(threads[i], sizeof(one), &one);
	}
}

/* The flags of both are bits of the same words, and each thread sets its own. */
TEST_F_TIMEOUT(racing, setfd_of_another_descriptor_loses_nothing, 120)
{
	int fd = open_null(0), lost = 0;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, start(&self->thread, toggle_both));
	part_from(self->thread.id);
	for (int i = 0; i < READS; i++) {
		int marks = i % 2 ? 0 : BOTH;

		ASSERT_EQ(0, fcntl(fd, F_SETFD, marks));
		lost += fcntl(fd, F_GETFD) != marks;
	}
	EXPECT_EQ(0, stop(&self->thread));
	EXPECT_EQ(0, lost);
}

static void *read_flags(void *arg)
{
	struct second_thread *thread = arg;
	int flags = 0;

	__atomic_store_n(&thread->marks, 0, __ATOMIC_RELEASE);
	while (!flags && !stopped(thread))
		flags = fcntl(thread->fd, F_GETFD);
	__atomic_store_n(&thread->marks, flags, __ATOMIC_RELEASE);
	return NULL;
}

/* What another thread sees first of the first mark that a table is given. */
static int first_flags_seen(int fd)
{
	struct second_thread thread = { .fd = fd, .marks = -1 };

	if (start(&thread, read_flags))
		return NO_ANSWER;
	while (__atomic_load_n(&thread.marks, __ATOMIC_ACQUIRE) < 0)
		sched_yield();
	if (fcntl(fd, F_SETFD, BOTH) || pthread_join(thread.id, NULL))
		return NO_ANSWER;
	return thread.marks;
}

TEST_F_TIMEOUT(racing, getfd_sees_both_of_first_marks, 120)
{
	time_t began = seconds();

	for (int i = 0; another_fork(i, began); i++)
		ASSERT_EQ(BOTH, in_fork(first_flags_seen, self->thread.fd));
}

/* The thread's descriptor has the lowest number that is free here. */
static int forks_with_the_threads(struct second_thread *thread)
{
	time_t began = seconds();
	int seen = 0;

	if (start(thread, open_and_close))
		return -1;
	for (int i = 0; another_fork(i, began); i++)
		seen += state_in_fork(thread->fd + 1) != ABSENT;
	return stop(thread) ? -1 : seen;
}

TEST_F_TIMEOUT(racing, open_is_atomic_for_fork, 120)
{
	EXPECT_LT(0, forks_with_the_threads(&self->thread));
	self->thread.marks = FD_CLOFORK;
	EXPECT_EQ(0, forks_with_the_threads(&self->thread));
}

/*
 * open() of a FIFO reserves a number and then waits for a writer.  A child
 * forked meanwhile must never have the descriptor, marked or not; one forked
 * after it has arrived must have it only if it is unmarked.
 */
struct pending_open {
	char dir[32];
	char fifo[40];
	int flags;
	int fd;
};

FIXTURE(reserved)
{
	struct pending_open open;
	pthread_t id;
	int number;
};

FIXTURE_VARIANT(reserved)
{
	int flags;
	bool in_full_word;	/* all other numbers of its word are taken */
	int state_later;
};

FIXTURE_VARIANT_ADD(reserved, unmarked)
{
	.flags = 0,
	.state_later = 0,
};

FIXTURE_VARIANT_ADD(reserved, in_full_word)
{
	.flags = 0,
	.in_full_word = true,
	.state_later = 0,
};

FIXTURE_VARIANT_ADD(reserved, marked)
{
	.flags = O_CLOFORK,
	.state_later = ABSENT,
};

/*
 * A signal would have open() give its number back and begin anew, and SIGCHLD
 * comes to this thread while the C library blocks signals around fork().
 */
static void *open_fifo(void *arg)
{
	struct pending_open *pending = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	pending->fd = open(pending->fifo, O_RDONLY | pending->flags);
	return NULL;
}

/*
 * Until the thread has reserved its number, on which dup2() fails with EBUSY
 * then.  It is the one after @lowest if a dup2() came first.
 */
static int await_reserved(int lowest)
{
	for (;;) {
		for (int fd = lowest; fd <= lowest + 1; fd++) {
			if (dup2(STDIN_FILENO, fd) >= 0)
				close(fd);
			else if (errno == EBUSY)
				return fd;
		}
		sched_yield();
	}
}

FIXTURE_SETUP(reserved)
{
	struct pending_open *pending = &self->open;
	int lowest = open_null(0);

	if (skip_without_close_on_fork(_metadata))
		return;

	pending->flags = variant->flags;
	snprintf(pending->dir, sizeof(pending->dir),
		 "/tmp/close_on_fork.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(pending->dir));
	snprintf(pending->fifo, sizeof(pending->fifo), "%s/fifo", pending->dir);
	ASSERT_EQ(0, mkfifo(pending->fifo, 0600));

	ASSERT_EQ(0, close(lowest));
	ASSERT_EQ(0, pthread_create(&self->id, NULL, open_fifo, pending));
	self->number = await_reserved(lowest);
	if (variant->in_full_word)
		ASSERT_TRUE(fill_below(MAX_FIRST_TABLE));
}

FIXTURE_TEARDOWN(reserved)
{
	unlink(self->open.fifo);
	rmdir(self->open.dir);
}

static int number_is_free(int fd)
{
	return fcntl(STDIN_FILENO, F_DUPFD, fd) == fd;
}

TEST_F(reserved, not_taken_by_fork)
{
	struct stopped_child early;
	int writer;

	EXPECT_EQ(ABSENT, state_in_fork(self->number));
	EXPECT_EQ(1, in_fork(number_is_free, self->number));
	EXPECT_EQ(1, in_vfork(number_is_free, self->number));

	early = fork_stopped(fd_state, self->number);
	writer = open(self->open.fifo, O_WRONLY | O_CLOEXEC);
	EXPECT_LE(0, writer);
	ASSERT_EQ(0, pthread_join(self->id, NULL));
	EXPECT_EQ(self->number, self->open.fd);

	let_go(&early);
	EXPECT_EQ(ABSENT, reap(early.pid));
	EXPECT_EQ(variant->state_later, state_in_fork(self->number));
}

int main(int argc, char **argv)
{
	int answer = answer_question(argc, argv);

	return answer >= 0 ? answer : close_on_fork_main(argc, argv);
}
