/* SPDX-License-Identifier: GPL-2.0-only */
/* Descriptors as the tests want them: marked, numbered, limited. */
#ifndef _SELFTESTS_DESCRIPTORS_H
#define _SELFTESTS_DESCRIPTORS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "close_on_fork.h"

#define BOTH		(FD_CLOEXEC | FD_CLOFORK)

static const int all_marks[] = { 0, FD_CLOEXEC, FD_CLOFORK, BOTH };

static inline int o_flags(int marks)
{
	return (marks & FD_CLOEXEC ? O_CLOEXEC : 0) |
	       (marks & FD_CLOFORK ? O_CLOFORK : 0);
}

static inline int open_null(int flags)
{
	return open("/dev/null", O_RDONLY | flags);
}

/* Closes what an interface needed, and leaves what it said in errno. */
static inline void close_quietly(int fd)
{
	int saved_errno = errno;

	close(fd);
	errno = saved_errno;
}

/* What the device at @path says to @request. */
static inline int ioctl_on(const char *path, unsigned long request, void *arg)
{
	int dev = open(path, O_RDWR | O_CLOEXEC), result;

	if (dev < 0)
		return -1;
	result = ioctl(dev, request, arg);
	close_quietly(dev);
	return result;
}

static inline int set_marks(int fd, int marks)
{
	if (fd >= 0 && fcntl(fd, F_SETFD, marks)) {
		close_quietly(fd);
		return -1;
	}
	return fd;
}

/* The flags in fdinfo of @fd in process @pid, or -1. */
static inline int fdinfo_flags(pid_t pid, int fd)
{
	unsigned int flags;
	char path[64];
	FILE *stream;
	int fields;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	stream = fopen(path, "re");
	if (!stream)
		return -1;
	fields = fscanf(stream, "pos: %*d flags: %o", &flags);
	fclose(stream);
	return fields == 1 ? (int)flags : -1;
}

/* Duplicates onto every free number below @end, which becomes the next one. */
static inline bool fill_below(int end)
{
	int fd;

	do {
		fd = dup(STDIN_FILENO);
	} while (fd >= 0 && fd < end);
	return fd >= 0 && !close(fd);
}

/* How many descriptors the limit allows, once raised to @wanted if it can be. */
static inline rlim_t raise_nofile(rlim_t wanted)
{
	struct rlimit limit = { wanted, wanted };

	if (!setrlimit(RLIMIT_NOFILE, &limit))
		return wanted;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) ? 0 : limit.rlim_cur;
}

#endif /* _SELFTESTS_DESCRIPTORS_H */
