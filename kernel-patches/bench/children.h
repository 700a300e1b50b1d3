/* SPDX-License-Identifier: MIT */
/* Children that a benchmark makes and waits for. */
#ifndef CHILDREN_H
#define CHILDREN_H

#include <sys/wait.h>
#include <unistd.h>

#include "ticks.h"

static inline void await(pid_t child, const char *what)
{
	int status;

	checked(child, what);
	checked(waitpid(child, &status, 0), "waitpid");
	if (status)
		errx(1, "%s: the child ended with wait status %#x", what, status);
}

static inline void vfork_exit_wait(void)
{
	pid_t child = vfork();

	if (child == 0)
		_exit(0);
	await(child, "vfork");
}

#endif
