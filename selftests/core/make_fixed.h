/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces without a flag for close-on-fork: F_SETFD serves them. */
#ifndef _SELFTESTS_MAKE_FIXED_H
#define _SELFTESTS_MAKE_FIXED_H

#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/nsfs.h>
#include <mqueue.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "close_on_fork_common.h"
#include "descriptors.h"
#include "fork_children.h"

static int make_pidfd(void)
{
	return syscall(__NR_pidfd_open, getpid(), 0);
}

static int make_mqueue(int flags)
{
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/close_on_fork.%d", getpid());
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0600, NULL);
	mq_unlink(name);
	return fd;
}

static int make_plain_mqueue(void)
{
	return make_mqueue(0);
}

static int make_io_uring(void)
{
	struct io_uring_params params = {};

	return syscall(__NR_io_uring_setup, 1, &params);
}

static int make_bpf_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 1,
	};

	return syscall(__NR_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int make_user_ns(void)
{
	int ns = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	int fd = ioctl(ns, NS_GET_USERNS);

	close_quietly(ns);
	return fd;
}

FIXTURE(fixed_flags)
{
	int fd;
};

FIXTURE_VARIANT(fixed_flags)
{
	int (*make)(void);
};

FIXTURE_VARIANT_ADD(fixed_flags, pidfd_open)
{
	.make = make_pidfd,
};

FIXTURE_VARIANT_ADD(fixed_flags, mq_open)
{
	.make = make_plain_mqueue,
};

FIXTURE_VARIANT_ADD(fixed_flags, io_uring_setup)
{
	.make = make_io_uring,
};

FIXTURE_VARIANT_ADD(fixed_flags, bpf_map_create)
{
	.make = make_bpf_map,
};

FIXTURE_VARIANT_ADD(fixed_flags, ns_get_userns)
{
	.make = make_user_ns,
};

FIXTURE_SETUP(fixed_flags)
{
	if (skip_without_close_on_fork(_metadata))
		return;
	self->fd = variant->make();
	if (self->fd < 0)
		SKIP(return, "not to be had here: %s", strerror(errno));
}

FIXTURE_TEARDOWN(fixed_flags)
{
}

TEST_F(fixed_flags, inherited_until_marked)
{
	EXPECT_EQ(FD_CLOEXEC, fd_state(self->fd));
	EXPECT_EQ(FD_CLOEXEC, state_in_fork(self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFD, BOTH));
	EXPECT_EQ(BOTH, fd_state(self->fd));
	EXPECT_EQ(ABSENT, state_in_fork(self->fd));
}

/* It keeps what it is given as flags of the file, where a mark is none. */
TEST(mq_open_ignores_o_clofork)
{
	int fd;

	if (skip_without_close_on_fork(_metadata))
		return;
	fd = make_mqueue(O_CLOFORK);
	if (fd < 0)
		SKIP(return, "not to be had here: %s", strerror(errno));
	EXPECT_EQ(FD_CLOEXEC, fd_state(fd));
	EXPECT_EQ(0, fcntl(fd, F_GETFL) & O_CLOFORK);
	EXPECT_EQ(0, fdinfo_flags(getpid(), fd) & O_CLOFORK);
}

#endif /* _SELFTESTS_MAKE_FIXED_H */
