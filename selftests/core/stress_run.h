/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations carried out, and compared with the model.  One thread alone
 * knows its table exactly; of a shared one each knows what it opened itself,
 * and the zone of numbers that it alone takes.
 */
#ifndef _SELFTESTS_STRESS_RUN_H
#define _SELFTESTS_STRESS_RUN_H

#include <stdarg.h>
#include <sys/resource.h>

#include "open_ring.h"
#include "scm_message.h"
#include "stress_operation.h"

#define MESSAGES	8	/* on their way at most */
#define FIRST_ZONE	640	/* below it threads take what the kernel gives */
#define ZONE_SIZE	56

/* Shared with whoever started the run. */
struct report {
	int failed;
	int step;		/* that failed */
	char text[120];		/* why */
};

struct run {
	struct objects *objects;
	struct report *report;
	struct table table;
	struct open_ring ring;
	int sockets[2];
	int messages[MESSAGES];	/* objects, the oldest first */
	int count;
	unsigned int first;	/* number that is not the program's own */
	unsigned char *owners;	/* of numbers, among threads; NULL: one thread */
	unsigned int zone;	/* a thread's, where its dup2() and ranges go */
	int known;		/* marks */
	bool made_up;		/* operations, from random */
	int step;
	__u64 random;
};

static inline bool __printf(2, 3) wrong(struct run *run, const char *format,
					...)
{
	struct report *report = run->report;
	va_list args;

	if (__atomic_exchange_n(&report->failed, 1, __ATOMIC_SEQ_CST))
		return false;
	va_start(args, format);
	vsnprintf(report->text, sizeof(report->text), format, args);
	va_end(args);
	report->step = run->step;
	return false;
}

static inline int outcome(int result)
{
	return result < 0 ? -errno : result;
}

static inline bool agree(struct run *run, int expected, int result)
{
	return result == expected ||
	       wrong(run, "it returned %d, should be %d", result, expected);
}

static inline bool state_agrees(struct run *run, unsigned int fd)
{
	int expected = expected_state(&run->table.slots[fd]);
	int state = fd_state(fd);

	return state == expected ||
	       wrong(run, "state of %u is %#x, should be %#x", fd, state,
		     expected);
}

static inline bool agree_on_range(struct run *run, const char *where)
{
	int fd = first_wrong(&run->table);

	return fd < 0 || wrong(run, "%s the state of %d is %#x, should be %#x",
			       where, fd, fd_state(fd),
			       expected_state(&run->table.slots[fd]));
}

/* Threads: nobody else has been given @fd. */
static inline bool claim(struct run *run, int fd)
{
	if (!run->owners || fd < 0)
		return true;
	return !__atomic_exchange_n(&run->owners[fd], 1, __ATOMIC_SEQ_CST) ||
	       wrong(run, "%d was given to two threads", fd);
}

static inline void disclaim(struct run *run, unsigned int fd)
{
	if (run->owners)
		__atomic_store_n(&run->owners[fd], 0, __ATOMIC_SEQ_CST);
}

/* @result is of an operation that takes the lowest number from @from on. */
static inline bool agree_on_new(struct run *run, unsigned int from, int object,
				int marks, int result)
{
	if (!claim(run, result))
		return false;
	if (run->owners) {
		if (result < (int)from || result >= FIRST_ZONE)
			return wrong(run, "%d is no number for it", result);
	} else if (!agree(run, next_number(&run->table, from), result)) {
		return false;
	}
	if (result < 0)
		return true;
	set_slot(&run->table, result, object, marks);
	return state_agrees(run, result);
}

static inline bool do_open(struct run *run, const struct operation *op)
{
	int fd = open_object(run->objects, op->object, o_flags(op->marks));

	return agree_on_new(run, 0, op->object, op->marks, outcome(fd));
}

static inline bool do_open_in_ring(struct run *run, const struct operation *op)
{
	int fd;

	if (run->ring.fd < 0)
		return do_open(run, op);
	fd = open_in_ring(&run->ring, run->objects->paths[op->object],
			  O_WRONLY | o_flags(op->marks));
	if (fd < 0 && errno == EAGAIN)
		return true;
	return agree_on_new(run, 0, op->object, op->marks,
			    outcome(take_object(op->object, fd)));
}

static inline int object_at(const struct run *run, unsigned int fd)
{
	return fd < SLOTS ? run->table.slots[fd].object : CLOSED;
}

static inline bool do_dup(struct run *run, const struct operation *op)
{
	int result = outcome(dup(op->fd));

	if (!holds_object(&run->table, op->fd))
		return agree(run, -EBADF, result);
	return agree_on_new(run, 0, object_at(run, op->fd), 0, result);
}

static inline bool dupfd(struct run *run, const struct operation *op)
{
	int marks = op->marks & FD_CLOFORK ? FD_CLOFORK : op->marks;
	int command = marks & FD_CLOFORK ? F_DUPFD_CLOFORK :
		      marks & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD;
	int result = outcome(fcntl(op->fd, command, op->to));

	if (!holds_object(&run->table, op->fd))
		return agree(run, -EBADF, result);
	if (op->to >= run->table.limit)
		return agree(run, -EINVAL, result);
	return agree_on_new(run, op->to, object_at(run, op->fd), marks, result);
}

