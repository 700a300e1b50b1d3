/* SPDX-License-Identifier: MIT */
#pragma once

/* A way to get a descriptor from the C library. */
struct interface {
  const char *name;
  /* Close-on-exec, or where there is no such descriptor, from another. */
  int (*make)(int cloexec);
  /* Whether the preloaded library can have it made with the mark in glibc. */
  enum { late, born } mark;
};

extern const struct interface interfaces[]; /* the last has no name */
