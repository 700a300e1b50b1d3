// SPDX-License-Identifier: MIT
/* The file systems: the host's root, read-only, beneath fresh temporary ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define MAX_KEPT 8

static void make_directories(const char *path)
{
	char part[PATH_MAX];

	for (const char *end = path; end;) {
		end = strchr(end + 1, '/');
		snprintf(part, end ? (size_t)(end - path) + 1 : sizeof(part), "%s", path);
		if (mkdir(part, 0755) && errno != EEXIST)
			fail("mkdir %s", part);
	}
}

static void attach(const char *source, const char *target, const char *type, unsigned long flags,
		   const char *options)
{
	if (mount(source, target, type, flags, options))
		fail("mount %s on %s", type, target);
}

/* First of all, so that no symbolic link of the host's can lead out of its root. */
static void enter_host(void)
{
	make_directories("/host");
	attach("root", "/host", "9p", MS_RDONLY,
	       "trans=virtio,version=9p2000.L,cache=loose,msize=507904");
	if (chdir("/host") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		fail("enter the host's root");
}

static void mount_fresh(const char *path)
{
	attach("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

static void mount_kernel_file_systems(void)
{
	attach("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, NULL);
	make_directories("/dev/pts");
	make_directories("/dev/shm");
	attach("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "ptmxmode=0666");
	if (symlink("/proc/self/fd", "/dev/fd") || symlink("fd/0", "/dev/stdin") ||
	    symlink("fd/1", "/dev/stdout") || symlink("fd/2", "/dev/stderr"))
		fail("symlink in /dev");
	attach("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	attach("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
	attach("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	attach("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL);
}

/*
 * The project, or the working directory, may itself lie beneath /tmp: a
 * descriptor taken before a fresh file system covers it brings it back.
 */
static int open_kept(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		fail("open %s", path);
	return fd;
}

static void bring_back(int fd, const char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	make_directories(path);
	attach(link, path, "none", MS_BIND, NULL);
	close(fd);
}

void lay_out_root(char *const *keep)
{
	int kept[MAX_KEPT], count = 0;

	enter_host();
	for (; keep[count] && count < MAX_KEPT; count++)
		kept[count] = open_kept(keep[count]);
	mount_kernel_file_systems();
	mount_fresh("/tmp");
	mount_fresh("/var/tmp");
	mount_fresh("/dev/shm");
	attach("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
	for (int i = 0; i < count; i++)
		bring_back(kept[i], keep[i]);
}

/*
 * system() and popen() run /bin/sh. Where the host's is for another processor, the
 * shell that the host names is called sh and takes its place.
 */
void provide_sh(const char *shell)
{
	if (!strcmp(basename(shell), "sh") && strcmp(shell, "/bin/sh"))
		attach(shell, "/bin/sh", "none", MS_BIND, NULL);
}
