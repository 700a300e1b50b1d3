// SPDX-License-Identifier: MIT
#include "pid_namespace.h"

#include <sys/stat.h>

namespace clofork {

bool child_gets_pid_namespace() noexcept {
  struct stat own {};
  struct stat of_children {};
  if (stat("/proc/thread-self/ns/pid", &own) != 0) {
    return false;
  }
  // One without a process yet cannot be looked at.
  return stat("/proc/thread-self/ns/pid_for_children", &of_children) != 0 ||
         own.st_ino != of_children.st_ino || own.st_dev != of_children.st_dev;
}

} // namespace clofork
