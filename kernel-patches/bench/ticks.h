/* SPDX-License-Identifier: MIT */
/*
 * What an operation takes, in time-stamp counter ticks: under QEMU's -icount these are
 * instructions, kernel and user together. Of the repeats it is the one that a quarter are
 * below: a timer tick falls into fewer than the rest, and the least of all may be a single
 * lucky one, whose memory another's deferred work had just freed. A row is a line "NAME  TICKS".
 */
#ifndef TICKS_H
#define TICKS_H

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

#define MOST_REPEATS 2000

static inline int ascending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static inline uint64_t lower_quartile(void (*operation)(void), int repeats)
{
	static uint64_t ticks[MOST_REPEATS];

	for (int repeat = 0; repeat < repeats; repeat++) {
		uint64_t before = __rdtsc();

		operation();
		ticks[repeat] = __rdtsc() - before;
	}
	qsort(ticks, repeats, sizeof(*ticks), ascending);
	return ticks[repeats / 4];
}

static inline void report(const char *row, void (*operation)(void), int repeats)
{
	operation(); /* warm */
	printf("%s  %llu\n", row, (unsigned long long)lower_quartile(operation, repeats));
	fflush(stdout);
}

#endif
