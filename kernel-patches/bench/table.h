/* SPDX-License-Identifier: MIT */
/* A descriptor table with as much in it as a benchmark wants. */
#ifndef TABLE_H
#define TABLE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "close_on_fork.h"
#include "ticks.h"

/* Standard input is /dev/null, and the numbers from 0 to "descriptors" may be open. */
static inline void allow_descriptors(int descriptors)
{
	struct rlimit limit = { descriptors, descriptors };

	checked(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	checked(dup2(checked(open("/dev/null", O_RDWR), "/dev/null"), STDIN_FILENO), "dup2");
}

/* The numbers below "descriptors" are open, from 3 on by F_DUPFD or its like. */
static inline void fill_table(int descriptors, int command)
{
	checked(close_range(3, ~0U, 0), "close_range");
	for (int fd = 3; fd < descriptors; fd++)
		checked(fcntl(STDIN_FILENO, command, fd), "F_DUPFD");
}

static inline bool marks_work(void)
{
	int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOFORK, 3);

	if (fd < 0 && errno != EINVAL)
		err(1, "F_DUPFD_CLOFORK");
	if (fd >= 0)
		drop(fd);
	return fd >= 0;
}

#endif
