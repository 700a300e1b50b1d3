/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations in a row: made up, carried out in a process of their own, shrunken. */
#ifndef _SELFTESTS_STRESS_SEQUENCE_H
#define _SELFTESTS_STRESS_SEQUENCE_H

#include "stress_children.h"

#define SEQUENCE	5000	/* operations, from an empty table on */
#define SECONDS		300	/* for one of them, before it is taken to hang */

/* Shared with whoever started the process. */
struct sequence {
	struct report report;
	int count;
	struct operation operations[SEQUENCE];
};

static inline bool apply(struct run *run, const struct operation *op)
{
	static bool (*const changes[])(struct run *run,
				       const struct operation *op) = {
		[OPEN] = do_open,
		[OPEN_IN_RING] = do_open_in_ring,
		[DUP] = do_dup,
		[DUP2] = do_dup2,
		[DUP3] = do_dup3,
		[DUPFD] = dupfd,
		[FILL] = do_fill,
		[SETFD] = do_setfd,
		[IOCTL] = do_ioctl,
		[CLOSE] = do_close,
		[RANGE] = do_range,
		[SET_LIMIT] = do_limit,
		[SEND] = do_send,
		[RECEIVE] = do_receive,
		[CHECK] = do_check,
	};

	return (op->kind <= CHECK ? changes[op->kind] : do_look)(run, op);
}

/* Low numbers more often than high ones, for tables of every size. */
static inline unsigned int some_number(struct run *run)
{
	unsigned int end = 64 << below(&run->random, 6);

	if (end > SLOTS)
		end = SLOTS;
	return run->first + below(&run->random, end - run->first);
}

/* One with an object, if there is any, and now and then one without. */
static inline unsigned int some_open(struct run *run)
{
	unsigned int start = some_number(run), fd;

	if (!run->owners && !below(&run->random, 20))
		return start;
	for (fd = start; fd < run->table.top; fd++)
		if (holds_object(&run->table, fd))
			return fd;
	for (fd = run->first; fd < start; fd++)
		if (holds_object(&run->table, fd))
			return fd;
	return start;
}

static inline struct operation some_operation(struct run *run)
{
	struct operation op = {
		.kind = some_kind(&run->random),
		.marks = all_marks[below(&run->random, 4)] & run->known,
		.object = below(&run->random, OBJECTS),
		.flags = below(&run->random, 8) * CLOSE_RANGE_UNSHARE,
		.fd = some_open(run),
		.to = some_number(run),
	};

	if (!(run->known & FD_CLOFORK))
		op.flags &= ~CLOSE_RANGE_CLOFORK;
	if ((op.kind == RANGE || op.kind == UNSHARE_RANGE) && op.to < op.fd)
		op.to = op.fd;
	if (op.kind == SET_LIMIT)	/* back to all of it half of the time */
		op.to = below(&run->random, 2) ? SLOTS : op.to + 64;
	if (op.to > SLOTS)
		op.to = SLOTS;
	return op;
}

/* The descriptors a run needs itself, at the lowest numbers. */
static inline bool keep_descriptors(struct run *run)
{
	int lowest;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, run->sockets))
		return false;
	if (!start_open_ring(&run->ring))
		run->ring.fd = -1;
	lowest = dup(STDIN_FILENO);
	run->first = lowest;
	return lowest >= 0 && !close(lowest);
}

static inline bool start_run(struct run *run)
{
	const struct rlimit limit = { SLOTS, SLOTS };

	if (setrlimit(RLIMIT_NOFILE, &limit) || !watch_objects(run->objects) ||
	    !keep_descriptors(run))
		return wrong(run, "no descriptors to begin with: %s",
			     strerror(errno));
	run->table.limit = SLOTS;
	for (unsigned int fd = 0; fd < SLOTS; fd++)
		run->table.slots[fd].object = CLOSED;
	for (unsigned int fd = 0; fd < run->first; fd++)
		set_slot(&run->table, fd, KEPT, fd_state(fd));
	return true;
}

static inline void run_sequence(struct run *run, struct sequence *sequence)
{
	const struct operation look = { .kind = CHECK };

	if (!start_run(run))
		return;
	for (; run->step < sequence->count; run->step++) {
		struct operation *op = &sequence->operations[run->step];

		if (run->made_up)
			*op = some_operation(run);
		if (!apply(run, op))
			return;
	}
	do_check(run, &look);
}

typedef void body_fn(struct run *run, struct sequence *sequence);

/* Whether @body found nothing wrong, in a process that begins with no table. */
static inline bool in_fresh_process(body_fn *body, struct run *run,
				    struct sequence *sequence)
{
	struct report *report = &sequence->report;
	pid_t pid;
	int status;

	memset(report, 0, sizeof(*report));
	run->report = report;
	pid = fork();
	if (!pid) {
		alarm(SECONDS);
		body(run, sequence);
		_exit(0);
	}
	status = reap(pid);
	if (status && !report->failed) {
		report->failed = 1;
		report->step = sequence->count - 1;
		snprintf(report->text, sizeof(report->text), pid < 0 ?
			 "no process" : "it died, or took more than %d s",
			 SECONDS);
	}
	return !report->failed;
}

/* Whether what is left still fails without the @count operations from @from on. */
static inline bool fails_without(const struct run *run,
				 const struct sequence *sequence, int from,
				 int count, struct sequence *trial)
{
	struct run fresh = {
		.objects = run->objects,
		.known = run->known,
	};
	const struct operation *ops = sequence->operations;
	int rest = sequence->count - from - count;

	memcpy(trial->operations, ops, from * sizeof(*ops));
	memcpy(trial->operations + from, ops + from + count,
	       rest * sizeof(*ops));
	trial->count = from + rest;
	return !in_fresh_process(run_sequence, &fresh, trial);
}

/* Of what came after the operation that failed. */
static inline void drop_the_rest(struct sequence *sequence)
{
	if (sequence->report.step < sequence->count)
		sequence->count = sequence->report.step + 1;
}

/*
 * Andreas Zeller's delta debugging: leave out halves, quarters and so on down
 * to single operations, for as long as the sequence fails without them.
 */
static inline void shrink(const struct run *run, struct sequence *sequence,
			  struct sequence *trial)
{
	drop_the_rest(sequence);
	for (int size = sequence->count / 2; size; size /= 2) {
		for (int from = sequence->count - size; from >= 0; from -= size) {
			if (from + size > sequence->count ||
			    !fails_without(run, sequence, from, size, trial))
				continue;
			memcpy(sequence, trial, sizeof(*sequence));
			drop_the_rest(sequence);
		}
	}
}

static inline void print_sequence(const struct sequence *sequence)
{
	char text[100];

	for (int i = 0; i < sequence->count; i++) {
		print_operation(text, sizeof(text), &sequence->operations[i]);
		fprintf(TH_LOG_STREAM, "#   %s\n", text);
	}
	fprintf(TH_LOG_STREAM, "#   wrong: %s\n", sequence->report.text);
}

#endif /* _SELFTESTS_STRESS_SEQUENCE_H */
