/* SPDX-License-Identifier: GPL-2.0-only */
/* DMA buffers: from heaps, memory files, graphics and video devices. */
#ifndef _SELFTESTS_MAKE_BUFFERS_H
#define _SELFTESTS_MAKE_BUFFERS_H

#include <drm/drm.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <linux/videodev2.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "close_on_fork_matrix.h"
#include "devices.h"

static int make_dma_heap(int marks, unsigned int extra)
{
	struct dma_heap_allocation_data data = {
		.len = sysconf(_SC_PAGESIZE),
		.fd_flags = O_RDWR | o_flags(marks) | extra,
	};

	if (ioctl_on("/dev/dma_heap/system", DMA_HEAP_IOCTL_ALLOC, &data))
		return -1;
	return data.fd;
}

static unsigned int udmabuf_flags(int marks)
{
	return (marks & FD_CLOEXEC ? UDMABUF_FLAGS_CLOEXEC : 0) |
	       (marks & FD_CLOFORK ? UDMABUF_FLAGS_CLOFORK : 0);
}

/* A page that cannot shrink away. */
static int sealed_page(void)
{
	int fd = memfd_create("close_on_fork",
			      MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && !ftruncate(fd, sysconf(_SC_PAGESIZE)) &&
	    !fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return fd;
	close_quietly(fd);
	return -1;
}

static int make_udmabuf(int marks, unsigned int extra)
{
	struct udmabuf_create create = {
		.memfd = sealed_page(),
		.flags = udmabuf_flags(marks) | extra,
		.size = sysconf(_SC_PAGESIZE),
	};
	int fd = ioctl_on("/dev/udmabuf", UDMABUF_CREATE, &create);

	close_quietly(create.memfd);
	return fd;
}

static int make_udmabuf_list(int marks, unsigned int extra)
{
	struct udmabuf_create_list *create =
		calloc(1, sizeof(*create) + sizeof(*create->list));
	int page = sealed_page(), fd;

	create->flags = udmabuf_flags(marks) | extra;
	create->count = 1;
	create->list[0].memfd = page;
	create->list[0].size = sysconf(_SC_PAGESIZE);
	fd = ioctl_on("/dev/udmabuf", UDMABUF_CREATE_LIST, create);
	close_quietly(page);
	free(create);
	return fd;
}

static int export_dumb_buffer(int card, unsigned int flags)
{
	struct drm_mode_create_dumb dumb = {
		.width = 16,
		.height = 16,
		.bpp = 32,
	};
	struct drm_prime_handle prime = { .flags = DRM_RDWR | flags };

	if (ioctl(card, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return -1;
	prime.handle = dumb.handle;
	return ioctl(card, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime) ? -1 :
								   prime.fd;
}

static int make_drm_prime(int marks, unsigned int extra)
{
	int card = open_vkms(), fd;

	if (card < 0)
		return -1;
	fd = export_dumb_buffer(card, (marks & FD_CLOEXEC ? DRM_CLOEXEC : 0) |
				      (marks & FD_CLOFORK ? DRM_CLOFORK : 0) |
				      extra);
	close_quietly(card);
	return fd;
}

static int export_video_buffer(int video, unsigned int flags)
{
	struct v4l2_requestbuffers request = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.memory = V4L2_MEMORY_MMAP,
		.count = 1,
	};
	struct v4l2_exportbuffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_OUTPUT,
		.flags = O_RDWR | flags,
	};

	return ioctl(video, VIDIOC_REQBUFS, &request) ||
	       ioctl(video, VIDIOC_EXPBUF, &buffer) ? -1 : buffer.fd;
}

static int make_v4l2_expbuf(int marks, unsigned int extra)
{
	int video = open_vim2m(), fd;

	if (video < 0)
		return -1;
	fd = export_video_buffer(video, o_flags(marks) | extra);
	close_quietly(video);
	return fd;
}

FIXTURE_VARIANT_ADD(descriptor, dma_heap)
{
	.make = make_dma_heap,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, udmabuf)
{
	.make = make_udmabuf,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, udmabuf_list)
{
	.make = make_udmabuf_list,
	.refuses_unknown = 0,
};

FIXTURE_VARIANT_ADD(descriptor, drm_prime)
{
	.make = make_drm_prime,
	.refuses_unknown = EINVAL,
};

FIXTURE_VARIANT_ADD(descriptor, v4l2_expbuf)
{
	.make = make_v4l2_expbuf,
	.refuses_unknown = EINVAL,
};

#endif /* _SELFTESTS_MAKE_BUFFERS_H */
