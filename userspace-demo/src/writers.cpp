// SPDX-License-Identifier: MIT
#include "writers.h"

#include "failure.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <thread>

namespace clofork {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::nanoseconds;
using namespace std::chrono_literals;

enum class writers { none, some, doubtful, unknown };

/// Whether a read lease is refused, as it is while the file is open for
/// writing: an errno.
int check_lease(int reading) noexcept {
  if (fcntl(reading, F_SETLEASE, F_RDLCK) == -1) {
    return errno;
  }
  fcntl(reading, F_SETLEASE, F_UNLCK);
  return 0;
}

/// Whether leases are a server's to give, who refuses them for reasons of its
/// own: elsewhere a refusal means that the file is open for writing.
bool leases_are_remote(int fd) noexcept {
  struct statfs told {};
  if (fstatfs(fd, &told) == -1) {
    return false;
  }
  switch (static_cast<unsigned>(told.f_type)) {
  case NFS_SUPER_MAGIC:
  case SMB_SUPER_MAGIC:
  case CIFS_SUPER_MAGIC:
  case SMB2_SUPER_MAGIC:
    return true;
  default:
    return false;
  }
}

/// The lock is not enough. The last close of a file gives up its locks some
/// time before the kernel counts the writer off, and exec looks at the count:
/// seen in one of some 600 tries. Nor has another open file description of
/// the same file a part in it, such as one that is mapped. A lease looks at
/// the count too.
///
/// execveat(2) with AT_EXECVE_CHECK would ask for just what matters, but
/// while it runs, pthread_create fails with EAGAIN in the other threads.
writers look_for_writers(int reading, bool locked) noexcept {
  if (locked && flock(reading, LOCK_SH | LOCK_NB) == -1) {
    return writers::some;
  }
  switch (check_lease(reading)) {
  case 0:
    return writers::none;
  case EAGAIN:
    return leases_are_remote(reading) ? writers::doubtful : writers::some;
  default:
    return locked ? writers::none : writers::unknown;
  }
}

/// Longer than the kernel takes between lock and count.
constexpr nanoseconds doubt = 100ms;

} // namespace

bool lock_as_writer(int writing) noexcept {
  return flock(writing, LOCK_EX | LOCK_NB) == 0;
}

result<writers_gone> wait_for_writers(int reading, bool locked,
                                      nanoseconds patience) {
  const auto start = clock::now();
  nanoseconds last_certain{0};
  for (nanoseconds pause = 50us;;
       pause = std::min<nanoseconds>(2 * pause, 5ms)) {
    const auto found = look_for_writers(reading, locked);
    const nanoseconds waited = clock::now() - start;
    if (found == writers::some) {
      last_certain = waited;
    } else if (found != writers::doubtful || waited - last_certain > doubt) {
      return writers_gone{found == writers::none || locked, waited};
    }
    if (waited >= patience) {
      return failure(
          "a child, another descriptor or a mapping has the program open",
          ETIMEDOUT);
    }
    std::this_thread::sleep_for(std::min(pause, patience - waited));
  }
}

} // namespace clofork
