/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A FUSE file system of one file, served straight from /dev/fuse, that counts
 * the FLUSH requests which close() sends and answers them as a test wants.
 *
 * The server is a process of its own and alone in holding /dev/fuse open: if it
 * is killed with the test the kernel aborts the connection, and nobody is left
 * waiting for an answer to FLUSH, a wait that no signal ends.
 */
#ifndef _SELFTESTS_FLUSH_SERVER_H
#define _SELFTESTS_FLUSH_SERVER_H

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "close_on_fork_common.h"

#define FILE_NODE	2
#define MAX_HELD	64

struct flush_state {		/* shared by server and test */
	int flushes;
	int releases;
	int errors_left;	/* FLUSHes still to fail with EIO */
	bool hold;		/* answer none before flush_server_answer() */
};

struct flush_server {
	char dir[32];
	char file[48];
	struct flush_state *state;
	pid_t pid;
	int control;		/* a byte: answer; end of file: leave */
	int held;		/* readable once a FLUSH is held */
};

struct flush_connection {	/* the server's own side */
	struct flush_state *state;
	int dev;
	int control;
	int tell_held;
	int held;
	__u64 unique[MAX_HELD];
};

static inline void fuse_answer(const struct flush_connection *conn,
			       __u64 unique, int error, const void *body,
			       size_t size)
{
	struct {
		struct fuse_out_header header;
		char body[256];
	} out = {
		.header.len = sizeof(out.header) + size,
		.header.error = -error,
		.header.unique = unique,
	};

	memcpy(out.body, body, size);
	/* ENOENT: whoever asked was killed meanwhile. */
	if (write(conn->dev, &out, out.header.len) < 0 && errno != ENOENT)
		_exit(EXIT_FAILURE);
}

static inline void answer_flush(struct flush_connection *conn, __u64 unique)
{
	int error = 0;

	if (conn->state->errors_left > 0) {
		conn->state->errors_left--;
		error = EIO;
	}
	fuse_answer(conn, unique, error, NULL, 0);
}

static inline void take_flush(struct flush_connection *conn, __u64 unique)
{
	__atomic_fetch_add(&conn->state->flushes, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&conn->state->hold, __ATOMIC_SEQ_CST)) {
		answer_flush(conn, unique);
		return;
	}
	if (conn->held == MAX_HELD || write(conn->tell_held, "", 1) != 1)
		_exit(EXIT_FAILURE);
	conn->unique[conn->held++] = unique;
}

static inline struct fuse_attr node_attr(__u64 node)
{
	return (struct fuse_attr) {
		.ino = node,
		.mode = node == FILE_NODE ? S_IFREG | 0600 : S_IFDIR | 0700,
		.nlink = 1,
		.uid = getuid(),
		.gid = getgid(),
	};
}

