/* SPDX-License-Identifier: GPL-2.0-only */
/* The mount API.  Mounts nothing where anyone could see it. */
#ifndef _SELFTESTS_MAKE_MOUNTS_H
#define _SELFTESTS_MAKE_MOUNTS_H

#include <linux/mount.h>
#include <sys/syscall.h>

#include "close_on_fork_matrix.h"

/* These are newer than 6.12; where they are not, they are skipped. */
#ifndef __NR_open_tree_attr
#ifdef __alpha__
#define __NR_open_tree_attr	577
#else
#define __NR_open_tree_attr	467
#endif
#endif
#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE	0x00000002
#endif
#ifndef FSMOUNT_NAMESPACE
#define FSMOUNT_NAMESPACE	0x00000002
#endif

static int open_tree_flags(int marks)
{
	return (marks & FD_CLOEXEC ? OPEN_TREE_CLOEXEC : 0) |
	       (marks & FD_CLOFORK ? OPEN_TREE_CLOFORK : 0);
}

static int make_open_tree(int marks, unsigned int extra)
{
	return syscall(__NR_open_tree, AT_FDCWD, "/",
		       open_tree_flags(marks) | extra);
}

static int make_open_tree_clone(int marks, unsigned int extra)
{
	return syscall(__NR_open_tree, AT_FDCWD, "/",
		       OPEN_TREE_CLONE | open_tree_flags(marks) | extra);
}

static int make_open_tree_namespace(int marks, unsigned int extra)
{
	return syscall(__NR_open_tree, AT_FDCWD, "/",
		       OPEN_TREE_NAMESPACE | open_tree_flags(marks) | extra);
}

static int make_open_tree_attr(int marks, unsigned int extra)
{
	return syscall(__NR_open_tree_attr, AT_FDCWD, "/",
		       open_tree_flags(marks) | extra, NULL, 0);
}

static int make_fsopen(int marks, unsigned int extra)
{
	return syscall(__NR_fsopen, "tmpfs",
		       (marks & FD_CLOEXEC ? FSOPEN_CLOEXEC : 0) |
		       (marks & FD_CLOFORK ? FSOPEN_CLOFORK : 0) | extra);
}

static int make_fspick(int marks, unsigned int extra)
{
	return syscall(__NR_fspick, AT_FDCWD, "/tmp",
		       (marks & FD_CLOEXEC ? FSPICK_CLOEXEC : 0) |
		       (marks & FD_CLOFORK ? FSPICK_CLOFORK : 0) | extra);
}

static int fsmount_with(int marks, unsigned int flags)
{
	int fs = syscall(__NR_fsopen, "tmpfs", FSOPEN_CLOEXEC), fd = -1;

	flags |= marks & FD_CLOEXEC ? FSMOUNT_CLOEXEC : 0;
	flags |= marks & FD_CLOFORK ? FSMOUNT_CLOFORK : 0;
	if (fs >= 0 && !syscall(__NR_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL,
				NULL, 0))
		fd = syscall(__NR_fsmount, fs, flags, 0);
	close_quietly(fs);
	return fd;
}

static int make_fsmount(int marks, unsigned int extra)
{
	return fsmount_with(marks, extra);
}

static int make_fsmount_namespace(int marks, unsigned int extra)
{
	return fsmount_with(marks, FSMOUNT_NAMESPACE | extra);
}

FIXTURE_VARIANT_ADD(descriptor, open_tree)
{
	.make = make_open_tree,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, open_tree_clone)
{
	.make = make_open_tree_clone,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, open_tree_namespace)
{
	.make = make_open_tree_namespace,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, open_tree_attr)
{
	.make = make_open_tree_attr,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fsopen)
{
	.make = make_fsopen,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fspick)
{
	.make = make_fspick,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fsmount)
{
	.make = make_fsmount,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fsmount_namespace)
{
	.make = make_fsmount_namespace,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_MOUNTS_H */
