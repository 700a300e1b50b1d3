/* SPDX-License-Identifier: GPL-2.0-only */
/* Devices that open another file: a terminal's other end, a DRM lease. */
#ifndef _SELFTESTS_MAKE_OPENED_H
#define _SELFTESTS_MAKE_OPENED_H

#include <drm/drm.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "close_on_fork_matrix.h"
#include "devices.h"

static int make_tiocgptpeer(int marks, unsigned int extra)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd = -1;

	if (!unlockpt(master))
		fd = ioctl(master, TIOCGPTPEER,
			   O_RDWR | O_NOCTTY | o_flags(marks) | extra);
	close_quietly(master);
	return fd;
}

/* Of nothing. */
static int make_drm_lease(int marks, unsigned int extra)
{
	struct drm_mode_create_lease lease = {
		.flags = o_flags(marks) | extra,
	};
	int card = open_vkms(), error;

	if (card < 0)
		return -1;
	error = ioctl(card, DRM_IOCTL_MODE_CREATE_LEASE, &lease);
	close_quietly(card);
	return error ? -1 : (int)lease.fd;
}

FIXTURE_VARIANT_ADD(descriptor, tiocgptpeer)
{
	.make = make_tiocgptpeer,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, drm_lease)
{
	.make = make_drm_lease,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_OPENED_H */
