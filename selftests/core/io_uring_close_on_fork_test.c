// SPDX-License-Identifier: GPL-2.0-only
/*
 * The operations of io_uring that make a descriptor take close-on-fork; for a
 * file slot, which is in no table, they refuse it.
 *
 * See close_on_fork_matrix.h for the properties, make_in_ring.h for the
 * operations, close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include "close_on_fork_matrix.h"
#include "loopback.h"
#include "make_in_ring.h"
#include "ring.h"

/* The same operations, with a file slot for the result. */
FIXTURE(file_slot)
{
};

FIXTURE_VARIANT(file_slot)
{
	operation_fn *operation;
};

static int slot_openat(struct ring *ring, int marks, unsigned int extra)
{
	io_uring_prep_openat_direct(ring->sqe, AT_FDCWD, "/dev/null",
				    O_RDWR | o_flags(marks) | extra, 0, 0);
	return result_of(ring);
}

static int slot_openat2(struct ring *ring, int marks, unsigned int extra)
{
	struct open_how how = {
		.flags = O_RDWR | o_flags(marks) | extra,
	};

	io_uring_prep_openat2_direct(ring->sqe, AT_FDCWD, "/dev/null", &how, 0);
	return result_of(ring);
}

static int slot_pipe(struct ring *ring, int marks, unsigned int extra)
{
	return pipe_end(ring, 0, o_flags(marks) | extra, 1);
}

static int slot_socket(struct ring *ring, int marks, unsigned int extra)
{
	io_uring_prep_socket_direct(ring->sqe, AF_INET,
				    SOCK_DGRAM | sock_flags(marks) | extra, 0, 0,
				    0);
	return result_of(ring);
}

static int slot_accept(struct ring *ring, int marks, unsigned int extra)
{
	struct connection waiting;
	int fd;

	if (!connect_stream(&waiting, AF_INET))
		return -1;
	io_uring_prep_accept_direct(ring->sqe, waiting.listener, NULL, NULL,
				    sock_flags(marks) | extra, 0);
	fd = result_of(ring);
	hang_up(&waiting);
	return fd;
}

FIXTURE_VARIANT_ADD(file_slot, openat)
{
	.operation = slot_openat,
};

FIXTURE_VARIANT_ADD(file_slot, openat2)
{
	.operation = slot_openat2,
};

FIXTURE_VARIANT_ADD(file_slot, pipe)
{
	.operation = slot_pipe,
};

FIXTURE_VARIANT_ADD(file_slot, socket)
{
	.operation = slot_socket,
};

FIXTURE_VARIANT_ADD(file_slot, accept)
{
	.operation = slot_accept,
};

static int make_in_slot(operation_fn *operation, int marks)
{
	static const int empty[] = { -1, -1 };
	struct ring ring;
	int result;

	if (!start_ring(&ring, TASK))
		return -1;
	io_uring_register_files(&ring.uring, empty, ARRAY_SIZE(empty));
	result = operation(&ring, marks, 0);
	end_ring(&ring);
	return result;
}

FIXTURE_SETUP(file_slot)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	if (make_in_slot(variant->operation, 0) < 0)
		SKIP(return, "not to be had here, marked or not: %s",
		     strerror(errno));
}

FIXTURE_TEARDOWN(file_slot)
{
}

TEST_F(file_slot, refuses_marks)
{
	for (size_t i = 1; i < ARRAY_SIZE(all_marks); i++) {
		EXPECT_EQ(-1, make_in_slot(variant->operation, all_marks[i]));
		EXPECT_EQ(EINVAL, errno);
	}
}

int main(int argc, char **argv)
{
	return matrix_main(argc, argv);
}