static inline void take_request(struct flush_connection *conn,
				const struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_write = 4096,
	};
	struct fuse_entry_out entry = {
		.nodeid = FILE_NODE,
		.attr = node_attr(FILE_NODE),
	};
	struct fuse_attr_out attr = { .attr = node_attr(in->nodeid) };
	struct fuse_open_out open = { .fh = 1 };

	switch (in->opcode) {
	case FUSE_INIT:
		fuse_answer(conn, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		fuse_answer(conn, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		fuse_answer(conn, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		fuse_answer(conn, in->unique, 0, &open, sizeof(open));
		break;
	case FUSE_FLUSH:
		take_flush(conn, in->unique);
		break;
	case FUSE_RELEASE:
		__atomic_fetch_add(&conn->state->releases, 1, __ATOMIC_SEQ_CST);
		fuse_answer(conn, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:	/* these have no answer */
		break;
	default:
		fuse_answer(conn, in->unique, EOPNOTSUPP, NULL, 0);
	}
}

/* False once the test has closed its end. */
static inline bool take_control(struct flush_connection *conn)
{
	char c;

	if (read(conn->control, &c, 1) != 1)
		return false;
	while (conn->held)
		answer_flush(conn, conn->unique[--conn->held]);
	return true;
}

static inline void serve_flush(struct flush_connection *conn)
{
	static __u64 buffer[4 * FUSE_MIN_READ_BUFFER / sizeof(__u64)];
	struct pollfd fds[] = {
		{ .fd = conn->control, .events = POLLIN },
		{ .fd = conn->dev, .events = POLLIN },
	};

	while (poll(fds, ARRAY_SIZE(fds), -1) > 0) {
		if (fds[0].revents && !take_control(conn))
			break;
		if (!fds[1].revents)
			continue;
		if (read(conn->dev, buffer, sizeof(buffer)) > 0)
			take_request(conn, (void *)buffer);
		else if (errno != ENOENT && errno != EINTR)
			break;
	}
}

static inline bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

/* A mount namespace of one's own, with a user namespace if that takes one. */
static inline bool own_mounts(void)
{
	unsigned int uid = getuid(), gid = getgid();
	char map[32];

	if (unshare(CLONE_NEWNS)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			return false;
		snprintf(map, sizeof(map), "0 %u 1", uid);
		if (!write_file("/proc/self/uid_map", map) ||
		    !write_file("/proc/self/setgroups", "deny"))
			return false;
		snprintf(map, sizeof(map), "0 %u 1", gid);
		if (!write_file("/proc/self/gid_map", map))
			return false;
	}
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* NULL, or what is missing here, with errno. */
static inline const char *start_flush_server(struct flush_server *server)
{
	struct flush_connection conn = {};
	char data[96];
	int control[2], held[2];

	server->state = mmap(NULL, sizeof(*server->state),
			     PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server->state == MAP_FAILED)
		return "shared memory";
	if (pipe2(control, O_CLOEXEC) || pipe2(held, O_CLOEXEC))
		return "pipes";
	if (!own_mounts())
		return "a mount namespace of one's own";
	conn.dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (conn.dev < 0)
		return "/dev/fuse";
	snprintf(server->dir, sizeof(server->dir), "/tmp/flush_once.XXXXXX");
	if (!mkdtemp(server->dir))
		return "a directory in /tmp";
	snprintf(server->file, sizeof(server->file), "%s/file", server->dir);
	snprintf(data, sizeof(data), "fd=%d,rootmode=40000,user_id=%u,group_id=%u",
		 conn.dev, getuid(), getgid());
	if (mount("flush_once", server->dir, "fuse", MS_NOSUID | MS_NODEV, data))
		return "a FUSE mount";

	conn.state = server->state;
	conn.control = control[0];
	conn.tell_held = held[1];
	server->control = control[1];
	server->held = held[0];
	server->pid = fork();
	if (!server->pid) {
		close(server->control);
		serve_flush(&conn);
		_exit(EXIT_SUCCESS);
	}
	close(conn.dev);
	close(conn.control);
	close(conn.tell_held);
	return server->pid < 0 ? "a process" : NULL;
}

/* Answer every FLUSH that is held, and hold no more. */
static inline bool flush_server_answer(const struct flush_server *server)
{
	__atomic_store_n(&server->state->hold, false, __ATOMIC_SEQ_CST);
	return write(server->control, "", 1) == 1;
}

/* How many RELEASEs there were: a request made now is served after them. */
static inline int flush_server_releases(const struct flush_server *server)
{
	struct stat st;

	if (stat(server->file, &st))
		return -1;
	return __atomic_load_n(&server->state->releases, __ATOMIC_SEQ_CST);
}

static inline int end_flush_server(struct flush_server *server)
{
	umount2(server->dir, MNT_DETACH);
	rmdir(server->dir);
	close(server->control);
	close(server->held);
	return reap(server->pid);
}

#endif /* _SELFTESTS_FLUSH_SERVER_H */
