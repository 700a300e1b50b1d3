/* SPDX-License-Identifier: GPL-2.0-only */
/* fanotify's own descriptor, and those that its events bring. */
#ifndef _SELFTESTS_MAKE_FANOTIFY_H
#define _SELFTESTS_MAKE_FANOTIFY_H

#include <stdlib.h>
#include <sys/fanotify.h>

#include "close_on_fork_matrix.h"

static int make_fanotify_init(int marks, unsigned int extra)
{
	return fanotify_init((marks & FD_CLOEXEC ? FAN_CLOEXEC : 0) |
			     (marks & FD_CLOFORK ? FAN_CLOFORK : 0) | extra,
			     O_RDONLY);
}

/* As read from the group, with the record that FAN_REPORT_PIDFD adds. */
struct opened {
	struct fanotify_event_metadata event;
	struct fanotify_event_info_pidfd info;
};

/* Opens a file of its own and reads what the group says of that. */
static bool observe_open(int group, struct opened *opened)
{
	char path[] = "/tmp/close_on_fork.XXXXXX";
	int file = mkstemp(path);
	bool seen = file >= 0 &&
		    !fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD,
				   path);

	if (seen) {
		close(open(path, O_RDONLY));
		seen = read(group, opened, sizeof(*opened)) > 0;
	}
	close_quietly(file);
	unlink(path);
	return seen;
}

static bool open_observed(struct opened *opened, unsigned int flags,
			  unsigned int event_flags)
{
	int group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | flags,
				  event_flags);
	bool seen = group >= 0 && observe_open(group, opened);

	close_quietly(group);
	return seen;
}

static int make_fanotify_event(int marks, unsigned int extra)
{
	struct opened opened;

	if (!open_observed(&opened, 0, O_RDONLY | o_flags(marks) | extra))
		return -1;
	return opened.event.fd;
}

static int make_fanotify_pidfd(int marks, unsigned int extra)
{
	struct opened opened;

	if (!open_observed(&opened, FAN_REPORT_PIDFD,
			   O_RDONLY | o_flags(marks) | extra))
		return -1;
	close(opened.event.fd);
	return opened.info.pidfd;
}

FIXTURE_VARIANT_ADD(descriptor, fanotify_init)
{
	.make = make_fanotify_init,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fanotify_event)
{
	.make = make_fanotify_event,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, fanotify_pidfd)
{
	.make = make_fanotify_pidfd,
	.always = FD_CLOEXEC,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_FANOTIFY_H */
