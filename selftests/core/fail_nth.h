/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that runs out at a chosen moment: the Nth allocation of the calling
 * thread fails.  See Documentation/fault-injection/fault-injection.rst.
 */
#ifndef _SELFTESTS_FAIL_NTH_H
#define _SELFTESTS_FAIL_NTH_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"

/* By default what may wait for memory, and single pages, never fail. */
static const struct {
	const char *path;
	const char *value;
} fault_settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
};

#define FAULT_SETTINGS	(sizeof(fault_settings) / sizeof(*fault_settings))

struct fail_nth {
	int fd;
	char before[FAULT_SETTINGS][16];
};

/* What was there goes to @before, unless that is NULL. */
static inline bool exchange_setting(const char *path, const char *value,
				    char *before, size_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	ssize_t got = 0;
	bool ok;

	if (fd < 0)
		return false;
	if (before)
		got = read(fd, before, size - 1);
	ok = got >= 0 && write(fd, value, strlen(value)) > 0;
	if (before && ok)
		before[got] = 0;
	close(fd);
	return ok;
}

/* NULL, or what is missing here, with errno. */
static inline const char *start_fail_nth(struct fail_nth *fail)
{
	memset(fail, 0, sizeof(*fail));
	fail->fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (fail->fd < 0)
		return FAIL_NTH;
	for (size_t i = 0; i < FAULT_SETTINGS; i++)
		if (!exchange_setting(fault_settings[i].path,
				      fault_settings[i].value, fail->before[i],
				      sizeof(fail->before[i])))
			return fault_settings[i].path;
	return NULL;
}

static inline void end_fail_nth(const struct fail_nth *fail)
{
	for (size_t i = 0; i < FAULT_SETTINGS; i++)
		if (fail->before[i][0])
			exchange_setting(fault_settings[i].path,
					 fail->before[i], NULL, 0);
}

/* The @nth allocation from now on fails; 0 for none. */
static inline bool set_fail_nth(const struct fail_nth *fail, unsigned int nth)
{
	char text[16];
	int size = snprintf(text, sizeof(text), "%u", nth);

	return pwrite(fail->fd, text, size, 0) == size;
}

/* How many it would have taken to come to the one that fails; 0 if it did. */
static inline int left_to_fail(const struct fail_nth *fail)
{
	char text[16] = "";

	return pread(fail->fd, text, sizeof(text) - 1, 0) > 0 ? atoi(text) : -1;
}

#endif /* _SELFTESTS_FAIL_NTH_H */
