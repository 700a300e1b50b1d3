/* SPDX-License-Identifier: MIT */
/*
 * The least that an operation takes, in time-stamp counter ticks: under QEMU's -icount
 * these are instructions, kernel and user together, and the least is the repeat that no
 * timer tick fell into. A row is a line "NAME  TICKS".
 */
#ifndef TICKS_H
#define TICKS_H

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <x86intrin.h>

static inline int checked(int result, const char *what)
{
	if (result < 0)
		err(1, "%s", what);
	return result;
}

static inline void drop(int fd)
{
	checked(close(fd), "close");
}

static inline uint64_t least(void (*operation)(void), int repeats)
{
	uint64_t best = UINT64_MAX;

	for (int repeat = 0; repeat < repeats; repeat++) {
		uint64_t before = __rdtsc(), ticks;

		operation();
		ticks = __rdtsc() - before;
		if (ticks < best)
			best = ticks;
	}
	return best;
}

static inline void report(const char *row, void (*operation)(void), int repeats)
{
	operation(); /* warm */
	printf("%s  %llu\n", row, (unsigned long long)least(operation, repeats));
	fflush(stdout);
}

#endif
