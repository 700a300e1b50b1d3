// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

/// Runs the check in a forked child, which may spoil its own process. True
/// when it returned true there.
bool in_child(const std::function<bool()> &check);

/// Runs the check in a program started anew, for what a process keeps to its
/// end, such as the answer of features(). Once in a test.
void in_fresh_process(const std::function<bool()> &check);

/// What close-on-fork is for, seen without asking for the flag.
bool child_lacks(int fd);

/// How many descriptors this process has.
long open_descriptors();
