// SPDX-License-Identifier: MIT
#include "spare_name.h"

#include "clofork/descriptors.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clofork {
namespace {

struct flock whole_file(short type) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

bool is_claimed(int fd) noexcept {
  auto lock = whole_file(F_WRLCK); // what a claim would not let pass
  return fcntl(fd, F_OFD_GETLK, &lock) == -1 || lock.l_type != F_UNLCK;
}

} // namespace

void claim(int reading) noexcept {
  const auto lock = whole_file(F_RDLCK);
  fcntl(reading, F_OFD_SETLK, &lock);
}

void disclaim(int reading) noexcept {
  const auto lock = whole_file(F_UNLCK);
  fcntl(reading, F_OFD_SETLK, &lock);
}

bool remove_abandoned(int directory, const char *name) noexcept {
  // Not held up by a FIFO, nor led away by a link, of that name.
  const auto found =
      openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!found) {
    // Its owner was faster.
    return found.error().code == std::errc::no_such_file_or_directory;
  }
  const int fd = found->fd.get();
  struct stat opened {};
  struct stat named {};
  // Only who holds the lock may remove the name, so that the name looked at
  // is still the name removed. Its owner lets go of the lock, but not before
  // the claim is there.
  return flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_claimed(fd) &&
         fstat(fd, &opened) == 0 && S_ISREG(opened.st_mode) &&
         fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         named.st_ino == opened.st_ino && named.st_dev == opened.st_dev &&
         unlinkat(directory, name, 0) == 0;
}

} // namespace clofork
