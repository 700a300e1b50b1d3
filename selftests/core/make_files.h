/* SPDX-License-Identifier: GPL-2.0-only */
/* open() and its kin, dup3(), pipe2(), fcntl(). */
#ifndef _SELFTESTS_MAKE_FILES_H
#define _SELFTESTS_MAKE_FILES_H

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "close_on_fork_matrix.h"

#ifdef __NR_open
static int make_open(int marks, unsigned int extra)
{
	return syscall(__NR_open, "/dev/null", O_RDWR | o_flags(marks) | extra);
}
#endif

static int make_openat(int marks, unsigned int extra)
{
	return openat(AT_FDCWD, "/dev/null", O_RDWR | o_flags(marks) | extra);
}

static int make_open_creat(int marks, unsigned int extra)
{
	char path[] = "/tmp/close_on_fork.XXXXXX";
	int fd = mkostemp(path, o_flags(marks) | extra);

	if (fd >= 0)
		unlink(path);
	return fd;
}

static int make_open_path(int marks, unsigned int extra)
{
	return open("/", O_PATH | O_DIRECTORY | o_flags(marks) | extra);
}

static int openat2_with(unsigned int flags, __u64 resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(__NR_openat2, AT_FDCWD, "/dev/null", &how, sizeof(how));
}

static int make_openat2(int marks, unsigned int extra)
{
	return openat2_with(O_RDWR | o_flags(marks) | extra, 0);
}

static int make_openat2_path(int marks, unsigned int extra)
{
	return openat2_with(O_PATH | o_flags(marks) | extra, 0);
}

static int make_openat2_resolve(int marks, unsigned int extra)
{
	return openat2_with(O_RDWR | o_flags(marks) | extra,
			    RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

/* The handle of a file that is not there for long, with the flags at last. */
struct handle_room {
	struct file_handle handle;
	char room[MAX_HANDLE_SZ];
};

static int open_handle_of(int file, int flags)
{
	struct handle_room to = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;

	if (name_to_handle_at(file, "", &to.handle, &mount_id, AT_EMPTY_PATH))
		return -1;
	return open_by_handle_at(file, &to.handle, flags);
}

static int make_open_by_handle_at(int marks, unsigned int extra)
{
	char path[] = "/tmp/close_on_fork.XXXXXX";
	int file = mkstemp(path);
	int fd = open_handle_of(file, O_RDWR | o_flags(marks) | extra);

	close_quietly(file);
	unlink(path);
	return fd;
}

/* Whose file system looks at the flags itself; it has handles since 6.14. */
static int make_open_by_handle_at_pidfs(int marks, unsigned int extra)
{
	int pidfd = syscall(__NR_pidfd_open, getpid(), 0);
	int fd = open_handle_of(pidfd, O_RDWR | o_flags(marks) | extra);

	close_quietly(pidfd);
	return fd;
}

static int make_dup3(int marks, unsigned int extra)
{
	int number = dup(STDIN_FILENO);
	int fd = dup3(STDIN_FILENO, number, o_flags(marks) | extra);

	if (fd < 0)
		close_quietly(number);
	return fd;
}

static int make_pipe2(int end, int marks, unsigned int extra)
{
	int fds[2];

	if (pipe2(fds, o_flags(marks) | extra))
		return -1;
	close(fds[!end]);
	return fds[end];
}

static int make_pipe2_read(int marks, unsigned int extra)
{
	return make_pipe2(0, marks, extra);
}

static int make_pipe2_write(int marks, unsigned int extra)
{
	return make_pipe2(1, marks, extra);
}

static int make_f_setfd(int marks, unsigned int extra)
{
	return set_marks(open_null(0), marks | extra);
}

static int make_f_setfd_path(int marks, unsigned int extra)
{
	return set_marks(open_null(O_PATH), marks | extra);
}

/* A command for each flag, none for both; the command stands for the flags. */
static int dup_with_marks(int fd, int marks, unsigned int extra)
{
	static const int commands[] = {
		[0] = F_DUPFD,
		[FD_CLOEXEC] = F_DUPFD_CLOEXEC,
		[FD_CLOFORK] = F_DUPFD_CLOFORK,
		[BOTH] = F_DUPFD_CLOFORK,
	};

	fd = fcntl(fd, commands[marks] | extra, 0);
	return marks == BOTH ? set_marks(fd, BOTH) : fd;
}

static int make_f_dupfd(int marks, unsigned int extra)
{
	return dup_with_marks(STDIN_FILENO, marks, extra);
}

static int make_f_dupfd_path(int marks, unsigned int extra)
{
	int path = open_null(O_PATH);
	int fd = dup_with_marks(path, marks, extra);

	close_quietly(path);
	return fd;
}

#ifdef __NR_open
FIXTURE_VARIANT_ADD(descriptor, open)
{
	.make = make_open,
	.refuses_unknown = 0,
};
#endif

FIXTURE_VARIANT_ADD(descriptor, openat)
{
	.make = make_openat,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, open_creat)
{
	.make = make_open_creat,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, open_path)
{
	.make = make_open_path,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, openat2)
{
	.make = make_openat2,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, openat2_path)
{
	.make = make_openat2_path,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, openat2_resolve)
{
	.make = make_openat2_resolve,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, open_by_handle_at)
{
	.make = make_open_by_handle_at,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, open_by_handle_at_pidfs)
{
	.make = make_open_by_handle_at_pidfs,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, dup3)
{
	.make = make_dup3,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe2_read)
{
	.make = make_pipe2_read,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, pipe2_write)
{
	.make = make_pipe2_write,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, f_dupfd)
{
	.make = make_f_dupfd,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, f_dupfd_path)
{
	.make = make_f_dupfd_path,
	.refuses_unknown = EBADF,
};

FIXTURE_VARIANT_ADD(descriptor, f_setfd)
{
	.make = make_f_setfd,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, f_setfd_path)
{
	.make = make_f_setfd_path,
	.refuses_unknown = 0,
};

#endif /* _SELFTESTS_MAKE_FILES_H */
