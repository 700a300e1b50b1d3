/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

/*
 * How open() and its kin get a file marked: ask_marked() gives the flags to
 * call with, settle_marks() what the call returned, both with the flags that
 * the program gave. open() is not tried again without the mark as others are:
 * an EINVAL of O_DIRECT comes when O_CREAT has made the file already.
 */

/* Whether a file opened with these flags is to be marked. */
bool is_to_be_marked(int flags);
int ask_marked(int flags);
int settle_marks(int fd, int flags);

/*
 * Marks what the C library has opened by itself, as mark_late() does, and if it
 * is a regular file open for writing. Takes -1 for no descriptor.
 */
void mark_opened_late(int fd);
