// SPDX-License-Identifier: GPL-2.0-only
/*
 * ETXTBSY out of nowhere: a program that is written, closed and then executed
 * is refused because another thread's child, between fork and exec, still has
 * it open for writing.  https://go.dev/issue/22315
 *
 * See close_on_fork_common.h for the options.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "close_on_fork_common.h"

#define THREADS		20
#define IMAGE_SIZE	0x100000	/* padded: being written takes time */

/*
 * One unmarked round in ten ends in ETXTBSY on 6.12 under QEMU's TCG with two
 * processors, one in 140 on a 6.18 host with two.  To see none in ROUNDS_TO_RACE
 * takes a chance of 1e-15 on that host, and in ROUNDS_CLEAN, on a kernel that
 * ignores the mark, 1e-45 and 1e-3.
 */
#define ROUNDS_TO_RACE	5000
#define ROUNDS_CLEAN	1000

struct race {
	char dir[32];
	char *image;		/* this program, to be written again and again */
	int flags;		/* how the writer opens it, beside O_WRONLY */
	int limit;		/* rounds */

	/* shared by the threads */
	int started;
	int rounds;
	int busy;
	int failures;
	int stop;
};

FIXTURE(etxtbsy_race)
{
	struct race race;
};

FIXTURE_VARIANT(etxtbsy_race)
{
	int flags;
};

FIXTURE_VARIANT_ADD(etxtbsy_race, unmarked)
{
	.flags = O_CLOEXEC,
};

FIXTURE_VARIANT_ADD(etxtbsy_race, marked)
{
	.flags = O_CLOEXEC | O_CLOFORK,
};

FIXTURE_SETUP(etxtbsy_race)
{
	struct race *race = &self->race;
	int fd;

	if (skip_race(_metadata, variant->flags))
		return;

	snprintf(race->dir, sizeof(race->dir), "/tmp/etxtbsy_race.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(race->dir));
	race->flags = variant->flags;
	race->limit = race_expected(variant->flags) ? ROUNDS_TO_RACE :
						      ROUNDS_CLEAN;

	fd = open(SELF, O_RDONLY | O_CLOEXEC);
	race->image = calloc(1, IMAGE_SIZE);
	ASSERT_NE(NULL, race->image);
	ASSERT_LT(0, read(fd, race->image, IMAGE_SIZE));
	close(fd);
}

FIXTURE_TEARDOWN(etxtbsy_race)
{
	free(self->race.image);
	rmdir(self->race.dir);
}

/* A descriptor of @path, just written and still open; -1 on failure. */
static int write_program(const struct race *race, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | race->flags, 0700);

	if (fd < 0)
		return -1;
	if (write(fd, race->image, IMAGE_SIZE) == IMAGE_SIZE)
		return fd;
	close(fd);
	return -1;
}

TEST_F(etxtbsy_race, stopped_child)
{
	struct race *race = &self->race;
	struct stopped_child child;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/program", race->dir);
	fd = write_program(race, path);
	ASSERT_LE(0, fd);

	child = fork_stopped(NULL, 0);
	ASSERT_LT(0, child.pid);
	EXPECT_EQ(0, close(fd));
	EXPECT_EQ(race_expected(variant->flags) ? ETXTBSY : 0,
		  run_program(path));

	let_go(&child);
	EXPECT_EQ(0, reap(child.pid));
	EXPECT_EQ(0, run_program(path));
	unlink(path);
}

static void one_round(struct race *race, const char *path)
{
	int fd = write_program(race, path);
	int err;

	if (fd < 0 || close(fd))
		err = -1;
	else
		err = run_program(path);

	if (err == ETXTBSY)
		__atomic_fetch_add(&race->busy, 1, __ATOMIC_RELAXED);
	else if (err)
		__atomic_fetch_add(&race->failures, 1, __ATOMIC_RELAXED);
	if (err)
		__atomic_store_n(&race->stop, 1, __ATOMIC_RELAXED);
}

static void *write_close_fork_exec(void *arg)
{
	struct race *race = arg;
	char path[64];

	snprintf(path, sizeof(path), "%s/program%d", race->dir,
		 __atomic_fetch_add(&race->started, 1, __ATOMIC_RELAXED));
	while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED) &&
	       __atomic_fetch_add(&race->rounds, 1, __ATOMIC_RELAXED) < race->limit)
		one_round(race, path);
	unlink(path);
	return NULL;
}

/* As reported.  The first ETXTBSY settles it. */
TEST_F_TIMEOUT(etxtbsy_race, twenty_threads, 300)
{
	struct race *race = &self->race;
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    write_close_fork_exec, race));
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));

	EXPECT_EQ(0, race->failures);
	EXPECT_EQ(race_expected(variant->flags), race->busy > 0);
	TH_LOG("%d times ETXTBSY in %d rounds", race->busy, race->rounds);
}

int main(int argc, char **argv)
{
	return close_on_fork_main(argc, argv);
}
