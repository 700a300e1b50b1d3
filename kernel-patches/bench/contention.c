// SPDX-License-Identifier: MIT
/*
 * Two threads open and close as fast as they can, while a third forks or does not, all with
 * one descriptor table: how often each comes to do it. A row is a line "NAME  COUNT", of
 * SECONDS seconds; the names of rows that need close-on-fork end in "marked".
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>

#include "children.h"
#include "table.h"

#define SECONDS 3
#define OPENERS 2
#define LIMIT 4096

static struct {
	int flags; /* of what is opened, beside O_RDONLY */
	atomic_bool stop;
	atomic_ulong opened, forked;
} hammered;

static void *open_and_close(void *unused)
{
	unsigned long count = 0;

	(void)unused;
	for (; !hammered.stop; count++)
		drop(checked(open("/dev/null", O_RDONLY | hammered.flags), "/dev/null"));
	hammered.opened += count;
	return NULL;
}

static void *fork_and_wait(void *unused)
{
	(void)unused;
	for (; !hammered.stop; hammered.forked++)
		vfork_exit_wait();
	return NULL;
}

static pthread_t started(void *(*work)(void *))
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, work, NULL);
	if (errno)
		err(1, "pthread_create");
	return thread;
}

static void row(int descriptors, int flags, bool forks, const char *how)
{
	pthread_t threads[OPENERS + 1];
	int count = 0;

	hammered.flags = flags;
	hammered.stop = false;
	hammered.opened = hammered.forked = 0;
	while (count < OPENERS)
		threads[count++] = started(open_and_close);
	if (forks)
		threads[count++] = started(fork_and_wait);
	sleep(SECONDS);
	hammered.stop = true;
	while (count)
		pthread_join(threads[--count], NULL);
	printf("open+close, %d%s%s  %lu\n", descriptors, forks ? " and forks" : "", how, hammered.opened);
	if (forks)
		printf("forks, %d%s  %lu\n", descriptors, how, hammered.forked);
	fflush(stdout);
}

int main(void)
{
	static const int sizes[] = { 3, 1000 };

	allow_descriptors(LIMIT);
	fill_table(3, F_DUPFD_CLOEXEC);
	row(3, O_CLOEXEC, false, "");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		fill_table(sizes[i], F_DUPFD_CLOEXEC);
		row(sizes[i], O_CLOEXEC, true, "");
		if (!marks_work())
			continue;
		fill_table(sizes[i], F_DUPFD_CLOFORK);
		row(sizes[i], O_CLOEXEC | O_CLOFORK, true, " marked");
	}
	return 0;
}
