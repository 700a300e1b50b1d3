// SPDX-License-Identifier: MIT
/*
 * What the system calls on descriptors cost, in time-stamp counter ticks: under QEMU's
 * -icount these are instructions, kernel and user together. A line "ROW TICKS" each, the
 * least of the repeats, which is the one that no timer tick fell into.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <x86intrin.h>

#include "close_on_fork.h"

#define BATCH 50
#define REPEATS 40
#define FORK_REPEATS 9

static int null_fd;

static int checked(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

static void drop(int fd)
{
	checked(close(fd), "close");
}

static void getppid_only(void)
{
	syscall(SYS_getppid);
}
static void open_close(void)
{
	drop(checked(open("/dev/null", O_RDONLY | O_CLOEXEC), "open"));
}
static void dup_close(void)
{
	drop(checked(dup(null_fd), "dup"));
}
static void dup3_over(void)
{
	checked(dup3(null_fd, null_fd + 1, O_CLOEXEC), "dup3");
}
static void pipe2_close(void)
{
	int ends[2];

	checked(pipe2(ends, O_CLOEXEC), "pipe2");
	drop(ends[0]);
	drop(ends[1]);
}
static void socket_close(void)
{
	drop(checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
}
static void eventfd_close(void)
{
	drop(checked(eventfd(0, EFD_CLOEXEC), "eventfd"));
}
static void get_flags(void)
{
	checked(fcntl(null_fd, F_GETFD), "F_GETFD");
}
static void set_flags(void)
{
	checked(fcntl(null_fd, F_SETFD, FD_CLOEXEC), "F_SETFD");
}

/* A child that ends at once; what it costs is the copy of the table, and its end. */
static void vfork_exit_wait(void)
{
	pid_t child = vfork();
	int status;

	if (child == 0)
		_exit(0);
	checked(child, "vfork");
	checked(waitpid(child, &status, 0), "waitpid");
}
static void fork_exit_wait(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(0);
	checked(child, "fork");
	checked(waitpid(child, &status, 0), "waitpid");
}

static uint64_t least(void (*operation)(void), int repeats, int batch)
{
	uint64_t best = UINT64_MAX;

	for (int repeat = 0; repeat < repeats; repeat++) {
		uint64_t before = __rdtsc(), ticks;

		for (int i = 0; i < batch; i++)
			operation();
		ticks = __rdtsc() - before;
		if (ticks < best)
			best = ticks;
	}
	return best;
}

static void report(const char *row, void (*operation)(void))
{
	operation(); /* warm */
	printf("%-28s  %.2f\n", row, (double)least(operation, REPEATS, BATCH) / BATCH);
}

/* In a process of its own, so that each row begins with the same table. */
static void with_table(const char *row, int descriptors, int at, int flags, void (*operation)(void))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = checked(fork(), "fork");
	if (child == 0) {
		checked(dup2(null_fd, 2), "dup2");
		close_range(3, ~0U, 0);
		for (int fd = 3; fd < descriptors; fd++) {
			checked(dup(2), "dup");
			if (flags)
				checked(fcntl(fd, F_SETFD, flags), "F_SETFD");
		}
		if (at)
			checked(dup2(2, at), "dup2");
		operation();
		printf("%-28s  %llu\n", row, (unsigned long long)least(operation, FORK_REPEATS, 1));
		fflush(stdout);
		_exit(0);
	}
	checked(waitpid(child, &status, 0), "waitpid");
	if (status)
		errx(1, "%s: ended with wait status %#x", row, status);
}

static int marks_work(void)
{
	int fd = fcntl(null_fd, F_DUPFD_CLOFORK, 3);

	if (fd < 0 && errno != EINVAL)
		err(1, "F_DUPFD_CLOFORK");
	if (fd >= 0)
		drop(fd);
	return fd >= 0;
}

int main(void)
{
	static const int sizes[] = { 3, 64, 1000, 10000, 100000 };
	struct rlimit limit = { 1 << 20, 1 << 20 };
	char row[64];

	checked(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	null_fd = checked(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
	report("getppid", getppid_only);
	report("open+close", open_close);
	report("dup+close", dup_close);
	report("dup3", dup3_over);
	drop(null_fd + 1);
	report("pipe2+2 close", pipe2_close);
	report("socket+close", socket_close);
	report("eventfd+close", eventfd_close);
	report("F_GETFD", get_flags);
	report("F_SETFD", set_flags);
	with_table("fork, 3", 3, 0, 0, fork_exit_wait);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		snprintf(row, sizeof(row), "vfork, %d", sizes[i]);
		with_table(row, sizes[i], 0, 0, vfork_exit_wait);
	}
	with_table("vfork, 3 and 1 at 1000000", 3, 1000000, 0, vfork_exit_wait);
	if (marks_work())
		with_table("vfork, 100000 marked", 100000, 0, FD_CLOFORK, vfork_exit_wait);
	return 0;
}
