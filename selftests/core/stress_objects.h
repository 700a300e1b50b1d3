/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files whose last reference can be seen to go: the reading end of a FIFO says
 * that nobody has it open for writing, and a lock that nobody else holds one.
 */
#ifndef _SELFTESTS_STRESS_OBJECTS_H
#define _SELFTESTS_STRESS_OBJECTS_H

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "close_on_fork_common.h"

#define FIFOS		10
#define OBJECTS		16	/* those above FIFOS are files with locks */
/* Of each kind one that threads never have without its mark */
#define SECRET_FIFO	(FIFOS - 1)
#define SECRET_FILE	(OBJECTS - 1)

struct objects {
	char dir[40];
	char paths[OBJECTS][48];
	ino_t inodes[OBJECTS];
	dev_t dev;
	struct pollfd fifos[FIFOS];
	int files[OBJECTS];
};

static inline bool is_secret(int object)
{
	return object == SECRET_FIFO || object == SECRET_FILE;
}

/* The files themselves, for all processes that will open them. */
static inline bool make_objects(struct objects *objects)
{
	struct stat st;

	snprintf(objects->dir, sizeof(objects->dir),
		 "/tmp/close_on_fork_stress.XXXXXX");
	if (!mkdtemp(objects->dir))
		return false;
	for (int i = 0; i < OBJECTS; i++) {
		char *path = objects->paths[i];

		snprintf(path, sizeof(objects->paths[i]), "%s/%d", objects->dir,
			 i);
		if (mknod(path, (i < FIFOS ? S_IFIFO : S_IFREG) | 0600, 0) ||
		    stat(path, &st))
			return false;
		objects->inodes[i] = st.st_ino;
		objects->dev = st.st_dev;
	}
	return true;
}

static inline void remove_objects(struct objects *objects)
{
	for (int i = 0; i < OBJECTS; i++)
		unlink(objects->paths[i]);
	rmdir(objects->dir);
}

/* An open file description of @object that has just been made; or its error. */
static inline int take_object(int object, int fd)
{
	if (fd >= 0 && object >= FIFOS && flock(fd, LOCK_SH)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int open_object(const struct objects *objects, int object,
			      int flags)
{
	return take_object(object, open(objects->paths[object],
					O_WRONLY | flags));
}

/*
 * Descriptors to watch them by, at the lowest numbers.  The end of a FIFO says
 * nothing before a first writer has gone.
 */
static inline bool watch_objects(struct objects *objects)
{
	for (int i = 0; i < OBJECTS; i++) {
		int fd = open(objects->paths[i], O_RDONLY | O_NONBLOCK);

		if (fd < 0 || close(open_object(objects, i, 0)))
			return false;
		objects->files[i] = fd;
		if (i < FIFOS)
			objects->fifos[i] = (struct pollfd) { .fd = fd };
	}
	return true;
}

static inline bool lock_is_free(int fd)
{
	return !flock(fd, LOCK_EX | LOCK_NB) && !flock(fd, LOCK_UN);
}

/* The first object whose use is not as in @used, or -1. */
static inline int first_wrong_object(struct objects *objects, const int *used)
{
	if (poll(objects->fifos, FIFOS, 0) < 0)
		return 0;
	for (int i = 0; i < OBJECTS; i++) {
		bool free = i < FIFOS ? objects->fifos[i].revents & POLLHUP :
					lock_is_free(objects->files[i]);

		if (free == !!used[i])
			return i;
	}
	return -1;
}

/* Whether @fd is open to something no child may have. */
static inline bool holds_secret(const struct objects *objects, int fd)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_dev == objects->dev &&
	       (st.st_ino == objects->inodes[SECRET_FIFO] ||
		st.st_ino == objects->inodes[SECRET_FILE]);
}

#endif /* _SELFTESTS_STRESS_OBJECTS_H */
