// SPDX-License-Identifier: MIT
#include "own_mounts.h"

#include "clofork/unique_fd.h"

#include <fcntl.h>
#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <unistd.h>

namespace clofork::demo {
namespace {

/// Of the files of /proc each is written at once, or not at all.
bool write_text(const char *path, const std::string &text) {
  const unique_fd file(open(path, O_WRONLY | O_CLOEXEC));
  return write(file.get(), text.data(), text.size()) ==
         static_cast<ssize_t>(text.size());
}

/// The same user and group as outside, and all capabilities.
result<void> own_users() {
  const auto user = std::to_string(getuid());
  const auto group = std::to_string(getgid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1) {
    return last_error("unshare");
  }
  if (!write_text("/proc/self/setgroups", "deny") ||
      !write_text("/proc/self/uid_map", user + ' ' + user + " 1") ||
      !write_text("/proc/self/gid_map", group + ' ' + group + " 1")) {
    return last_error("write(/proc/self/uid_map)");
  }
  return {};
}

} // namespace

result<void> own_mounts() {
  if (unshare(CLONE_NEWNS) == -1) {
    if (const auto owned = own_users(); !owned) {
      return owned;
    }
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
    return last_error("mount");
  }
  return {};
}

} // namespace clofork::demo
