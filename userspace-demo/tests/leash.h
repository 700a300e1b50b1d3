// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/descriptors.h"
#include "spawning.h"

#include <poll.h>

/// Shares descriptor 3 with the shell and what it leaves behind. Whoever reads
/// it runs until let_go().
class leash {
public:
  leash() : ends_(std::move(*clofork::pipe())) {}

  /// /bin/sh -c with that script.
  clofork::command shell_with(std::string_view script) {
    auto wanted = shell(script);
    wanted.descriptors = {{ends_.reading.fd.get(), 3}};
    return wanted;
  }

  /// A shell that runs until let_go(), and then ends with 1.
  clofork::command endless(std::string_view first = "") {
    return shell_with(std::string(first) + "read line <&3");
  }

  void let_go() { ends_.writing.fd.reset(); }

  /// Whether nobody else has the reading end, once it is closed here.
  bool all_gone() {
    ends_.reading.fd.reset();
    pollfd end{.fd = ends_.writing.fd.get(), .events = 0, .revents = 0};
    return poll(&end, 1, 10'000) == 1 && (end.revents & POLLERR) != 0;
  }

private:
  clofork::pipe_ends ends_;
};
