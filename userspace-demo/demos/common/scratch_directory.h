// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

#include <string>
#include <utility>

namespace clofork::demo {

/// The first of /dev/shm, /tmp and /run that is a writable tmpfs from which
/// programs may be run; /tmp, whatever it is on, when none is.
[[nodiscard]] std::string find_tmpfs();

/// "tmpfs", or the magic number from statfs(2) of another file system.
[[nodiscard]] std::string filesystem_of(const std::string &directory);

/// A fresh directory, removed with all that is in it at the end.
class scratch_directory {
public:
  /// Errors: those of mkdtemp(3).
  static result<scratch_directory> create(const std::string &parent);
  scratch_directory(scratch_directory &&other) noexcept
      : path_(std::exchange(other.path_, {})) {}
  scratch_directory &operator=(scratch_directory &&) = delete;
  scratch_directory(const scratch_directory &) = delete;
  scratch_directory &operator=(const scratch_directory &) = delete;
  ~scratch_directory();

  [[nodiscard]] const std::string &path() const noexcept { return path_; }

private:
  explicit scratch_directory(std::string path) : path_(std::move(path)) {}

  std::string path_; ///< empty once moved from
};

} // namespace clofork::demo
