/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the program `unaware` can be asked for, as its first argument. Each
 * prints lines, and returns what main() is to.
 */
int show_interfaces(void);
int show_written(void);
int show_behaviour(void);
int show_streams(void);
int show_prefork(void);
int show_exec_error_pipe(void);
int show_spawn_action(void);
int show_log(void);
int show_redirection(void);

/* The descriptor's flags as the kernel has them. */
int marks_of(int fd);
