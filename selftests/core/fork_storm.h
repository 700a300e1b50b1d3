/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads that fork and exec as fast as they can, for as long as a test asks:
 * whatever their process has open is in some child between fork and exec.
 */
#ifndef _SELFTESTS_FORK_STORM_H
#define _SELFTESTS_FORK_STORM_H

#include <pthread.h>

#include "close_on_fork_common.h"

#define STORM_THREADS	4

/*
 * The first unmarked descriptor raced after 6 forks (pipe) and 20 (FUSE file) on
 * the average on 6.12 under QEMU's TCG with two processors, and after 27 and 58
 * on a 6.18 host with two.  To see none in FORKS_TO_RACE takes a chance of 1e-37
 * on that host, and in FORKS_CLEAN, on a kernel that ignores the mark, 1e-10 in
 * that guest and 2e-4 on that host.
 */
#define FORKS_TO_RACE	5000
#define FORKS_CLEAN	500

struct fork_storm {
	pthread_t threads[STORM_THREADS];
	int running;		/* threads that were started */
	int stop;
	int forks;
	int failures;		/* children that could not be made, or failed */
};

static inline void *fork_until_stopped(void *arg)
{
	struct fork_storm *storm = arg;

	while (!__atomic_load_n(&storm->stop, __ATOMIC_RELAXED)) {
		if (run_program(SELF))
			__atomic_fetch_add(&storm->failures, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&storm->forks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* False if a thread could not be made; end_storm() is due all the same. */
static inline bool start_storm(struct fork_storm *storm)
{
	memset(storm, 0, sizeof(*storm));
	while (storm->running < STORM_THREADS) {
		if (pthread_create(&storm->threads[storm->running], NULL,
				   fork_until_stopped, storm))
			return false;
		storm->running++;
	}
	return true;
}

/* Whether descriptors with @flags have not been through enough of it yet. */
static inline bool storm_lasts(const struct fork_storm *storm, int flags)
{
	return __atomic_load_n(&storm->forks, __ATOMIC_RELAXED) <
	       (race_expected(flags) ? FORKS_TO_RACE : FORKS_CLEAN);
}

/* When it returns, every child has been reaped. */
static inline void end_storm(struct fork_storm *storm)
{
	__atomic_store_n(&storm->stop, 1, __ATOMIC_RELAXED);
	while (storm->running)
		pthread_join(storm->threads[--storm->running], NULL);
}

#endif /* _SELFTESTS_FORK_STORM_H */
