/* SPDX-License-Identifier: MIT */
/* The functions of the C library, or of what else was preloaded after this. */
#pragma once

enum next_function {
#define FUNCTION(name) next_##name,
#include "functions.def"
#undef FUNCTION
  next_count
};

/*
 * The next function of the name. Found once, before the program starts; for
 * constructors that run earlier than this library's, when first called.
 */
void *find_next(enum next_function which);

#define NEXT(name) ((__typeof__(&(name)))find_next(next_##name))

/* A function that stands in for the C library's */
#define EXPORTED __attribute__((visibility("default")))
