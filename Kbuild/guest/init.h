/* SPDX-License-Identifier: MIT */
#ifndef LAB_INIT_H
#define LAB_INIT_H

#include <stddef.h>

/* No verdict is a failure for the host; the console says which step failed. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The job that the host shares, one file for each field; NULL-terminated vectors. */
struct job {
	char *command;	    /* the text handed to the shell, empty for an interactive one */
	char *directory;    /* where it runs */
	char **environment; /* NAME=value */
	const char *shell;  /* as the environment names it */
	char **keep;	    /* paths that the fresh file systems must not hide */
};

void read_job(struct job *job);
void lay_out_root(char *const *keep);
void provide_sh(const char *shell);

int open_port(const char *name);
void write_all(int fd, const char *data, size_t size);

/* What the command ended with, as a shell reports it, and what it wrote. */
struct outcome {
	int status;
	unsigned long long out, err;
};

struct outcome run_command(const struct job *job, int out, int err);

#endif
