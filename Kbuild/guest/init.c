// SPDX-License-Identifier: MIT
/*
 * The guest's first process: lays the host's root under fresh temporary file
 * systems, runs one command there, and reports over virtio ports.
 *
 * On the port "verdict" it writes "ready", later
 * "exit STATUS BYTES-OF-STDOUT BYTES-OF-STDERR", and powers off once the host
 * answers with a byte: only the host knows when it has drained the other ports.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static _Noreturn void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

void fail(const char *format, ...)
{
	int error = errno;
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf(": %s\n", strerror(error));
	fflush(stdout);
	power_off();
}

/* Before any other step: the console, and the files that the steps themselves read. */
static void open_console(void)
{
	/* Those that the kernel's own initramfs has are there already. */
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL) || !freopen("/dev/console", "w", stdout))
		power_off();
}

static void bring_up_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		fail("bring up lo");
	close(fd);
}

/* kmemleak reports nothing younger than five seconds. */
static void report_leaks(void)
{
	char line[1024];
	int fd = open("/sys/kernel/debug/kmemleak", O_RDWR | O_CLOEXEC);
	FILE *found;

	if (fd < 0)
		return;
	sleep(6);
	write_all(fd, "scan", 4);
	found = fdopen(fd, "r");
	while (found && fgets(line, sizeof(line), found))
		printf("%s", line);
	fflush(stdout);
}

int main(void)
{
	int verdict, out, err;
	struct outcome outcome;
	char line[64];
	struct job job;

	open_console();
	read_job(&job);
	lay_out_root(job.keep);
	provide_sh(job.shell);
	bring_up_loopback();
	sethostname("guest", strlen("guest"));
	verdict = open_port("verdict");
	out = open_port("stdout");
	err = open_port("stderr");

	write_all(verdict, "ready\n", strlen("ready\n"));
	outcome = run_command(&job, out, err);
	report_leaks();
	snprintf(line, sizeof(line), "exit %d %llu %llu\n", outcome.status, outcome.out,
		 outcome.err);
	write_all(verdict, line, strlen(line));
	read(verdict, line, 1);
	power_off();
}
