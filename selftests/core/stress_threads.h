/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations in several threads that share a table. */
#ifndef _SELFTESTS_STRESS_THREADS_H
#define _SELFTESTS_STRESS_THREADS_H

#include <pthread.h>

#include "stress_sequence.h"

#define MAX_THREADS	8	/* FIRST_ZONE + this * ZONE_SIZE < SLOTS */
#define MAX_HELD	48	/* by each, so that what is below FIRST_ZONE lasts */

static struct crew {
	struct run runs[MAX_THREADS];
	pthread_t ids[MAX_THREADS];
	unsigned char owners[SLOTS];
	int count;
	int operations;		/* of each */
} crew;

static inline bool takes_descriptor(enum kind kind)
{
	switch (kind) {
	case DUP ... RANGE:
	case SEND:
		return true;
	default:
		return false;
	}
}

/* A secret never goes without its mark, not for a moment. */
static inline void keep_secret(struct run *run, struct operation *op)
{
	int object = object_at(run, op->fd);

	if (op->kind == OPEN || op->kind == OPEN_IN_RING)
		object = op->object;
	if (op->kind == RECEIVE && run->count)
		object = run->messages[0];
	if (!is_secret(object))
		return;
	op->marks |= FD_CLOFORK & run->known;
	if (op->kind == DUP)
		op->kind = DUPFD;
	if (op->kind == DUP2)
		op->kind = DUP3;
}

/* To what belongs to the thread, and what it may do to a table it shares. */
static inline void restrain(struct run *run, struct operation *op)
{
	unsigned int end = run->zone + ZONE_SIZE;

	if (takes_descriptor(op->kind) && !holds_object(&run->table, op->fd))
		op->kind = OPEN;
	if (op->kind <= FILL && run->table.held > MAX_HELD)
		op->kind = CLOSE;
	if (op->kind == SET_LIMIT)
		op->kind = CHECK;
	op->to = run->first + op->to % 64;
	if (op->kind == DUP2 || op->kind == DUP3)
		op->to = run->zone + below(&run->random, ZONE_SIZE);
	if (op->kind == RANGE) {
		op->flags &= ~CLOSE_RANGE_UNSHARE;
		op->fd = run->zone + below(&run->random, ZONE_SIZE);
		op->to = op->fd + below(&run->random, end - op->fd);
	}
	if (op->kind == UNSHARE_RANGE)
		op->to += op->fd;
	if (op->kind == FILL)
		op->object %= 8;
	keep_secret(run, op);
}

static inline bool let_all_go(struct run *run)
{
	struct operation op = { .kind = RECEIVE, .marks = run->known };

	while (run->count)
		if (!do_receive(run, &op))
			return false;
	for (op.fd = run->first; op.fd < SLOTS; op.fd++)
		if (holds_object(&run->table, op.fd) && !do_close(run, &op))
			return false;
	return true;
}

static inline void *run_thread(void *arg)
{
	struct run *run = arg;
	struct operation op;

	for (; run->step < crew.operations; run->step++) {
		op = some_operation(run);
		restrain(run, &op);
		if (__atomic_load_n(&run->report->failed, __ATOMIC_SEQ_CST) ||
		    !apply(run, &op))
			return NULL;
	}
	let_all_go(run);
	return NULL;
}

static inline bool start_crew(struct run *run)
{
	for (int i = 0; i < crew.count; i++) {
		struct run *member = &crew.runs[i];

		*member = *run;
		next_random(&run->random);
		if (!keep_descriptors(member))
			return wrong(run, "no descriptors to begin with");
		run->first = member->first;
	}
	for (int i = 0; i < crew.count; i++) {
		struct run *member = &crew.runs[i];

		member->first = run->first;
		member->owners = crew.owners;
		member->zone = FIRST_ZONE + i * ZONE_SIZE;
		for (int fd = 0; fd < SLOTS; fd++)
			member->table.slots[fd].object = UNKNOWN;
		for (int fd = 0; fd < ZONE_SIZE; fd++)
			set_slot(&member->table, member->zone + fd, CLOSED, 0);
	}
	for (int i = 0; i < crew.count; i++)
		if (pthread_create(&crew.ids[i], NULL, run_thread,
				   &crew.runs[i]))
			return wrong(run, "no thread");
	return true;
}

/* No number is lost, and none remembers a mark. */
static inline bool numbers_are_free(struct run *run)
{
	for (int fd = run->first; fd < SLOTS; fd++) {
		int got = dup(STDIN_FILENO);

		if (got != fd || fd_state(got))
			return wrong(run, "dup() at the end is %d, should be %d",
				     got, fd);
	}
	return true;
}

static inline void run_crew(struct run *run, struct sequence *sequence)
{
	static const int none_used[OBJECTS];
	int object;

	crew.operations = sequence->count / crew.count;
	if (!start_run(run) || !start_crew(run))
		return;
	for (int i = 0; i < crew.count; i++)
		pthread_join(crew.ids[i], NULL);
	if (run->report->failed)
		return;
	object = first_wrong_object(run->objects, none_used);
	if (object >= 0)
		wrong(run, "file%d is in use when nobody has it", object);
	else
		numbers_are_free(run);
}

#endif /* _SELFTESTS_STRESS_THREADS_H */
