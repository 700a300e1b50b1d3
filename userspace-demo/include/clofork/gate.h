// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"

namespace clofork {

/// While one exists, no child of this library's spawns holds a descriptor
/// that it was not given: a file that is closed inside is closed for good, as
/// far as they are concerned.
///
/// The kernel copies the first descriptors of a table into a spawned child
/// for an instant, even those that the child is not to have; and where the
/// child may not fetch what it is handed (spawn_method::fetching), marked ones
/// too, all below the highest number of that. So sections wait
/// for the children in that instant, and spawns wait for the sections. Each
/// kind runs beside its own; when both come, they take turns, and neither can
/// keep the other out. A child leaves before its exec, so that a slow exec
/// holds up no section.
///
/// Says nothing of children that anything else forks. Thread-safe. Not to be
/// nested, nor to be held over spawn(): two of one thread can wait for each
/// other through a spawn that stands between them. A forked child starts
/// afresh, without the sections of its parent, from Linux 4.14 on.
class CLOFORK_EXPORT closing_section {
public:
  closing_section() noexcept;
  ~closing_section();
  closing_section(const closing_section &) = delete;
  closing_section &operator=(const closing_section &) = delete;

private:
  int process_; ///< that entered: in a forked child, not the one that leaves
};

} // namespace clofork
