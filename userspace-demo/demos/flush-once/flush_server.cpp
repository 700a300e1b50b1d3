// SPDX-License-Identifier: MIT
#define FUSE_USE_VERSION 35
#include "flush_server.h"

#include "own_mounts.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fuse_lowlevel.h>
#include <memory>
#include <new>
#include <string_view>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace clofork::demo {
namespace {

constexpr fuse_ino_t file_node = 2;
constexpr double forever = 86400;

struct opened {
  bool failed = true; ///< and nobody was told yet
};

opened *opened_of(const fuse_file_info *info) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): libfuse carries it as a number
  return reinterpret_cast<opened *>(info->fh);
}

struct stat attributes_of(fuse_ino_t node) noexcept {
  struct stat about {};
  about.st_ino = node;
  about.st_mode = node == file_node ? S_IFREG | 0600 : S_IFDIR | 0700;
  about.st_nlink = 1;
  about.st_uid = getuid();
  about.st_gid = getgid();
  return about;
}

void on_lookup(fuse_req_t request, fuse_ino_t /*parent*/, const char *name) {
  if (std::string_view(name) != "file") {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = file_node;
  entry.attr = attributes_of(file_node);
  entry.attr_timeout = forever;
  entry.entry_timeout = forever;
  fuse_reply_entry(request, &entry);
}

void on_getattr(fuse_req_t request, fuse_ino_t node,
                fuse_file_info * /*info*/) {
  const auto about = attributes_of(node);
  fuse_reply_attr(request, &about, forever);
}

void on_open(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info *info) {
  auto handle = std::make_unique<opened>();
  info->fh = reinterpret_cast<std::uintptr_t>(handle.get());
  info->direct_io = 1;
  // ENOENT: whoever opens was killed meanwhile, and there will be no RELEASE.
  if (fuse_reply_open(request, info) == 0) {
    // NOLINTNEXTLINE(bugprone-unused-return-value): on_release deletes it
    handle.release();
  }
}

void on_write(fuse_req_t request, fuse_ino_t /*node*/, const char * /*bytes*/,
              std::size_t size, off_t /*offset*/, fuse_file_info * /*info*/) {
  fuse_reply_write(request, size);
}

void on_flush(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info *info) {
  ++*static_cast<std::atomic<std::uint64_t> *>(fuse_req_userdata(request));
  fuse_reply_err(request,
                 std::exchange(opened_of(info)->failed, false) ? EIO : 0);
}

void on_release(fuse_req_t request, fuse_ino_t /*node*/, fuse_file_info *info) {
  const std::unique_ptr<opened> handle(opened_of(info));
  fuse_reply_err(request, 0);
}

fuse_lowlevel_ops operations() noexcept {
  fuse_lowlevel_ops all{};
  all.lookup = on_lookup;
  all.getattr = on_getattr;
  all.open = on_open;
  all.write = on_write;
  all.flush = on_flush;
  all.release = on_release;
  return all;
}

} // namespace

result<std::unique_ptr<flush_server>>
flush_server::start(const std::string &directory) {
  if (const auto owned = own_mounts(); !owned) {
    return owned.error();
  }
  void *memory = mmap(nullptr, sizeof(counter), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return last_error("mmap");
  }
  std::unique_ptr<flush_server> made(
      new flush_server(directory, new (memory) counter(0)));
  if (const auto served = made->serve(); !served) {
    return served.error();
  }
  return made;
}

result<void> flush_server::serve() {
  const auto all = operations();
  std::array name{const_cast<char *>("flush-once"),
                  static_cast<char *>(nullptr)};
  fuse_args arguments = FUSE_ARGS_INIT(1, name.data());
  const std::unique_ptr<fuse_session, decltype(&fuse_session_destroy)> session(
      fuse_session_new(&arguments, &all, sizeof(all), flushes_),
      fuse_session_destroy);
  fuse_opt_free_args(&arguments);
  errno = ENODEV; // where libfuse does not say
  if (!session || fuse_session_mount(session.get(), directory_.c_str()) != 0) {
    return last_error("mount(fuse)");
  }
  const pid_t parent = getpid();
  server_ = fork();
  if (server_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    _exit(getppid() == parent ? fuse_session_loop(session.get()) : 1);
  }
  return server_ > 0 ? result<void>() : last_error("fork");
}

flush_server::~flush_server() {
  umount2(directory_.c_str(), MNT_DETACH);
  if (server_ > 0) {
    kill(server_, SIGKILL);
    waitpid(server_, nullptr, 0);
  }
  munmap(flushes_, sizeof(counter));
}

} // namespace clofork::demo
