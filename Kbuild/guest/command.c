// SPDX-License-Identifier: MIT
/* The command: started in a session of its own, its output carried, its end awaited. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

/* One output of the command on its way to the host. */
struct stream {
	int from; /* read end of the command's pipe, -1 after end of file */
	int port;
	unsigned long long bytes;
};

static void forward(struct stream *stream)
{
	char data[65536];
	ssize_t got = read(stream->from, data, sizeof(data));

	if (got > 0) {
		write_all(stream->port, data, got);
		stream->bytes += got;
	} else if (got == 0 || errno != EINTR) {
		close(stream->from);
		stream->from = -1;
	}
}

static _Noreturn void execute(const struct job *job, int out, int err)
{
	const struct rlimit descriptors = { .rlim_cur = 1024, .rlim_max = 1 << 20 };
	const bool interactive = !*job->command;
	char *const arguments[] = { basename(job->shell), interactive ? "-i" : "-c",
				    interactive ? NULL : job->command, NULL };
	sigset_t none;
	int in;

	setsid();
	in = open(interactive ? "/dev/hvc0" : "/dev/null", O_RDWR);
	if (in < 0 || dup2(in, 0) < 0 || dup2(interactive ? in : out, 1) < 0 ||
	    dup2(interactive ? in : err, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	if (interactive)
		ioctl(0, TIOCSCTTY, 0);
	setrlimit(RLIMIT_NOFILE, &descriptors);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (chdir(job->directory)) {
		fprintf(stderr, "%s: %s\n", job->directory, strerror(errno));
		_exit(126);
	}
	execve(job->shell, arguments, job->environment);
	execve("/bin/sh", arguments, job->environment);
	fprintf(stderr, "no shell: %s\n", strerror(errno));
	_exit(127);
}

/* The command's status as a shell reports it, -1 while it runs. */
static int reap(pid_t command)
{
	int status, result = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == command)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return result;
}

/*
 * Carry the command's output until it ends, then what is left in the pipes.
 * They are pipes and not the ports themselves because a port can be open only
 * once, and programs reopen /dev/stdout.
 */
static int supervise(pid_t command, int children, struct stream *streams)
{
	int status = -1;

	while (status < 0) {
		struct pollfd ready[] = { { .fd = streams[0].from, .events = POLLIN },
					  { .fd = streams[1].from, .events = POLLIN },
					  { .fd = children, .events = POLLIN } };
		struct signalfd_siginfo info;

		if (poll(ready, 3, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (ready[i].revents)
				forward(&streams[i]);
		if (ready[2].revents && read(children, &info, sizeof(info)) > 0)
			status = reap(command);
	}
	/* A survivor would hold a pipe open for ever. */
	kill(-1, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	for (int i = 0; i < 2; i++)
		while (streams[i].from >= 0)
			forward(&streams[i]);
	return status;
}

struct outcome run_command(const struct job *job, int out, int err)
{
	struct stream streams[2] = { { .port = out }, { .port = err } };
	int pipes[2][2], children;
	struct outcome outcome;
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	children = signalfd(-1, &child, SFD_CLOEXEC);
	if (children < 0 || pipe2(pipes[0], O_CLOEXEC) || pipe2(pipes[1], O_CLOEXEC))
		fail("prepare the command");
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid)
		execute(job, pipes[0][1], pipes[1][1]);
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		streams[i].from = pipes[i][0];
	}
	outcome.status = supervise(pid, children, streams);
	outcome.out = streams[0].bytes;
	outcome.err = streams[1].bytes;
	return outcome;
}
