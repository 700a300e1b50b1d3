/* SPDX-License-Identifier: GPL-2.0-only */
/* Children of every kind, each looking at all of its table. */
#ifndef _SELFTESTS_STRESS_CHILDREN_H
#define _SELFTESTS_STRESS_CHILDREN_H

#include "stress_run.h"

#define TABLE	"--table"	/* argv[1], when argv[2] is what to find */

/* What a child is to look at, of the thread that makes it. */
static __thread struct {
	struct run *run;
	const struct table *expected;
	const struct operation *op;
	char text[SLOTS + 1];
} looked_at;

static inline bool finds_no_secret(struct run *run)
{
	for (int fd = run->first; fd < SLOTS; fd++)
		if (holds_secret(run->objects, fd))
			return wrong(run, "the child has a marked file at %d",
				     fd);
	return true;
}

/* The lowest number, and one that nothing is left of from before. */
static inline bool finds_next(struct run *run, unsigned int from)
{
	int expected = next_number(looked_at.expected, from);
	int fd = outcome(fcntl(STDIN_FILENO, F_DUPFD, from));

	if (fd == expected && (fd < 0 || (!fd_state(fd) && !close(fd))))
		return true;
	return wrong(run, "F_DUPFD %u in the child is %d, should be %d", from,
		     fd, expected);
}

/* Not in its own table but in what vfork() shares may a child change nothing. */
static inline int find_wrong(int unused)
{
	struct run *run = looked_at.run;
	const struct table *expected = looked_at.expected;
	int fd = first_wrong(expected);

	(void)unused;
	if (fd >= 0)
		return !wrong(run, "state of %d in the child is %#x, should be %#x",
			      fd, fd_state(fd),
			      expected_state(&expected->slots[fd]));
	if (run->owners)
		return looked_at.op->kind <= CLONE3 &&
		       run->known & FD_CLOFORK && !finds_no_secret(run);
	return !finds_next(run, 0) ||
	       (looked_at.op->to < expected->limit &&
		!finds_next(run, looked_at.op->to));
}

static inline int find_wrong_unshared(int unused)
{
	if (unshare(CLONE_FILES))
		return errno;
	return find_wrong(unused);
}

static inline int find_wrong_after_range(int unused)
{
	const struct operation *op = looked_at.op;

	if (syscall(__NR_close_range, op->fd, op->to,
		    op->flags | CLOSE_RANGE_UNSHARE))
		return errno;
	return find_wrong(unused);
}

static inline int exec_text(int unused)
{
	(void)unused;
	execl(SELF, SELF, TABLE, looked_at.text, NULL);
	return errno;
}

/* What the program had not marked itself it could not lose either. */
static inline int mark_and_exec_text(int unused)
{
	if (looked_at.run->known & FD_CLOFORK &&
	    syscall(__NR_close_range, looked_at.run->first, ~0U,
		    CLOSE_RANGE_CLOFORK))
		return errno;
	return exec_text(unused);
}

static inline int spawn_text(void)
{
	char *const argv[] = { SELF, TABLE, looked_at.text, NULL };
	pid_t pid;

	return posix_spawn(&pid, SELF, NULL, NULL, argv, NULL) ? -1 : reap(pid);
}

static inline int in_clone3(look_fn *look, int arg)
{
	return reap(clone3_child(0, look, arg));
}

static inline int look_in_child(enum kind kind)
{
	switch (kind) {
	case VFORK:
		return in_vfork(find_wrong, 0);
	case FORK:
		return in_fork(find_wrong, 0);
	case CLONE3:
		return in_clone3(find_wrong, 0);
	case SPAWN:
		return spawn_text();
	case EXEC:
		return in_fork(mark_and_exec_text, 0);
	case EXEC_SHARED:
		return in_sharer(exec_text, 0);
	case UNSHARE:
		return in_sharer(find_wrong_unshared, 0);
	default:
		return in_sharer(find_wrong_after_range, 0);
	}
}

static inline struct table table_in_child(const struct table *table,
					  const struct operation *op)
{
	struct table child;

	switch (op->kind) {
	case VFORK:
	case FORK:
	case CLONE3:
		return table_after_fork(table);
	case SPAWN:
	case EXEC:
		child = table_after_fork(table);
		return table_after_exec(&child);
	case EXEC_SHARED:
		return table_after_exec(table);
	default:
		child = *table;
		if (op->kind == UNSHARE_RANGE)
			close_slots(&child, op->fd, op->to, op->flags);
		return child;
	}
}

/* In the child; the caller's own table is looked at by what comes next. */
static inline bool do_look(struct run *run, const struct operation *op)
{
	struct table expected = table_in_child(&run->table, op);
	int status;

	looked_at.run = run;
	looked_at.expected = &expected;
	looked_at.op = op;
	print_table(&expected, looked_at.text);
	status = look_in_child(op->kind);
	return !status || wrong(run, "the child ended with %d", status);
}

#endif /* _SELFTESTS_STRESS_CHILDREN_H */
