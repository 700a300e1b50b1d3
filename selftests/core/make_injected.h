/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that a seccomp supervisor puts into its target's table.  Here the
 * target is a thread with a filter of its own, so the table is the caller's.
 */
#ifndef _SELFTESTS_MAKE_INJECTED_H
#define _SELFTESTS_MAKE_INJECTED_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "close_on_fork_matrix.h"

struct target {
	pthread_t thread;
	pthread_barrier_t filtered;
	int listener;
	int error;
	long returned;	/* by the system call that the supervisor answers */
};

/* The calling thread's getppid() is for a supervisor to answer. */
static int filter_getppid(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void *run_target(void *arg)
{
	struct target *target = arg;

	target->listener = filter_getppid();
	target->error = errno;
	pthread_barrier_wait(&target->filtered);
	if (target->listener >= 0)
		target->returned = syscall(__NR_getppid);
	return NULL;
}

/* Until it has a filter, or it turned out that it cannot. */
static bool start_target(struct target *target)
{
	pthread_barrier_init(&target->filtered, NULL, 2);
	if (pthread_create(&target->thread, NULL, run_target, target))
		return false;
	pthread_barrier_wait(&target->filtered);
	if (target->listener >= 0)
		return true;
	pthread_join(target->thread, NULL);
	errno = target->error;
	return false;
}

static void answer(int listener, __u64 id)
{
	struct seccomp_notif_resp response = { .id = id };
	int saved_errno = errno;

	ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
	errno = saved_errno;
}

/* SECCOMP_ADDFD_FLAG_SEND is an answer too, unless it fails. */
static int add_descriptor(int listener, struct seccomp_notif_addfd *addfd)
{
	struct seccomp_notif request = {};
	int fd;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request))
		abort();
	addfd->id = request.id;
	fd = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, addfd);
	if (fd < 0 || !(addfd->flags & SECCOMP_ADDFD_FLAG_SEND))
		answer(listener, request.id);
	return fd;
}

static int inject(struct seccomp_notif_addfd *addfd)
{
	struct target target = {};
	int fd;

	if (!start_target(&target))
		return -1;
	fd = add_descriptor(target.listener, addfd);
	pthread_join(target.thread, NULL);
	close_quietly(target.listener);
	if (addfd->flags & SECCOMP_ADDFD_FLAG_SEND && fd >= 0)
		return target.returned;
	return fd;
}

static int make_addfd(int marks, unsigned int extra)
{
	struct seccomp_notif_addfd addfd = {
		.newfd_flags = o_flags(marks) | extra,
	};

	return inject(&addfd);
}

static int make_addfd_setfd(int marks, unsigned int extra)
{
	struct seccomp_notif_addfd addfd = {
		.flags = SECCOMP_ADDFD_FLAG_SETFD,
		.newfd = dup(STDIN_FILENO),
		.newfd_flags = o_flags(marks) | extra,
	};
	int fd = inject(&addfd);

	if (fd < 0)
		close_quietly(addfd.newfd);
	return fd;
}

static int make_addfd_send(int marks, unsigned int extra)
{
	struct seccomp_notif_addfd addfd = {
		.flags = SECCOMP_ADDFD_FLAG_SEND,
		.newfd_flags = o_flags(marks) | extra,
	};

	return inject(&addfd);
}

FIXTURE_VARIANT_ADD(descriptor, seccomp_addfd)
{
	.make = make_addfd,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, seccomp_addfd_setfd)
{
	.make = make_addfd_setfd,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, seccomp_addfd_send)
{
	.make = make_addfd_send,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_INJECTED_H */
