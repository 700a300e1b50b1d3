/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory, and its page faults: memfd_create(), memfd_secret(), userfaultfd(). */
#ifndef _SELFTESTS_MAKE_MEMORY_H
#define _SELFTESTS_MAKE_MEMORY_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "close_on_fork_matrix.h"

static int create_memfd(int marks, unsigned int flags)
{
	return memfd_create("close_on_fork",
			    (marks & FD_CLOEXEC ? MFD_CLOEXEC : 0) |
			    (marks & FD_CLOFORK ? MFD_CLOFORK : 0) | flags);
}

static int make_memfd_create(int marks, unsigned int extra)
{
	return create_memfd(marks, extra);
}

/* Takes no huge page as long as it has no size. */
static int make_memfd_create_hugetlb(int marks, unsigned int extra)
{
	return create_memfd(marks, MFD_HUGETLB | extra);
}

#ifdef __NR_memfd_secret
static int make_memfd_secret(int marks, unsigned int extra)
{
	return syscall(__NR_memfd_secret, o_flags(marks) | extra);
}
#endif

static int make_userfaultfd(int marks, unsigned int extra)
{
	return syscall(__NR_userfaultfd, o_flags(marks) | extra);
}

static int make_userfaultfd_dev(int marks, unsigned int extra)
{
	unsigned int flags = o_flags(marks) | extra;

	return ioctl_on("/dev/userfaultfd", USERFAULTFD_IOC_NEW,
			(void *)(uintptr_t)flags);
}

static void *fork_and_reap(void *unused)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	reap(pid);
	return unused;
}

/* Its fork() waits until the event that it causes has been read. */
static int read_fork_event(int uffd)
{
	struct uffd_msg msg = {};
	pthread_t thread;

	if (pthread_create(&thread, NULL, fork_and_reap, NULL))
		return -1;
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		abort();
	pthread_join(thread, NULL);
	errno = EBADMSG;
	return msg.event == UFFD_EVENT_FORK ? (int)msg.arg.fork.ufd : -1;
}

static bool register_page(int uffd, void *page)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK,
	};
	struct uffdio_register region = {
		.range = { (uintptr_t)page, sysconf(_SC_PAGESIZE) },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return !ioctl(uffd, UFFDIO_API, &api) &&
	       !ioctl(uffd, UFFDIO_REGISTER, &region);
}

/* A child has a userfaultfd of its own, which comes with the marks of ours. */
static int make_userfaultfd_fork(int marks, unsigned int extra)
{
	size_t size = sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = make_userfaultfd(marks, extra);
	int fd = uffd >= 0 && register_page(uffd, page) ?
		 read_fork_event(uffd) : -1;

	close_quietly(uffd);
	munmap(page, size);
	return fd;
}

FIXTURE_VARIANT_ADD(descriptor, memfd_create)
{
	.make = make_memfd_create,
	.refuses_unknown = EINVAL,
};

/* There, the highest bits say how huge. */
FIXTURE_VARIANT_ADD(descriptor, memfd_create_hugetlb)
{
	.make = make_memfd_create_hugetlb,
	.unknown = 0x00100000,
	.refuses_unknown = EINVAL,
};

#ifdef __NR_memfd_secret
FIXTURE_VARIANT_ADD(descriptor, memfd_secret)
{
	.make = make_memfd_secret,
	.refuses_unknown = EINVAL,
};
#endif

FIXTURE_VARIANT_ADD(descriptor, userfaultfd)
{
	.make = make_userfaultfd,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, userfaultfd_dev)
{
	.make = make_userfaultfd_dev,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, userfaultfd_fork)
{
	.make = make_userfaultfd_fork,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_MEMORY_H */
