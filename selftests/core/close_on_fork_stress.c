// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that makes, marks, hands on and closes descriptors, at random: by
 * one thread, compared with an exact model of its table, and by several, each
 * comparing what is its own.  No child sees a marked descriptor, no mark is
 * lost but by exec, no number is lost or given twice, and of every file the
 * last reference goes when its last descriptor does.
 *
 * A failure names the sequence that failed, which can be repeated; that of one
 * thread is shrunken to the operations it takes.
 *
 * Options, beside those of close_on_fork_common.h:
 *   --seed N        of the random numbers, by default the time
 *   --operations N  in each of the tests
 *   --threads N     that share a table
 *   --without-marks try the rest, on a kernel that has no close-on-fork
 */
#define _GNU_SOURCE
#include <time.h>

#include "stress_limits.h"
#include "stress_threads.h"

#define OPERATIONS	500000
#define THREADS		4
#define A_DAY		86400	/* what hangs is found earlier, see SECONDS */

static struct {
	unsigned long seed;
	unsigned long operations;
	unsigned long threads;
	bool without_marks;
} stress;

FIXTURE(stress)
{
	struct objects objects;
	struct sequence *sequence, *trial;
};

FIXTURE_SETUP(stress)
{
	const int prot = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_ANONYMOUS;

	if (!stress.without_marks && skip_without_close_on_fork(_metadata))
		return;
	self->sequence = mmap(NULL, 2 * sizeof(*self->sequence), prot, flags,
			      -1, 0);
	ASSERT_NE(MAP_FAILED, self->sequence);
	self->trial = self->sequence + 1;
	ASSERT_TRUE(make_objects(&self->objects));
}

FIXTURE_TEARDOWN(stress)
{
	remove_objects(&self->objects);
}

/* The run whose random numbers begin with @seed, of at most @left operations. */
static struct run seeded(struct objects *objects, unsigned long seed,
			 struct sequence *sequence, unsigned long left)
{
	sequence->count = left < SEQUENCE ? left : SEQUENCE;
	return (struct run) {
		.objects = objects,
		.known = stress.without_marks ? FD_CLOEXEC : BOTH,
		.made_up = true,
		.random = seed,
	};
}

TEST_F_TIMEOUT(stress, one_thread, A_DAY)
{
	unsigned long seed = stress.seed, left = stress.operations;
	struct run run;

	for (; left; left -= self->sequence->count, seed++) {
		run = seeded(&self->objects, seed, self->sequence, left);
		if (!in_fresh_process(run_sequence, &run, self->sequence))
			break;
	}
	if (!left)
		return;
	TH_LOG("--seed %lu --operations %d fails; the least of it that does:",
	       seed, self->sequence->count);
	shrink(&run, self->sequence, self->trial);
	print_sequence(self->sequence);
	EXPECT_EQ(0, left);
}

TEST_F_TIMEOUT(stress, threads, A_DAY)
{
	unsigned long seed = stress.seed, left = stress.operations;

	crew.count = stress.threads;
	for (; left; left -= self->sequence->count, seed++) {
		struct run run = seeded(&self->objects, seed, self->sequence,
					left);

		if (!in_fresh_process(run_crew, &run, self->sequence))
			break;
	}
	EXPECT_EQ(0, left)
		TH_LOG("--seed %lu --operations %d --threads %d fails: %s",
		       seed, self->sequence->count, crew.count,
		       self->sequence->report.text);
}

static bool take_number(int *argc, char **argv, const char *name,
			unsigned long *number)
{
	char *end;

	for (int i = 1; i < *argc - 1; i++) {
		if (strcmp(argv[i], name))
			continue;
		*number = strtoul(argv[i + 1], &end, 10);
		if (!*argv[i + 1] || *end || !*number)
			return false;
		memmove(&argv[i], &argv[i + 2],
			(*argc - i - 1) * sizeof(*argv));
		*argc -= 2;
		return true;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], TABLE))
		return check_text(argv[2]);

	stress.seed = time(NULL);
	stress.operations = OPERATIONS;
	stress.threads = THREADS;
	stress.without_marks = take_option(&argc, argv, "--without-marks");
	if (take_number(&argc, argv, "--seed", &stress.seed) &&
	    take_number(&argc, argv, "--operations", &stress.operations) &&
	    take_number(&argc, argv, "--threads", &stress.threads) &&
	    stress.threads <= MAX_THREADS)
		return close_on_fork_main(argc, argv);

	fprintf(stderr, "%s: --seed, --operations, --threads: a number each, the last at most %d\n",
		argv[0], MAX_THREADS);
	return EXIT_FAILURE;
}
