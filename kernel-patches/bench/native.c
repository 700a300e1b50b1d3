// SPDX-License-Identifier: GPL-2.0-only
/*
 * Built into a kernel for ARCH=um, which is a program of this machine: what the
 * descriptor table takes at full speed, caches and all.  It runs when the kernel
 * is up, prints "NAME: N" with N in picoseconds, and powers off; no process is
 * ever started.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/reboot.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/syscalls.h>

#define TIMES	9	/* the least of which counts */

static struct file *file;

static void __init say(const char *name, u64 ns, u64 count)
{
	pr_emerg("%s: %llu\n", name, div64_u64(ns * 1000, count));
}

static u64 __init take_and_give_back(int count)
{
	u64 start = ktime_get_ns();

	for (int i = 0; i < count; i++)
		put_unused_fd(get_unused_fd_flags(O_CLOEXEC));
	return ktime_get_ns() - start;
}

static u64 __init install_and_close(int count)
{
	u64 start = ktime_get_ns();

	for (int i = 0; i < count; i++) {
		int fd = get_unused_fd_flags(O_CLOEXEC);

		fd_install(fd, get_file(file));
		close_fd(fd);
	}
	return ktime_get_ns() - start;
}

/* Each thing on a table that does not have the lines in its cache: 4,096 numbers in turn. */
static u64 __init fill_and_empty(int count)
{
	u64 start = ktime_get_ns();

	for (int round = 0; round < count; round++) {
		for (int i = 0; i < 4096; i++)
			fd_install(get_unused_fd_flags(0), get_file(file));
		for (int i = 0; i < 4096; i++)
			close_fd(i);
	}
	return ktime_get_ns() - start;
}

/* The table is copied because another seems to use it; the copy goes, untimed. */
static u64 __init copy(int count)
{
	struct files_struct *own = current->files, *copied;
	u64 sum = 0, start;

	for (int i = 0; i < count; i++) {
		atomic_inc(&own->count);
		start = ktime_get_ns();
		if (ksys_unshare(CLONE_FILES))
			panic("no copy of the table");
		sum += ktime_get_ns() - start;
		task_lock(current);
		copied = current->files;
		current->files = own;
		task_unlock(current);
		put_files_struct(copied);
	}
	return sum;
}

static u64 __init least(u64 (*take)(int count), int count)
{
	u64 best = U64_MAX;

	for (int i = 0; i < TIMES; i++)
		best = min(best, take(count));
	return best;
}

static void __init copy_with(const char *name, int descriptors, int count)
{
	static int have;

	for (; have < descriptors; have++)
		fd_install(get_unused_fd_flags(0), get_file(file));
	say(name, least(copy, count), count);
}

static int __init native_bench(void)
{
	current->signal->rlim[RLIMIT_NOFILE].rlim_cur = 1 << 20;
	current->signal->rlim[RLIMIT_NOFILE].rlim_max = 1 << 20;
	file = filp_open("/", O_PATH, 0);
	if (IS_ERR(file))
		panic("no file");

	say("take and give back a number", least(take_and_give_back, 1000000), 1000000);
	say("install and close", least(install_and_close, 1000000), 1000000);
	say("fill and empty 4096", least(fill_and_empty, 100), 100);
	copy_with("copy 3 descriptors", 3, 10000);
	copy_with("copy 64 descriptors", 64, 10000);
	copy_with("copy 1000 descriptors", 1000, 1000);
	copy_with("copy 10000 descriptors", 10000, 100);
	copy_with("copy 100000 descriptors", 100000, 10);
	kernel_power_off();
	return 0;
}
late_initcall(native_bench);
