/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The model of a descriptor table: what each number should hold, as far as the
 * thread that keeps it knows, and what fork, exec and close_range() make of it.
 */
#ifndef _SELFTESTS_STRESS_TABLE_H
#define _SELFTESTS_STRESS_TABLE_H

#include <linux/close_range.h>

#include "descriptors.h"
#include "fork_children.h"

#define SLOTS		1100	/* up to a table of 2,048 */

/* Of what a slot may hold: an object's number, or */
#define CLOSED		(-1)
#define UNKNOWN		(-2)	/* whatever other threads do there */
#define KEPT		(-3)	/* the program's own, which stays */

struct slot {
	signed char object;
	unsigned char marks;
};

struct table {
	struct slot slots[SLOTS];
	unsigned int top;	/* above every number that was ever used */
	unsigned int limit;	/* RLIMIT_NOFILE */
	int held;		/* slots with an object */
};

static inline bool holds_object(const struct table *table, unsigned int fd)
{
	return fd < SLOTS && table->slots[fd].object >= 0;
}

static inline void set_slot(struct table *table, unsigned int fd, int object,
			    int marks)
{
	struct slot *slot = &table->slots[fd];

	table->held += (object >= 0) - (slot->object >= 0);
	slot->object = object;
	slot->marks = marks;
	if (fd >= table->top)
		table->top = fd + 1;
}

/* The number that the lowest free one from @from on is, or an error. */
static inline int next_number(const struct table *table, unsigned int from)
{
	for (; from < table->limit; from++)
		if (table->slots[from].object == CLOSED)
			return from;
	return -EMFILE;
}

static inline void forget_marked(struct table *table, int mark)
{
	for (unsigned int fd = 0; fd < table->top; fd++)
		if (table->slots[fd].object != CLOSED &&
		    table->slots[fd].marks & mark)
			set_slot(table, fd, CLOSED, 0);
}

static inline struct table table_after_fork(const struct table *table)
{
	struct table child = *table;

	forget_marked(&child, FD_CLOFORK);
	return child;
}

static inline struct table table_after_exec(const struct table *table)
{
	struct table left = *table;

	forget_marked(&left, FD_CLOEXEC);
	for (unsigned int fd = 0; fd < left.top; fd++)
		left.slots[fd].marks = 0;
	return left;
}

static inline int marks_of_range_flags(unsigned int flags)
{
	return (flags & CLOSE_RANGE_CLOEXEC ? FD_CLOEXEC : 0) |
	       (flags & CLOSE_RANGE_CLOFORK ? FD_CLOFORK : 0);
}

static inline void close_slots(struct table *table, unsigned int first,
			       unsigned int last, unsigned int flags)
{
	int marks = marks_of_range_flags(flags);

	for (unsigned int fd = first; fd <= last && fd < table->top; fd++) {
		if (table->slots[fd].object == CLOSED)
			continue;
		if (marks)
			table->slots[fd].marks |= marks;
		else
			set_slot(table, fd, CLOSED, 0);
	}
}

/* What fd_state() should say of @slot, or -1 if anything will do. */
static inline int expected_state(const struct slot *slot)
{
	switch (slot->object) {
	case UNKNOWN:
		return -1;
	case CLOSED:
		return ABSENT;
	default:
		return slot->marks;
	}
}

/* The first number that is not as it should be, or -1. */
static inline int first_wrong(const struct table *table)
{
	for (unsigned int fd = 0; fd < table->top; fd++) {
		int expected = expected_state(&table->slots[fd]);

		if (expected >= 0 && fd_state(fd) != expected)
			return fd;
	}
	return -1;
}

/* For a program to be executed: a character for each number. */
static inline void print_table(const struct table *table, char *text)
{
	for (unsigned int fd = 0; fd < table->top; fd++) {
		int expected = expected_state(&table->slots[fd]);

		*text++ = expected < 0 ? '?' : '0' + expected;
	}
	*text = 0;
}

static inline bool text_holds(const char *text, int first)
{
	for (int fd = first; text[fd]; fd++)
		if (text[fd] != '?' && fd_state(fd) != text[fd] - '0')
			return false;
	return true;
}

/*
 * 0 if the own table is as @text says, and still is once one is marked: see
 * fd_state_beside_mark().
 */
static inline int check_text(const char *text)
{
	if (!text_holds(text, 0))
		return 1;
	return fcntl(STDIN_FILENO, F_SETFD, FD_CLOFORK) ||
	       !text_holds(text, 1);
}

#endif /* _SELFTESTS_STRESS_TABLE_H */
