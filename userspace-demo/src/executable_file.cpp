// SPDX-License-Identifier: MIT
#include "clofork/executable_file.h"

#include "clofork/descriptors.h"
#include "clofork/gate.h"
#include "failure.h"
#include "no_cancellation.h"
#include "spare_name.h"
#include "writers.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace clofork {

struct executable_file::state {
  executable_options options;
  std::string name; ///< below the directory
  unique_fd directory;
  marked_fd writing;
  unique_fd reading; ///< keeps a nameless file alive when writing is closed
  std::string spare; ///< the name that it has meanwhile, if any
  bool locked = false;
  const pid_t process = getpid();

  state() = default;
  state(const state &) = delete;
  state &operator=(const state &) = delete;
  ~state() {
    if (getpid() != process) {
      return; // forked: the name and the lock are the parent's, still at work
    }
    if (!spare.empty()) {
      unlinkat(directory.get(), spare.c_str(), 0);
    }
    // A child may hold on to the open file description.
    flock(reading.get(), LOCK_UN);
    disclaim(reading.get());
  }

  result<void> open_directory(const std::string &path);
  result<void> open_file();
  result<void> finish_writing() noexcept;
  result<void> put_in_place();
  [[nodiscard]] result<void> sync_directory() const noexcept;
  [[nodiscard]] exclusion excludes(bool certain) const noexcept {
    if (writing.mark == fork_mark::born) {
      return exclusion::kernel;
    }
    return certain ? exclusion::drain : exclusion::library;
  }

private:
  // False with errno.
  [[nodiscard]] bool let_owner_in() const noexcept;
  [[nodiscard]] bool open_nameless();
  [[nodiscard]] bool open_as(const std::string &new_name);
  [[nodiscard]] bool link_as(const std::string &new_name) const;
};

namespace {

/// 292 years: more would overflow where it is counted in nanoseconds.
constexpr auto longest_patience = std::chrono::floor<std::chrono::milliseconds>(
    std::chrono::nanoseconds::max());

error invalid(const char *field) noexcept {
  return failure(field, EINVAL);
}

/// The path of a descriptor of this thread: with a table of its own, it has
/// no part in /proc/self/fd.
std::string path_of(const unique_fd &fd) {
  return "/proc/thread-self/fd/" + std::to_string(fd.get());
}

/// How a kernel, file system or filter answers that has no O_TMPFILE, or a
/// machine without /proc. EISDIR: before Linux 3.11 it means O_DIRECTORY.
bool means_named_only(int code) noexcept {
  return code == EOPNOTSUPP || code == EISDIR || code == EINVAL ||
         code == ENOENT || code == EPERM || code == ENOSYS;
}

/// Sets errno when it is false.
template <class Made>
bool take(result<marked_fd> made, Made &into) noexcept {
  if (!made) {
    errno = made.error().code.value();
    return false;
  }
  into = std::move(*made);
  return true;
}

bool take(result<marked_fd> made, unique_fd &into) noexcept {
  marked_fd taken;
  const bool done = take(std::move(made), taken);
  into = std::move(taken.fd);
  return done;
}

} // namespace

result<void> executable_file::state::open_directory(const std::string &path) {
  const auto slash = path.rfind('/');
  name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.empty() || name == "." || name == ".." ||
      path.find('\0') != std::string::npos) {
    return invalid("executable_file.path");
  }
  const std::string parent =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (!take(open(parent.c_str(), O_PATH | O_DIRECTORY), directory)) {
    return last_error("openat");
  }
  return {};
}

/// The umask may have kept its owner from opening it once more.
bool executable_file::state::let_owner_in() const noexcept {
  return fchmod(writing.fd.get(), 0600) == 0;
}

bool executable_file::state::open_nameless() {
  if (!take(openat(directory.get(), ".", O_TMPFILE | O_WRONLY, 0600),
            writing) ||
      !let_owner_in()) {
    return false;
  }
  locked = lock_as_writer(writing.fd.get());
  return take(open(path_of(writing.fd).c_str(), O_RDONLY), reading);
}

/// EEXIST also when another process took the new file for abandoned, before
/// the lock was there.
bool executable_file::state::open_as(const std::string &new_name) {
  if (!take(openat(directory.get(), new_name.c_str(),
                   O_WRONLY | O_CREAT | O_EXCL, 0600),
            writing)) {
    return false;
  }
  locked = lock_as_writer(writing.fd.get());
  const bool lost = !locked && errno == EWOULDBLOCK;
  struct stat file {};
  if (lost || fstat(writing.fd.get(), &file) == -1 || file.st_nlink == 0) {
    errno = EEXIST;
    return false;
  }
  spare = new_name;
  if (!let_owner_in() ||
      !take(openat(directory.get(), spare.c_str(), O_RDONLY | O_NOFOLLOW),
            reading)) {
    return false;
  }
  claim(reading.get());
  return true;
}

