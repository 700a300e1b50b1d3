// SPDX-License-Identifier: MIT
/* What the system calls on descriptors cost: see ticks.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "ticks.h"

#define REPEATS 2000
#define OVER 10 /* a number that dup3() replaces */
#define RANGE 1000
#define GROWN 4096

static int null_fd, listener;
static struct sockaddr_un name = { .sun_family = AF_UNIX };
static socklen_t name_size = sizeof(name);

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
	checked(dup3(null_fd, OVER, O_CLOEXEC), "dup3");
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
static void accept4_close(void)
{
	int client = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");

	checked(connect(client, (struct sockaddr *)&name, name_size), "connect");
	drop(checked(accept4(listener, NULL, NULL, SOCK_CLOEXEC), "accept4"));
	drop(client);
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
static void dup_and_close_range(void)
{
	int first = checked(dup(null_fd), "dup");

	for (int i = 1; i < RANGE; i++)
		checked(dup(null_fd), "dup");
	checked(close_range(first, first + RANGE - 1, 0), "close_range");
}
/* In a child, whose table begins small. */
static void grow_table(void)
{
	pid_t child = vfork();
	int status;

	if (child == 0)
		_exit(fcntl(null_fd, F_DUPFD, GROWN - 1) != GROWN - 1);
	checked(child, "vfork");
	checked(waitpid(child, &status, 0), "waitpid");
	if (status)
		errx(1, "no descriptor %d: wait status %#x", GROWN - 1, status);
}

static void listen_somewhere(void)
{
	listener = checked(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	/* An abstract name that the kernel chooses */
	checked(bind(listener, (struct sockaddr *)&name, sizeof(sa_family_t)), "bind");
	checked(listen(listener, 1), "listen");
	checked(getsockname(listener, (struct sockaddr *)&name, &name_size), "getsockname");
}

int main(void)
{
	struct rlimit limit = { GROWN, GROWN };

	checked(setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
	null_fd = checked(open("/dev/null", O_RDWR | O_CLOEXEC), "/dev/null");
	listen_somewhere();
	report("getppid", getppid_only, REPEATS);
	report("open+close", open_close, REPEATS);
	report("dup+close", dup_close, REPEATS);
	report("dup3", dup3_over, REPEATS);
	drop(OVER);
	report("pipe2+2 close", pipe2_close, REPEATS);
	report("socket+close", socket_close, REPEATS);
	report("accept4+socket+2 close", accept4_close, REPEATS);
	report("eventfd+close", eventfd_close, REPEATS);
	report("F_GETFD", get_flags, REPEATS);
	report("F_SETFD", set_flags, REPEATS);
	report("1000 dup+close_range", dup_and_close_range, 20);
	report("growth to 4096", grow_table, 1000);
	return 0;
}
