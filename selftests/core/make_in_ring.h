/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of io_uring that make a descriptor, each carried out by the
 * task that submits it, by a worker thread, and by the one that polls for it.
 */
#ifndef _SELFTESTS_MAKE_IN_RING_H
#define _SELFTESTS_MAKE_IN_RING_H

#include <liburing.h>

#include "close_on_fork_matrix.h"
#include "loopback.h"
#include "ring.h"
#include "scm_message.h"

/* Debian 12's liburing does not know these. */
#define OP_FIXED_FD_INSTALL	54
#define OP_PIPE			62
#ifndef IORING_FIXED_FD_NO_CLOEXEC
#define IORING_FIXED_FD_NO_CLOEXEC	1U
#endif

static int do_openat(struct ring *ring, int marks, unsigned int extra)
{
	io_uring_prep_openat(ring->sqe, AT_FDCWD, "/dev/null",
			     O_RDWR | o_flags(marks) | extra, 0);
	return result_of(ring);
}

static int do_openat2(struct ring *ring, int marks, unsigned int extra)
{
	struct open_how how = {
		.flags = O_RDWR | o_flags(marks) | extra,
	};

	io_uring_prep_openat2(ring->sqe, AT_FDCWD, "/dev/null", &how);
	return result_of(ring);
}

/* Since 6.16; a slot counts from 1, 0 is none. */
static int pipe_end(struct ring *ring, int end, unsigned int flags,
		    unsigned int slot)
{
	int fds[2];

	io_uring_prep_rw(OP_PIPE, ring->sqe, 0, fds, 0, 0);
	ring->sqe->rw_flags = flags;
	ring->sqe->file_index = slot;
	if (result_of(ring) < 0)
		return -1;
	if (slot)
		return 0;
	close_quietly(fds[!end]);
	return fds[end];
}

static int do_pipe_read(struct ring *ring, int marks, unsigned int extra)
{
	return pipe_end(ring, 0, o_flags(marks) | extra, 0);
}

static int do_pipe_write(struct ring *ring, int marks, unsigned int extra)
{
	return pipe_end(ring, 1, o_flags(marks) | extra, 0);
}

static int do_socket(struct ring *ring, int marks, unsigned int extra)
{
	io_uring_prep_socket(ring->sqe, AF_INET,
			     SOCK_DGRAM | sock_flags(marks) | extra, 0, 0);
	return result_of(ring);
}

static int do_accept(struct ring *ring, int marks, unsigned int extra)
{
	struct connection waiting;
	int fd;

	if (!connect_stream(&waiting, AF_INET))
		return -1;
	io_uring_prep_accept(ring->sqe, waiting.listener, NULL, NULL,
			     sock_flags(marks) | extra);
	fd = result_of(ring);
	hang_up(&waiting);
	return fd;
}

/* The second of its results, unless the first is a refusal. */
static int do_accept_multishot(struct ring *ring, int marks,
			       unsigned int extra)
{
	struct connection waiting;
	int client, fd;

	if (!connect_stream(&waiting, AF_INET))
		return -1;
	io_uring_prep_multishot_accept(ring->sqe, waiting.listener, NULL, NULL,
				       sock_flags(marks) | extra);
	fd = result_of(ring);
	if (fd >= 0 && !close(fd)) {
		client = connect_to(waiting.listener);
		fd = next_result(ring);
		close_quietly(client);
	}
	hang_up(&waiting);
	return fd;
}

typedef int receive_fn(struct ring *ring, int from, int flags);

static int receive_rights(receive_fn *receive, struct ring *ring, int flags)
{
	static const int sent = STDIN_FILENO;
	int fds[2], fd = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	if (send_descriptors(fds[0], &sent, 1))
		fd = receive(ring, fds[1], flags);
	close_quietly(fds[0]);
	close_quietly(fds[1]);
	return fd;
}

static int receive_once(struct ring *ring, int from, int flags)
{
	struct scm_message message;
	struct msghdr *msg = empty_message(&message);

	io_uring_prep_recvmsg(ring->sqe, from, msg, flags);
	return result_of(ring) == 1 ? last_descriptor_in(msg, SCM_RIGHTS) : -1;
}

static int do_recvmsg(struct ring *ring, int marks, unsigned int extra)
{
	return receive_rights(receive_once, ring, msg_flags(marks) | extra);
}

/* A multishot puts what it receives into a buffer that it was given before. */
static bool provide_buffer(struct ring *ring, void *buffer, int size)
{
	io_uring_prep_provide_buffers(ring->sqe, buffer, size, 1, 0, 0);
	return result_of(ring) >= 0 && next_request(ring);
}

static int descriptor_in(void *buffer, int size, struct msghdr *asked)
{
	struct io_uring_recvmsg_out *out =
		io_uring_recvmsg_validate(buffer, size, asked);
	struct msghdr received = {};

	if (out) {
		received.msg_control =
			io_uring_recvmsg_cmsg_firsthdr(out, asked);
		received.msg_controllen = out->controllen;
	}
	return last_descriptor_in(&received, SCM_RIGHTS);
}

