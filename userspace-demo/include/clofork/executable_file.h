// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/export.h"
#include "clofork/result.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace clofork {

struct executable_options {
  mode_t mode = 0755; ///< exactly this, whatever the umask
  /// Writes the file, and the directory after it, through to the disk: the
  /// program survives a crash of the machine, or the old one does.
  bool sync = false;
  /// How long publish() waits for whoever holds the file.
  std::chrono::milliseconds patience{10'000};
};

/// What excludes that the published program is still open for writing.
enum class exclusion {
  kernel,  ///< born close-on-fork: no child ever had it
  drain,   ///< nobody has it any more: the kernel was asked
  library, ///< no spawn of this library has it; of children that other code
           ///< forks this file system cannot tell, as it has no flock(2)
};

struct publication {
  exclusion by = exclusion::library;
  std::chrono::nanoseconds waited{0}; ///< for others to let go of the file
};

/// A program while it is written. Nothing of it can be seen at its path before
/// publish() puts it there, complete, in one step. Unpublished, it vanishes
/// with the object or the process, however that ends. In a process forked by
/// its creator's an object that goes only closes its descriptors: the file is
/// the parent's.
///
/// Where the file system has O_TMPFILE and /proc is mounted, it has no name
/// until then. Elsewhere, and for the instant in which it replaces another
/// file, it is called `.clofork-N` in the same directory. What a killed
/// process leaves there is removed by the next one that writes to the
/// directory.
///
/// As thread-safe as an int: distinct objects from distinct threads. No
/// cancellation point, however long publish() waits.
class CLOFORK_EXPORT executable_file {
public:
  /// A file that is to be published at the path: its directory must exist.
  /// A symbolic link there will be replaced, not followed. Errors: EINVAL for
  /// "executable_file.path" that is empty, has a NUL byte or does not end in
  /// the name of a file, for "executable_options.mode" with bits besides
  /// 07777, and for "executable_options.patience" below zero; those of
  /// openat(2). Throws std::bad_alloc.
  static result<executable_file> create(const std::string &path,
                                        const executable_options &opts = {});

  executable_file(executable_file &&other) noexcept;
  executable_file &operator=(executable_file &&other) noexcept;
  executable_file(const executable_file &) = delete;
  executable_file &operator=(const executable_file &) = delete;
  ~executable_file();

  /// Appends. Errors: those of write(2), but never EINTR: the file is given
  /// up, so that no half of it can be published; EBADF after that, and once
  /// publish() was called.
  result<void> write(std::string_view bytes) noexcept;

  /// The descriptor to write through by other means, such as
  /// copy_file_range(2); -1 once publish() was called. It cannot be mapped,
  /// being for writing only. What keeps the file open for writing makes
  /// publish() time out: a copy of the descriptor, another one opened through
  /// /proc, and any mapping made from that, be it private or read-only. The
  /// last two go unseen where there are no leases, as on NFS, SMB and 9p.
  [[nodiscard]] int descriptor() const noexcept;

  /// Closes the file, waits until nobody holds it open for writing, and
  /// moves it to its path, in place of what is there. Run from then on, the
  /// program does not fail with ETXTBSY.
  ///
  /// Errors: ETIMEDOUT when a child, another descriptor or a mapping still
  /// holds the file after the patience of the options: publish() may be called
  /// again, with the same patience. Those of fchmod, fsync, close, linkat and
  /// renameat(2): the file is given up, except that after "fsync(directory)"
  /// it is in place. EBADF once it is published or given up. Throws
  /// std::bad_alloc.
  result<publication> publish();

private:
  struct CLOFORK_HIDDEN state;
  explicit executable_file(std::unique_ptr<state> made) noexcept;

  std::unique_ptr<state> state_; ///< none once published or given up
};

} // namespace clofork