result<void> executable_file::state::open_file() {
  if (open_nameless()) {
    return {};
  }
  if (!means_named_only(errno)) {
    return last_error("openat");
  }
  return take_spare_name(
      directory.get(), "openat",
      [this](const std::string &each) { return open_as(each); });
}

result<void> executable_file::state::finish_writing() noexcept {
  const int fd = writing.fd.get();
  if (fchmod(fd, options.mode) == -1) {
    return last_error("fchmod");
  }
  if (options.sync && fsync(fd) == -1) {
    return last_error("fsync");
  }
  const closing_section no_spawn_holds_it;
  if (const auto failed = writing.fd.close()) {
    return error{"close", failed};
  }
  return {};
}

bool executable_file::state::link_as(const std::string &new_name) const {
  return linkat(AT_FDCWD, path_of(reading).c_str(), directory.get(),
                new_name.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

result<void> executable_file::state::put_in_place() {
  if (spare.empty()) {
    if (link_as(name)) {
      return {};
    }
    if (errno != EEXIST) {
      return last_error("linkat");
    }
    // A link replaces nothing; a rename does.
    const auto taken = take_spare_name(directory.get(), "linkat",
                                       [this](const std::string &each) {
                                         if (!link_as(each)) {
                                           return false;
                                         }
                                         spare = each;
                                         return true;
                                       });
    if (!taken) {
      return taken;
    }
  }
  if (renameat(directory.get(), spare.c_str(), directory.get(), name.c_str()) ==
      -1) {
    return last_error("renameat");
  }
  spare.clear();
  return {};
}

result<void> executable_file::state::sync_directory() const noexcept {
  // Not the descriptor at hand: O_PATH cannot be synced.
  const auto opened = openat(directory.get(), ".", O_RDONLY | O_DIRECTORY);
  if (!opened) {
    return error{"fsync(directory)", opened.error().code};
  }
  if (fsync(opened->fd.get()) == -1) {
    return last_error("fsync(directory)");
  }
  return {};
}

executable_file::executable_file(std::unique_ptr<state> made) noexcept
    : state_(std::move(made)) {}
executable_file::executable_file(executable_file &&) noexcept = default;
executable_file &
executable_file::operator=(executable_file &&) noexcept = default;
executable_file::~executable_file() = default;

result<executable_file>
executable_file::create(const std::string &path,
                        const executable_options &opts) {
  if ((opts.mode & ~07777U) != 0) {
    return invalid("executable_options.mode");
  }
  if (opts.patience < opts.patience.zero()) {
    return invalid("executable_options.patience");
  }
  auto made = std::make_unique<state>();
  made->options = opts;
  made->options.patience = std::min(opts.patience, longest_patience);
  if (const auto opened = made->open_directory(path); !opened) {
    return opened.error();
  }
  if (const auto opened = made->open_file(); !opened) {
    return opened.error();
  }
  return executable_file(std::move(made));
}

int executable_file::descriptor() const noexcept {
  return state_ ? state_->writing.fd.get() : -1;
}

result<void> executable_file::write(std::string_view bytes) noexcept {
  const no_cancellation held;
  if (descriptor() == -1) {
    return failure("write", EBADF);
  }
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor(), bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      const error failure = last_error("write");
      state_.reset(); // so that no half of it can be published
      return failure;
    }
  }
  return {};
}

result<publication> executable_file::publish() {
  const no_cancellation held;
  auto file = std::move(state_); // given up, unless it is put back
  if (!file) {
    return failure("publish", EBADF);
  }
  if (file->writing.fd) {
    if (const auto finished = file->finish_writing(); !finished) {
      return finished.error();
    }
  }
  const auto gone = wait_for_writers(file->reading.get(), file->locked,
                                     file->options.patience);
  if (!gone) {
    state_ = std::move(file);
    return gone.error();
  }
  if (const auto placed = file->put_in_place(); !placed) {
    return placed.error();
  }
  if (file->options.sync) {
    if (const auto synced = file->sync_directory(); !synced) {
      return synced.error();
    }
  }
  return publication{file->excludes(gone->certain), gone->waited};
}

} // namespace clofork
