// SPDX-License-Identifier: MIT
/* virtio ports, the ways out of the guest. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

/* The number in vportNpM depends on the machine; its name does not. */
static int find_port(const char *name)
{
	char path[PATH_MAX], found[64];
	struct dirent *entry;
	DIR *ports = opendir("/sys/class/virtio-ports");
	int fd = -1;

	while (ports && fd < 0 && (entry = readdir(ports))) {
		FILE *file;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%63s", found) == 1 && !strcmp(found, name)) {
			snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
		fclose(file);
	}
	if (ports)
		closedir(ports);
	return fd;
}

/* The driver adds ports from a work item, some time after the device. */
int open_port(const char *name)
{
	for (int tries = 0; tries < 1000; tries++) {
		int fd = find_port(name);

		if (fd >= 0)
			return fd;
		usleep(10000);
	}
	errno = ENODEV;
	fail("virtio port %s", name);
}

void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t done = write(fd, data, size);

		if (done < 0 && errno != EINTR)
			fail("write to a virtio port");
		if (done > 0) {
			data += done;
			size -= done;
		}
	}
}
