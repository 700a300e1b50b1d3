// SPDX-License-Identifier: MIT
#pragma once

/// Filters that stay for the rest of the process and its children, as a
/// container's policy does: what they refuse ends with the errno. True when
/// the filter is in place.

/// A system call by its number.
bool refuse_call(long number, unsigned code);
/// The same only with any bit of the mask in the low word of an argument.
bool refuse_call_with_bits(long number, unsigned argument, unsigned mask,
                           unsigned code);
/// The same only where the low word of an argument is the value.
bool refuse_call_with_value(long number, unsigned argument, unsigned value,
                            unsigned code);

/// Kills the process, as some policies do instead of refusing.
bool kill_for_call(long number);

/// Holds the call until whoever has the listener, which is the result, lets it
/// go on: see seccomp_unotify(2). -1 with errno; EBUSY where another listens.
int hold_call_with_value(long number, unsigned argument, unsigned value);

/// F_DUPFD_CLOFORK.
bool refuse_dupfd_clofork(unsigned code);
/// open with O_CLOFORK.
bool refuse_open_clofork(unsigned code);
/// F_SETFD with FD_CLOFORK.
bool refuse_setfd_clofork(unsigned code);

bool refuse_clone3(unsigned code);
/// All that makes or takes a pidfd; of waitid as Linux 5.3 refuses it.
bool refuse_pidfds(unsigned code);
