// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/result.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>

namespace clofork::demo {

/// A FUSE file system with one file, whose data is always lost on its way to
/// the disk: of each time that it was opened, the first FLUSH, which close()
/// asks for, gets EIO and those after it success. So do NFS and others report
/// a failed write back: once, to whoever asks first.
///
/// The server is a process of its own, and alone in holding /dev/fuse open: if
/// it dies with its parent, the kernel aborts the connection, and nobody waits
/// for an answer to FLUSH, a wait that no signal ends.
class flush_server {
public:
  /// Mounts at the directory, which must be empty, in a mount namespace of
  /// this process's own; before any other thread is started, and at most once
  /// in a process. Errors: those of unshare, mount, mmap and fork(2); ENODEV
  /// where the kernel has no FUSE.
  static result<std::unique_ptr<flush_server>>
  start(const std::string &directory);

  flush_server(const flush_server &) = delete;
  flush_server &operator=(const flush_server &) = delete;
  ~flush_server();

  /// The file; any number may open it for writing at once.
  [[nodiscard]] std::string file() const { return directory_ + "/file"; }

  /// How many FLUSHes there were.
  [[nodiscard]] std::uint64_t flushes() const noexcept { return *flushes_; }

private:
  using counter = std::atomic<std::uint64_t>;

  flush_server(std::string directory, counter *flushes)
      : directory_(std::move(directory)), flushes_(flushes) {}

  result<void> serve();

  const std::string directory_;
  counter *const flushes_; ///< in memory shared with the server
  pid_t server_ = -1;
};

} // namespace clofork::demo
