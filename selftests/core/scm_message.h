/* SPDX-License-Identifier: GPL-2.0-only */
/* A byte over a socket pair, and the descriptors that come with it. */
#ifndef _SELFTESTS_SCM_MESSAGE_H
#define _SELFTESTS_SCM_MESSAGE_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "descriptors.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD	0x04
#endif

/* No MSG_* flag, and not the kernel's own MSG_CMSG_COMPAT, 0x80000000. */
#define UNKNOWN_MSG	0x00800000

#define MAX_PASSED	3

static inline int msg_flags(int marks)
{
	return (marks & FD_CLOEXEC ? MSG_CMSG_CLOEXEC : 0) |
	       (marks & FD_CLOFORK ? MSG_CMSG_CLOFORK : 0);
}

/* The msghdr points into the rest: not to be copied. */
struct scm_message {
	char byte;
	struct iovec iov;
	struct msghdr msg;
	union {
		char room[CMSG_SPACE(MAX_PASSED * sizeof(int))];
		struct cmsghdr align;
	} control;
};

static inline struct msghdr *empty_message(struct scm_message *message)
{
	memset(message, 0, sizeof(*message));
	message->iov.iov_base = &message->byte;
	message->iov.iov_len = 1;
	message->msg.msg_iov = &message->iov;
	message->msg.msg_iovlen = 1;
	message->msg.msg_control = &message->control;
	message->msg.msg_controllen = sizeof(message->control);
	return &message->msg;
}

static inline bool send_descriptors(int to, const int *fds, int count)
{
	struct scm_message message;
	struct msghdr *msg = empty_message(&message);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(count * sizeof(*fds));
	msg->msg_controllen = CMSG_SPACE(count * sizeof(*fds));
	memcpy(CMSG_DATA(cmsg), fds, count * sizeof(*fds));
	return sendmsg(to, msg, 0) == 1;
}

/* How many descriptors of @type came with @msg; @fds has room for the most. */
static inline int descriptors_in(struct msghdr *msg, int type, int *fds)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	size_t size;

	if (!cmsg || cmsg->cmsg_type != type)
		return 0;
	size = cmsg->cmsg_len - CMSG_LEN(0);
	memcpy(fds, CMSG_DATA(cmsg), size);
	return size / sizeof(*fds);
}

/* The last of them, which is left open alone; without one, EBADMSG. */
static inline int last_descriptor_in(struct msghdr *msg, int type)
{
	int fds[MAX_PASSED];
	int count = descriptors_in(msg, type, fds);

	for (int i = 0; i < count - 1; i++)
		close(fds[i]);
	errno = EBADMSG;
	return count ? fds[count - 1] : -1;
}

#endif /* _SELFTESTS_SCM_MESSAGE_H */
