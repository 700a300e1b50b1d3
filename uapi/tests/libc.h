/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/* The C library headers that own the twins of the header's names. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>
