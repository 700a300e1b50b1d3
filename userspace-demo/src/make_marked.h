// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "clofork/marked_fd.h"

namespace clofork {

/// Whether the interface can be asked for marked descriptors. No where the
/// kernel did not tell: what it would ignore must not pass for a mark.
inline bool honours(bool feature_set::*interface) noexcept {
  const auto known = features();
  return known && (*known).*interface;
}

/// The mark of a descriptor that has just been made: born with it, or given
/// it now where that is not known to be in vain.
fork_mark settle_mark(int fd, bool born) noexcept;

/// What make(asked) makes; asked: whether for a marked descriptor.
template <class Make>
result<marked_fd> make_marked(const char *stage, bool feature_set::*interface,
                              Make make) noexcept {
  const bool asked = honours(interface);
  unique_fd made(static_cast<int>(make(asked)));
  if (!made) {
    return last_error(stage);
  }
  const fork_mark mark = settle_mark(made.get(), asked);
  return marked_fd{std::move(made), mark};
}

} // namespace clofork
