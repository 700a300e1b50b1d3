// SPDX-License-Identifier: MIT
#include "scratch_directory.h"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <linux/magic.h>
#include <sstream>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace clofork::demo {
namespace {

bool runs_programs(const char *directory) {
  struct statvfs about {};
  return statvfs(directory, &about) == 0 && (about.f_flag & ST_NOEXEC) == 0 &&
         access(directory, W_OK | X_OK) == 0;
}

} // namespace

std::string filesystem_of(const std::string &directory) {
  struct statfs about {};
  if (statfs(directory.c_str(), &about) != 0) {
    return "unknown";
  }
  if (about.f_type == TMPFS_MAGIC) {
    return "tmpfs";
  }
  std::ostringstream magic;
  magic << "0x" << std::hex << about.f_type;
  return magic.str();
}

std::string find_tmpfs() {
  for (const char *candidate : {"/dev/shm", "/tmp", "/run"}) {
    if (filesystem_of(candidate) == "tmpfs" && runs_programs(candidate)) {
      return candidate;
    }
  }
  return "/tmp";
}

result<scratch_directory> scratch_directory::create(const std::string &parent) {
  std::string path = parent + "/close-on-fork.XXXXXX";
  if (mkdtemp(path.data()) == nullptr) {
    return last_error("mkdtemp");
  }
  return scratch_directory(std::move(path));
}

scratch_directory::~scratch_directory() {
  if (!path_.empty()) {
    std::error_code lost;
    std::filesystem::remove_all(path_, lost);
  }
}

} // namespace clofork::demo
