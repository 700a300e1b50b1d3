/* SPDX-License-Identifier: GPL-2.0-only */
/* What one waits on: epoll, eventfd, signalfd, timerfd, inotify, perf. */
#ifndef _SELFTESTS_MAKE_EVENTS_H
#define _SELFTESTS_MAKE_EVENTS_H

#include <linux/perf_event.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include "close_on_fork_matrix.h"

static int make_epoll_create1(int marks, unsigned int extra)
{
	return epoll_create1((marks & FD_CLOEXEC ? EPOLL_CLOEXEC : 0) |
			     (marks & FD_CLOFORK ? EPOLL_CLOFORK : 0) | extra);
}

static int make_eventfd2(int marks, unsigned int extra)
{
	return eventfd(0, (marks & FD_CLOEXEC ? EFD_CLOEXEC : 0) |
			  (marks & FD_CLOFORK ? EFD_CLOFORK : 0) | extra);
}

static int make_signalfd4(int marks, unsigned int extra)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none,
			(marks & FD_CLOEXEC ? SFD_CLOEXEC : 0) |
			(marks & FD_CLOFORK ? SFD_CLOFORK : 0) | extra);
}

static int make_timerfd_create(int marks, unsigned int extra)
{
	return timerfd_create(CLOCK_MONOTONIC,
			      (marks & FD_CLOEXEC ? TFD_CLOEXEC : 0) |
			      (marks & FD_CLOFORK ? TFD_CLOFORK : 0) | extra);
}

static int make_inotify_init1(int marks, unsigned int extra)
{
	return inotify_init1((marks & FD_CLOEXEC ? IN_CLOEXEC : 0) |
			     (marks & FD_CLOFORK ? IN_CLOFORK : 0) | extra);
}

/* A counter that counts nothing and needs no hardware. */
static int make_perf_event_open(int marks, unsigned int extra)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	unsigned long flags = extra;

	flags |= marks & FD_CLOEXEC ? PERF_FLAG_FD_CLOEXEC : 0;
	flags |= marks & FD_CLOFORK ? PERF_FLAG_FD_CLOFORK : 0;
	return syscall(__NR_perf_event_open, &attr, 0, -1, -1, flags);
}

FIXTURE_VARIANT_ADD(descriptor, epoll_create1)
{
	.make = make_epoll_create1,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, eventfd2)
{
	.make = make_eventfd2,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, signalfd4)
{
	.make = make_signalfd4,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, timerfd_create)
{
	.make = make_timerfd_create,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, inotify_init1)
{
	.make = make_inotify_init1,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, perf_event_open)
{
	.make = make_perf_event_open,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_EVENTS_H */
