/* SPDX-License-Identifier: GPL-2.0-only */
/* The devices that only tests have: real ones belong to somebody. */
#ifndef _SELFTESTS_DEVICES_H
#define _SELFTESTS_DEVICES_H

#include <drm/drm.h>
#include <linux/videodev2.h>
#include <sys/ioctl.h>

#include "descriptors.h"

#define MAX_MINORS	16

/* The first of the devices named by @format that @is_it; else ENODEV. */
static inline int open_device(const char *format, bool (*is_it)(int fd))
{
	char path[32];

	for (int minor = 0; minor < MAX_MINORS; minor++) {
		int fd;

		snprintf(path, sizeof(path), format, minor);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && is_it(fd))
			return fd;
		close(fd);
	}
	errno = ENODEV;
	return -1;
}

static inline bool is_vkms(int fd)
{
	char name[8] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) };

	return !ioctl(fd, DRM_IOCTL_VERSION, &version) &&
	       version.name_len == 4 && !memcmp(name, "vkms", 4);
}

static inline int open_vkms(void)
{
	return open_device("/dev/dri/card%d", is_vkms);
}

static inline bool is_vim2m(int fd)
{
	struct v4l2_capability capability = {};

	return !ioctl(fd, VIDIOC_QUERYCAP, &capability) &&
	       !strcmp((char *)capability.driver, "vim2m");
}

static inline int open_vim2m(void)
{
	return open_device("/dev/video%d", is_vim2m);
}

#endif /* _SELFTESTS_DEVICES_H */
