// SPDX-License-Identifier: MIT
#pragma once

/// Filters that stay for the rest of the process and its children, as a
/// container's policy does: what they refuse ends with the errno. True when
/// the filter is in place.

/// F_DUPFD_CLOFORK.
bool refuse_dupfd_clofork(unsigned code);
/// open with O_CLOFORK.
bool refuse_open_clofork(unsigned code);
/// F_SETFD with FD_CLOFORK.
bool refuse_setfd_clofork(unsigned code);
