/* SPDX-License-Identifier: GPL-2.0-only */
/* An io_uring for one operation, and who carries it out. */
#ifndef _SELFTESTS_RING_H
#define _SELFTESTS_RING_H

#include <errno.h>
#include <liburing.h>
#include <stdbool.h>

/* The task that submits it, a worker thread, or the one that polls for it. */
enum issuer {
	TASK,
	WORKER,
	POLLER,
};

struct ring {
	struct io_uring uring;
	struct io_uring_sqe *sqe;	/* to be prepared by the caller */
	enum issuer issuer;
};

static inline bool next_request(struct ring *ring)
{
	ring->sqe = io_uring_get_sqe(&ring->uring);
	errno = EBUSY;
	return ring->sqe;
}

static inline bool start_ring(struct ring *ring, enum issuer issuer)
{
	int error = io_uring_queue_init(4, &ring->uring, issuer == POLLER ?
					IORING_SETUP_SQPOLL : 0);

	ring->issuer = issuer;
	if (!error)
		return next_request(ring);
	errno = -error;
	return false;
}

static inline int next_result(struct ring *ring)
{
	struct io_uring_cqe *cqe;
	int result = io_uring_wait_cqe(&ring->uring, &cqe);

	if (!result) {
		result = cqe->res;
		io_uring_cqe_seen(&ring->uring, cqe);
	}
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

/* Of the request that has been prepared; else -1 and its error in errno. */
static inline int result_of(struct ring *ring)
{
	if (ring->issuer == WORKER)
		ring->sqe->flags |= IOSQE_ASYNC;
	io_uring_submit(&ring->uring);
	return next_result(ring);
}

static inline void end_ring(struct ring *ring)
{
	int saved_errno = errno;

	io_uring_queue_exit(&ring->uring);
	errno = saved_errno;
}

#endif /* _SELFTESTS_RING_H */
