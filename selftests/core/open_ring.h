/* SPDX-License-Identifier: GPL-2.0-only */
/* The least of an io_uring, without liburing: one openat2() after the other. */
#ifndef _SELFTESTS_OPEN_RING_H
#define _SELFTESTS_OPEN_RING_H

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct open_ring {
	int fd;
	struct io_uring_params params;
	char *rings;
	struct io_uring_sqe *sqe;
};

static inline bool start_open_ring(struct open_ring *ring)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_POPULATE;
	size_t size;

	*ring = (struct open_ring) { .fd = -1 };
	ring->fd = syscall(__NR_io_uring_setup, 1, &ring->params);
	if (ring->fd < 0)
		return false;
	size = ring->params.cq_off.cqes +
	       ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->rings = mmap(NULL, size, prot, flags, ring->fd,
			   IORING_OFF_SQ_RING);
	ring->sqe = mmap(NULL, sizeof(*ring->sqe), prot, flags, ring->fd,
			 IORING_OFF_SQES);
	return (ring->params.features & IORING_FEAT_SINGLE_MMAP) &&
	       ring->rings != MAP_FAILED && ring->sqe != MAP_FAILED;
}

/*
 * A descriptor or -1, with EAGAIN if the path was not in the cache: then a
 * worker would open it, and share the table for as long as it liked.
 */
static inline int open_in_ring(struct open_ring *ring, const char *path,
			       int flags)
{
	const struct open_how how = {
		.flags = flags,
		.resolve = RESOLVE_CACHED,
	};
	const struct io_uring_params *params = &ring->params;
	unsigned int *sq_tail = (void *)(ring->rings + params->sq_off.tail);
	unsigned int *cq_head = (void *)(ring->rings + params->cq_off.head);
	unsigned int *array = (void *)(ring->rings + params->sq_off.array);
	struct io_uring_cqe *cqes = (void *)(ring->rings + params->cq_off.cqes);
	const struct io_uring_cqe *cqe;

	*ring->sqe = (struct io_uring_sqe) {
		.opcode = IORING_OP_OPENAT2,
		.fd = AT_FDCWD,
		.addr = (uintptr_t)path,
		.len = sizeof(how),
		.off = (uintptr_t)&how,
	};
	array[0] = 0;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) != 1)
		return -1;
	cqe = &cqes[*cq_head & (params->cq_entries - 1)];
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	errno = cqe->res < 0 ? -cqe->res : 0;
	return cqe->res < 0 ? -1 : cqe->res;
}

#endif /* _SELFTESTS_OPEN_RING_H */