static inline bool do_fill(struct run *run, const struct operation *op)
{
	for (int i = 0; i <= op->object; i++)
		if (!dupfd(run, op))
			return false;
	return true;
}

/* Onto a number that is the caller's own, or nobody's. */
static inline bool replaced(struct run *run, const struct operation *op,
			    int marks, int result)
{
	if (op->to >= run->table.limit || !holds_object(&run->table, op->fd))
		return agree(run, -EBADF, result);
	if (!agree(run, op->to, result))
		return false;
	set_slot(&run->table, op->to, object_at(run, op->fd), marks);
	return state_agrees(run, op->to);
}

static inline bool do_dup2(struct run *run, const struct operation *op)
{
	int result = outcome(dup2(op->fd, op->to));

	if (op->fd != op->to)
		return replaced(run, op, 0, result);
	return agree(run, holds_object(&run->table, op->fd) ? op->to : -EBADF,
		     result);
}

static inline bool do_dup3(struct run *run, const struct operation *op)
{
	int result = outcome(dup3(op->fd, op->to, o_flags(op->marks)));

	if (op->fd == op->to)
		return agree(run, -EINVAL, result);
	return replaced(run, op, op->marks, result);
}

static inline bool do_setfd(struct run *run, const struct operation *op)
{
	int result = outcome(fcntl(op->fd, F_SETFD, op->marks));

	if (!holds_object(&run->table, op->fd))
		return agree(run, -EBADF, result);
	run->table.slots[op->fd].marks = op->marks;
	return agree(run, 0, result) && state_agrees(run, op->fd);
}

static inline bool do_ioctl(struct run *run, const struct operation *op)
{
	bool set = op->marks & FD_CLOEXEC;
	int result = outcome(ioctl(op->fd, set ? FIOCLEX : FIONCLEX));
	struct slot *slot = &run->table.slots[op->fd];

	if (!holds_object(&run->table, op->fd))
		return agree(run, -EBADF, result);
	slot->marks = (slot->marks & ~FD_CLOEXEC) | (set ? FD_CLOEXEC : 0);
	return agree(run, 0, result) && state_agrees(run, op->fd);
}

/* Other threads may have the number as soon as it is closed. */
static inline bool do_close(struct run *run, const struct operation *op)
{
	bool held = holds_object(&run->table, op->fd);

	if (held) {
		set_slot(&run->table, op->fd, run->owners &&
			 op->fd < FIRST_ZONE ? UNKNOWN : CLOSED, 0);
		disclaim(run, op->fd);
	}
	return agree(run, held ? 0 : -EBADF, outcome(close(op->fd)));
}

static inline bool do_range(struct run *run, const struct operation *op)
{
	int result = outcome(syscall(__NR_close_range, op->fd, op->to,
				     op->flags));

	close_slots(&run->table, op->fd, op->to, op->flags);
	return agree(run, 0, result) && state_agrees(run, op->fd);
}

static inline bool do_limit(struct run *run, const struct operation *op)
{
	const struct rlimit limit = { op->to, SLOTS };

	run->table.limit = op->to;
	return agree(run, 0, outcome(setrlimit(RLIMIT_NOFILE, &limit)));
}

static inline bool do_send(struct run *run, const struct operation *op)
{
	int fd = op->fd;
	bool sent;

	if (run->count == MESSAGES)
		return true;
	sent = send_descriptors(run->sockets[0], &fd, 1);
	if (!holds_object(&run->table, fd))
		return agree(run, -EBADF, sent ? 0 : -errno);
	run->messages[run->count++] = object_at(run, fd);
	return agree(run, 1, sent ? 1 : -errno);
}

/* Without a number to be had, the descriptor is dropped and the byte comes. */
static inline bool do_receive(struct run *run, const struct operation *op)
{
	struct scm_message message;
	struct msghdr *msg = empty_message(&message);
	int object = run->messages[0], fds[MAX_PASSED];

	if (!run->count)
		return true;
	memmove(run->messages, run->messages + 1,
		--run->count * sizeof(*run->messages));
	if (recvmsg(run->sockets[1], msg, MSG_DONTWAIT | msg_flags(op->marks)) != 1)
		return wrong(run, "nothing came: %s", strerror(errno));
	if (!descriptors_in(msg, SCM_RIGHTS, fds))
		fds[0] = -EMFILE;
	return agree_on_new(run, 0, object, op->marks, fds[0]);
}

static inline bool do_check(struct run *run, const struct operation *op)
{
	int used[OBJECTS] = {}, object;

	(void)op;
	if (!agree_on_range(run, "looked at in turn,"))
		return false;
	if (run->owners)
		return true;
	for (unsigned int fd = run->first; fd < run->table.top; fd++)
		if (holds_object(&run->table, fd))
			used[object_at(run, fd)]++;
	for (int i = 0; i < run->count; i++)
		used[run->messages[i]]++;
	object = first_wrong_object(run->objects, used);
	return object < 0 ||
	       wrong(run, "file%d %s, with %d references", object,
		     used[object] ? "is not in use" : "is in use",
		     used[object]);
}

#endif /* _SELFTESTS_STRESS_RUN_H */
