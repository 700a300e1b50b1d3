// SPDX-License-Identifier: MIT
/* Reading the job: a 9p share with one file for each field. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static char *read_field(const char *name, size_t *size)
{
	char path[PATH_MAX], *text = NULL;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/job/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("open %s", path);
	*size = 0;
	do {
		text = realloc(text, *size + 4096 + 1);
		if (!text)
			fail("read %s", path);
		got = read(fd, text + *size, 4096);
		if (got < 0)
			fail("read %s", path);
		*size += got;
	} while (got > 0);
	text[*size] = '\0';
	close(fd);
	return text;
}

/* A null-terminated vector of the NUL-terminated strings in a field. */
static char **read_list(const char *name)
{
	size_t size, count = 0;
	char *text = read_field(name, &size);
	char **vector = NULL;

	for (char *s = text;; s += strlen(s) + 1) {
		vector = realloc(vector, (count + 1) * sizeof(*vector));
		if (!vector)
			fail("%s", name);
		if (s >= text + size)
			break;
		vector[count++] = s;
	}
	vector[count] = NULL;
	return vector;
}

static const char *find_shell(char *const *environment)
{
	for (; *environment; environment++)
		if (!strncmp(*environment, "SHELL=", strlen("SHELL=")))
			return *environment + strlen("SHELL=");
	return "/bin/sh";
}

void read_job(struct job *job)
{
	size_t size;

	if (mkdir("/job", 0755) ||
	    mount("job", "/job", "9p", MS_RDONLY, "trans=virtio,version=9p2000.L"))
		fail("mount the job");
	job->command = read_field("command", &size);
	job->directory = read_field("directory", &size);
	job->environment = read_list("environment");
	job->shell = find_shell(job->environment);
	job->keep = read_list("keep");
	umount("/job");
}
