// SPDX-License-Identifier: MIT
/*
 * What it costs to copy a descriptor table, and to leave the copy, by how many descriptors
 * are in it and which of them are marked close-on-fork: see ticks.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

#include "children.h"
#include "table.h"

#define LIMIT (1 << 20)
#define FAR 1000000

/* In memory: the disk of a guest is slow, and not always equally so. */
static const char program[] = "/tmp/table_cost";

static void copy_program(const char *self)
{
	int from = checked(open(self, O_RDONLY | O_CLOEXEC), self);
	int to = checked(open(program, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700), program);
	ssize_t copied;

	do {
		copied = checked(sendfile(to, from, NULL, 1 << 20), "sendfile");
	} while (copied);
	drop(from);
	drop(to);
}

static void fork_exit_wait(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	await(child, "fork");
}

static void vfork_exec_wait(void)
{
	pid_t child = vfork();

	if (child == 0) {
		execl(program, program, "exit", NULL);
		_exit(127);
	}
	await(child, "vfork");
}

/* There is something to unshare only while another task has the same table. */
static void in_sharer(int (*act)(void *))
{
	static char stack[16384] __attribute__((aligned(16)));

	await(clone(act, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, NULL),
	      "clone");
}

static int do_unshare(void *unused)
{
	(void)unused;
	_exit(unshare(CLONE_FILES) != 0);
}

static int do_close_range(void *unused)
{
	(void)unused;
	_exit(close_range(3, ~0U, CLOSE_RANGE_UNSHARE) != 0);
}

static void unshare_exit_wait(void)
{
	in_sharer(do_unshare);
}

static void close_range_exit_wait(void)
{
	in_sharer(do_close_range);
}

static void mark(int descriptors, int step)
{
	for (int fd = 3; fd < descriptors; fd += step)
		checked(fcntl(fd, F_SETFD, FD_CLOFORK), "F_SETFD");
}

/* The dearer, the fewer repeats: enough that some are without a timer tick, if any can be. */
static int repeats(void (*operation)(void))
{
	uint64_t once = lower_quartile(operation, 1);

	return once < 500000 ? 1000 : once < 10000000 ? 50 : 6;
}

static void row(const char *what, int descriptors, const char *how, void (*operation)(void))
{
	char name[64];

	snprintf(name, sizeof(name), "%s, %d%s", what, descriptors, how);
	report(name, operation, repeats(operation));
}

static void both_forks(int descriptors, const char *how)
{
	row("vfork", descriptors, how, vfork_exit_wait);
	row("fork", descriptors, how, fork_exit_wait);
}

static void rows_of_size(int descriptors)
{
	fill_table(descriptors, F_DUPFD);
	both_forks(descriptors, "");
	if (descriptors == 3 || descriptors == 10000) {
		row("vfork+exec", descriptors, "", vfork_exec_wait);
		row("unshare", descriptors, "", unshare_exit_wait);
		row("close_range(UNSHARE)", descriptors, "", close_range_exit_wait);
	}
	if (descriptors == 3 || !marks_work())
		return;
	mark(descriptors, 2);
	both_forks(descriptors, " every second marked");
	mark(descriptors, 1);
	both_forks(descriptors, " marked");
}

/* In a process of its own, so that each begins with the same table. */
static void apart(void (*rows)(int), int size)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		rows(size);
		exit(0);
	}
	await(child, "fork");
}

static void far_rows(int descriptors)
{
	fill_table(descriptors, F_DUPFD);
	checked(dup2(STDIN_FILENO, FAR), "dup2");
	both_forks(descriptors, " and one at 1000000");
}

int main(int argc, char **argv)
{
	static const int sizes[] = { 3, 64, 1000, 10000, 100000, 1000000 };

	if (argc == 2 && !strcmp(argv[1], "exit"))
		_exit(0);
	copy_program(argv[0]);
	allow_descriptors(LIMIT);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		apart(rows_of_size, sizes[i]);
	apart(far_rows, 3);
	return 0;
}
