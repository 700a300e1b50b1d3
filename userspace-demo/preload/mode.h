/* SPDX-License-Identifier: MIT */
#pragma once

/* What is marked. A set, as CLOFORK_PRELOAD names them. */
enum {
  preload_cloexec = 1, /* descriptors that the program makes close-on-exec */
  preload_written = 2, /* regular files that it opens for writing */
};

/*
 * The modes in force: none where the environment does not ask, in a program
 * that runs with more rights than its caller, or where the kernel does not
 * know close-on-fork. Async-signal-safe, keeps errno.
 */
unsigned preload_mode(void);