static int receive_multishot(struct ring *ring, int from, int flags)
{
	struct scm_message message;
	struct msghdr *msg = empty_message(&message);
	long buffer[64];
	int size;

	if (!provide_buffer(ring, buffer, sizeof(buffer)))
		return -1;
	msg->msg_iovlen = 0;
	io_uring_prep_recvmsg_multishot(ring->sqe, from, msg, flags);
	ring->sqe->flags |= IOSQE_BUFFER_SELECT;
	size = result_of(ring);
	return size < 0 ? -1 : descriptor_in(buffer, size, msg);
}

static int do_recvmsg_multishot(struct ring *ring, int marks,
				unsigned int extra)
{
	return receive_rights(receive_multishot, ring,
			      msg_flags(marks) | extra);
}

/* Close-on-exec unless told otherwise. */
static int do_fixed_fd_install(struct ring *ring, int marks,
			       unsigned int extra)
{
	static const int file = STDIN_FILENO;

	io_uring_register_files(&ring->uring, &file, 1);
	io_uring_prep_rw(OP_FIXED_FD_INSTALL, ring->sqe, 0, NULL, 0, 0);
	ring->sqe->flags |= IOSQE_FIXED_FILE;
	ring->sqe->rw_flags =
		(marks & FD_CLOEXEC ? 0 : IORING_FIXED_FD_NO_CLOEXEC) |
		(marks & FD_CLOFORK ? IORING_FIXED_FD_CLOFORK : 0) | extra;
	return result_of(ring);
}

typedef int operation_fn(struct ring *ring, int marks, unsigned int extra);

static int make_in_ring(enum issuer issuer, operation_fn *operation, int marks,
			unsigned int extra)
{
	struct ring ring;
	int fd;

	if (!start_ring(&ring, issuer))
		return -1;
	fd = operation(&ring, marks, extra);
	end_ring(&ring);
	return fd;
}

#define MAKE_IN_RING(operation)						\
static int make_##operation##_by_task(int marks, unsigned int extra)	\
{									\
	return make_in_ring(TASK, do_##operation, marks, extra);	\
}									\
									\
static int make_##operation##_by_worker(int marks, unsigned int extra)	\
{									\
	return make_in_ring(WORKER, do_##operation, marks, extra);	\
}									\
									\
static int make_##operation##_by_poller(int marks, unsigned int extra)	\
{									\
	return make_in_ring(POLLER, do_##operation, marks, extra);	\
}

MAKE_IN_RING(openat)
MAKE_IN_RING(openat2)
MAKE_IN_RING(pipe_read)
MAKE_IN_RING(pipe_write)
MAKE_IN_RING(socket)
MAKE_IN_RING(accept)
MAKE_IN_RING(accept_multishot)
MAKE_IN_RING(recvmsg)
MAKE_IN_RING(recvmsg_multishot)
MAKE_IN_RING(fixed_fd_install)

FIXTURE_VARIANT_ADD(descriptor, openat_by_task)
{
	.make = make_openat_by_task,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, openat_by_worker)
{
	.make = make_openat_by_worker,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, openat_by_poller)
{
	.make = make_openat_by_poller,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, openat2_by_task)
{
	.make = make_openat2_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, openat2_by_worker)
{
	.make = make_openat2_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, openat2_by_poller)
{
	.make = make_openat2_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_read_by_task)
{
	.make = make_pipe_read_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_read_by_worker)
{
	.make = make_pipe_read_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_read_by_poller)
{
	.make = make_pipe_read_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_write_by_task)
{
	.make = make_pipe_write_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_write_by_worker)
{
	.make = make_pipe_write_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe_write_by_poller)
{
	.make = make_pipe_write_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, socket_by_task)
{
	.make = make_socket_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, socket_by_worker)
{
	.make = make_socket_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, socket_by_poller)
{
	.make = make_socket_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_by_task)
{
	.make = make_accept_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_by_worker)
{
	.make = make_accept_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_by_poller)
{
	.make = make_accept_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_multishot_by_task)
{
	.make = make_accept_multishot_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_multishot_by_worker)
{
	.make = make_accept_multishot_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, accept_multishot_by_poller)
{
	.make = make_accept_multishot_by_poller,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_by_task)
{
	.make = make_recvmsg_by_task,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_by_worker)
{
	.make = make_recvmsg_by_worker,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_by_poller)
{
	.make = make_recvmsg_by_poller,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_multishot_by_task)
{
	.make = make_recvmsg_multishot_by_task,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_multishot_by_worker)
{
	.make = make_recvmsg_multishot_by_worker,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, recvmsg_multishot_by_poller)
{
	.make = make_recvmsg_multishot_by_poller,
	.unknown = UNKNOWN_MSG,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, fixed_fd_install_by_task)
{
	.make = make_fixed_fd_install_by_task,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fixed_fd_install_by_worker)
{
	.make = make_fixed_fd_install_by_worker,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fixed_fd_install_by_poller)
{
	.make = make_fixed_fd_install_by_poller,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_IN_RING_H */
