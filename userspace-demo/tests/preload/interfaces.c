// SPDX-License-Identifier: MIT
// Every function that is stood in for, called as a program does that knows
// nothing of it.
#include "interfaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

/* Where all names are; the working directory is one of the test's own. */
static const char file[] = "file";

static int exec_flag(int cloexec) {
  return cloexec ? O_CLOEXEC : 0;
}

static int by_open(int cloexec) {
  return open(file, O_RDWR | exec_flag(cloexec));
}

static int by_open_creat(int cloexec) {
  return open(file, O_RDWR | O_CREAT | exec_flag(cloexec), 0600);
}

static int by_open_path(int cloexec) {
  return open(file, O_PATH | exec_flag(cloexec));
}

static int by_open_tmpfile(int cloexec) {
  return open(".", O_RDWR | O_TMPFILE | exec_flag(cloexec), 0600);
}

static int by_open_directory(int cloexec) {
  return open(".", O_RDONLY | O_DIRECTORY | exec_flag(cloexec));
}

static int by_openat(int cloexec) {
  return openat(AT_FDCWD, file, O_RDONLY | exec_flag(cloexec));
}

/* The number of a stream, whose memory is left. */
static int number(FILE *stream) {
  return stream == NULL ? -1 : fileno(stream);
}

static int by_fopen_r(int cloexec) {
  return number(fopen(file, cloexec ? "re" : "r"));
}

static int by_fopen_w(int cloexec) {
  return number(fopen(file, cloexec ? "wbe" : "wb"));
}

static int by_fopen_a(int cloexec) {
  return number(fopen(file, cloexec ? "ae+" : "a+"));
}

/* A mode that only the C library reads */
static int by_fopen_m(int cloexec) {
  return number(fopen(file, cloexec ? "rme" : "rm"));
}

static int by_freopen(int cloexec) {
  FILE *stream = fopen(file, "r");
  return number(freopen(file, cloexec ? "re" : "r", stream));
}

static int by_fdopen(int cloexec) {
  return number(
      fdopen(open(file, O_RDONLY | exec_flag(cloexec)), cloexec ? "re" : "r"));
}

static int by_popen(int cloexec) {
  return number(popen("exit", cloexec ? "re" : "r"));
}

/* Never close-on-exec */
static int by_tmpfile(int cloexec) {
  return cloexec ? by_open(1) : number(tmpfile());
}

/* Always close-on-exec */
static int by_opendir(int cloexec) {
  return cloexec ? dirfd(opendir(".")) : by_open_directory(0);
}

static int by_fdopendir(int cloexec) {
  return cloexec ? dirfd(fdopendir(by_open_directory(0)))
                 : by_open_directory(0);
}

static int by_mkostemp(int cloexec) {
  char path[] = "mkostemp.XXXXXX";
  return mkostemp(path, exec_flag(cloexec));
}

static int by_mkostemps(int cloexec) {
  char path[] = "mkostemp.XXXXXX.s";
  return mkostemps(path, 2, exec_flag(cloexec));
}

static int by_posix_openpt(int cloexec) {
  return posix_openpt(O_RDWR | O_NOCTTY | exec_flag(cloexec));
}

static int by_open_by_handle_at(int cloexec) {
  static union {
    struct file_handle handle;
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
  } named;
  int mount = 0;
  named.handle.handle_bytes = MAX_HANDLE_SZ;
  const int directory = open(".", O_RDONLY | O_CLOEXEC);
  return name_to_handle_at(AT_FDCWD, file, &named.handle, &mount, 0) == -1
             ? -1
             : open_by_handle_at(directory, &named.handle,
                                 O_RDONLY | exec_flag(cloexec));
}

static int by_shm_open(int cloexec) {
  const int fd =
      cloexec ? shm_open("/preload", O_RDWR | O_CREAT, 0600) : by_open(0);
  shm_unlink("/preload");
  return fd;
}

static int by_mq_open(int cloexec) {
  const int fd =
      cloexec ? mq_open("/preload", O_RDWR | O_CREAT, 0600, NULL) : by_open(0);
  mq_unlink("/preload");
  return fd;
}

static int by_dupfd(int cloexec) {
  return fcntl(STDIN_FILENO, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 100);
}

static int by_setfd(int cloexec) {
  const int fd = by_open(0);
  return fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0) == -1 ? -1 : fd;
}

static int by_setfd_off(int cloexec) {
  const int fd = by_open(1);
  const int marks = fcntl(fd, F_GETFD);
  return fcntl(fd, F_SETFD, cloexec ? marks : marks & ~FD_CLOEXEC) == -1 ? -1
                                                                         : fd;
}

static int by_fioclex(int cloexec) {
  const int fd = by_open(!cloexec);
  return ioctl(fd, cloexec ? FIOCLEX : FIONCLEX) == -1 ? -1 : fd;
}

static int by_dup3(int cloexec) {
  return dup3(STDIN_FILENO, 101, exec_flag(cloexec));
}

static int by_dup2(int cloexec) {
  return cloexec ? by_open(1) : dup2(by_open(1), 102);
}

/* The second of a pair that was asked for. */
static int second(int status, const int fds[2]) {
  return status == -1 ? -1 : fds[1];
}

static int by_pipe2(int cloexec) {
  int fds[2];
  return pipe2(fds, exec_flag(cloexec)) == -1 ? -1 : fds[0];
}

static int by_pipe2_second(int cloexec) {
  int fds[2];
  return second(pipe2(fds, exec_flag(cloexec)), fds);
}

static int socket_flag(int cloexec) {
  return cloexec ? SOCK_CLOEXEC : 0;
}

static int by_socket(int cloexec) {
  return socket(AF_UNIX, SOCK_STREAM | socket_flag(cloexec), 0);
}

static int by_socketpair(int cloexec) {
  int fds[2];
  return socketpair(AF_UNIX, SOCK_STREAM | socket_flag(cloexec), 0, fds) == -1
             ? -1
             : fds[0];
}

static int by_socketpair_second(int cloexec) {
  int fds[2];
  return second(socketpair(AF_UNIX, SOCK_STREAM | socket_flag(cloexec), 0, fds),
                fds);
}

static int by_accept4(int cloexec) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t length = sizeof(name);
  const int listener = by_socket(0);
  const int caller = by_socket(0);
  // With no name given the kernel chooses one that no file has.
  bind(listener, (struct sockaddr *)&name, sizeof(name.sun_family));
  listen(listener, 1);
  getsockname(listener, (struct sockaddr *)&name, &length);
  connect(caller, (struct sockaddr *)&name, length);
  return accept4(listener, NULL, NULL, socket_flag(cloexec));
}

struct message {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  char byte;
  struct iovec data;
  struct msghdr header;
};

static void prepare(struct message *message) {
  memset(message, 0, sizeof(*message));
  message->data = (struct iovec){&message->byte, 1};
  message->header.msg_iov = &message->data;
  message->header.msg_iovlen = 1;
  message->header.msg_control = message->control;
  message->header.msg_controllen = sizeof(message->control);
}

/* A socket where a descriptor waits. */
static int send_descriptor(void) {
  struct message message;
  int fds[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
  prepare(&message);
  struct cmsghdr *rights = CMSG_FIRSTHDR(&message.header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(rights), &fds[0], sizeof(int));
  sendmsg(fds[0], &message.header, 0);
  return fds[1];
}

static int descriptor_in(struct msghdr *message) {
  int fd = -1;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(message)), sizeof(fd));
  return fd;
}

static int by_recvmsg(int cloexec) {
  struct message message;
  prepare(&message);
  return recvmsg(send_descriptor(), &message.header,
                 cloexec ? MSG_CMSG_CLOEXEC : 0) == -1
             ? -1
             : descriptor_in(&message.header);
}

static int by_recvmmsg(int cloexec) {
  struct message message;
  struct mmsghdr many = {0};
  prepare(&message);
  many.msg_hdr = message.header;
  return recvmmsg(send_descriptor(), &many, 1, cloexec ? MSG_CMSG_CLOEXEC : 0,
                  NULL) != 1
             ? -1
             : descriptor_in(&many.msg_hdr);
}

static int by_epoll_create1(int cloexec) {
  return epoll_create1(cloexec ? EPOLL_CLOEXEC : 0);
}

static int by_eventfd(int cloexec) {
  return eventfd(0, cloexec ? EFD_CLOEXEC : 0);
}

static int by_signalfd(int cloexec) {
  sigset_t none;
  sigemptyset(&none);
  return signalfd(-1, &none, cloexec ? SFD_CLOEXEC : 0);
}

static int by_timerfd_create(int cloexec) {
  return timerfd_create(CLOCK_MONOTONIC, cloexec ? TFD_CLOEXEC : 0);
}

static int by_inotify_init1(int cloexec) {
  return inotify_init1(cloexec ? IN_CLOEXEC : 0);
}

static int by_fanotify_init(int cloexec) {
  return fanotify_init(cloexec ? FAN_CLOEXEC : 0, O_RDONLY);
}

/* The descriptor that comes with an event */
static int by_fanotify_event(int cloexec) {
  struct fanotify_event_metadata event = {.fd = -1};
  const int group = fanotify_init(FAN_NONBLOCK, O_RDONLY | exec_flag(cloexec));
  fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, file);
  close(by_open(1));
  return read(group, &event, sizeof(event)) == sizeof(event) ? event.fd : -1;
}

static int by_memfd_create(int cloexec) {
  return memfd_create("preload", cloexec ? MFD_CLOEXEC : 0);
}

#ifdef __GLIBC__
#include <sys/mount.h>
#include <sys/pidfd.h>

extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int directory, const char *path, int flags);
extern int __openat64_2(int directory, const char *path, int flags);
extern mqd_t __mq_open_2(const char *name, int flags);

static int by_open64(int cloexec) {
  return open64(file, O_RDWR | exec_flag(cloexec));
}

static int by_open_2(int cloexec) {
  return __open_2(file, O_RDWR | exec_flag(cloexec));
}

static int by_open64_2(int cloexec) {
  return __open64_2(file, O_RDWR | exec_flag(cloexec));
}

static int by_openat64(int cloexec) {
  return openat64(AT_FDCWD, file, O_RDONLY | exec_flag(cloexec));
}

static int by_openat_2(int cloexec) {
  return __openat_2(AT_FDCWD, file, O_RDONLY | exec_flag(cloexec));
}

static int by_openat64_2(int cloexec) {
  return __openat64_2(AT_FDCWD, file, O_RDONLY | exec_flag(cloexec));
}

static int by_mq_open_2(int cloexec) {
  if (!cloexec) {
    return by_open(0);
  }
  mq_close(mq_open("/preload", O_RDWR | O_CREAT, 0600, NULL));
  const int fd = __mq_open_2("/preload", O_RDWR);
  mq_unlink("/preload");
  return fd;
}

static int by_fopen64(int cloexec) {
  return number(fopen64(file, cloexec ? "re" : "r"));
}

static int by_freopen64(int cloexec) {
  return number(freopen64(file, cloexec ? "re" : "r", fopen(file, "r")));
}

static int by_tmpfile64(int cloexec) {
  return cloexec ? by_open(1) : number(tmpfile64());
}

static int by_mkostemp64(int cloexec) {
  char path[] = "mkostemp.XXXXXX";
  return mkostemp64(path, exec_flag(cloexec));
}

static int by_mkostemps64(int cloexec) {
  char path[] = "mkostemp.XXXXXX.s";
  return mkostemps64(path, 2, exec_flag(cloexec));
}

static int by_dupfd64(int cloexec) {
  return fcntl64(STDIN_FILENO, cloexec ? F_DUPFD_CLOEXEC : F_DUPFD, 100);
}

static int by_setfd64(int cloexec) {
  const int fd = by_open(0);
  return fcntl64(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0) == -1 ? -1 : fd;
}

static int by_close_range(int cloexec) {
  const int fd = by_open(0);
  const unsigned number = (unsigned)fd;
  return cloexec && close_range(number, number, CLOSE_RANGE_CLOEXEC) == -1 ? -1
                                                                           : fd;
}

static int by_pidfd_open(int cloexec) {
  return cloexec ? pidfd_open(getpid(), 0) : by_open(0);
}

static int by_pidfd_getfd(int cloexec) {
  return cloexec ? pidfd_getfd(pidfd_open(getpid(), 0), STDIN_FILENO, 0)
                 : by_open(0);
}

static int by_open_tree(int cloexec) {
  return open_tree(AT_FDCWD, ".", cloexec ? OPEN_TREE_CLOEXEC : 0);
}

static int by_fsopen(int cloexec) {
  return fsopen("tmpfs", cloexec ? FSOPEN_CLOEXEC : 0);
}

static int by_fspick(int cloexec) {
  return fspick(AT_FDCWD, "/proc", cloexec ? FSPICK_CLOEXEC : 0);
}

static int by_fsmount(int cloexec) {
  const int context = by_fsopen(1);
  return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == -1
             ? -1
             : fsmount(context, cloexec ? FSMOUNT_CLOEXEC : 0, 0);
}
#endif

const struct interface interfaces[] = {
    {"open", by_open, born},
    {"open O_CREAT", by_open_creat, born},
    {"open O_PATH", by_open_path, born},
    {"open O_TMPFILE", by_open_tmpfile, born},
    {"open O_DIRECTORY", by_open_directory, born},
    {"openat", by_openat, born},
    {"fopen r", by_fopen_r, born},
    {"fopen w", by_fopen_w, born},
    {"fopen a+", by_fopen_a, born},
    {"fopen rm", by_fopen_m, late},
    {"freopen", by_freopen, late},
    {"fdopen", by_fdopen, born},
    {"popen", by_popen, late},
    {"tmpfile", by_tmpfile, born},
    {"opendir", by_opendir, late},
    {"fdopendir", by_fdopendir, late},
    {"mkostemp", by_mkostemp, born},
    {"mkostemps", by_mkostemps, born},
    {"posix_openpt", by_posix_openpt, born},
    {"open_by_handle_at", by_open_by_handle_at, born},
    {"shm_open", by_shm_open, born},
    {"mq_open", by_mq_open, late},
    {"F_DUPFD_CLOEXEC", by_dupfd, late},
    {"F_SETFD", by_setfd, late},
    {"F_SETFD of F_GETFD", by_setfd_off, late},
    {"FIOCLEX", by_fioclex, late},
    {"dup3", by_dup3, born},
    {"dup2", by_dup2, born},
    {"pipe2", by_pipe2, born},
    {"pipe2, second", by_pipe2_second, born},
    {"socket", by_socket, born},
    {"socketpair", by_socketpair, born},
    {"socketpair, second", by_socketpair_second, born},
    {"accept4", by_accept4, born},
    {"recvmsg", by_recvmsg, born},
    {"recvmmsg", by_recvmmsg, born},
    {"epoll_create1", by_epoll_create1, born},
    {"eventfd", by_eventfd, born},
    {"signalfd", by_signalfd, born},
    {"timerfd_create", by_timerfd_create, born},
    {"inotify_init1", by_inotify_init1, born},
    {"fanotify_init", by_fanotify_init, born},
    {"fanotify event", by_fanotify_event, born},
    {"memfd_create", by_memfd_create, born},
#ifdef __GLIBC__
    {"open64", by_open64, born},
    {"__open_2", by_open_2, born},
    {"__open64_2", by_open64_2, born},
    {"openat64", by_openat64, born},
    {"__openat_2", by_openat_2, born},
    {"__openat64_2", by_openat64_2, born},
    {"__mq_open_2", by_mq_open_2, late},
    {"fopen64", by_fopen64, born},
    {"freopen64", by_freopen64, late},
    {"tmpfile64", by_tmpfile64, born},
    {"mkostemp64", by_mkostemp64, born},
    {"mkostemps64", by_mkostemps64, born},
    {"F_DUPFD_CLOEXEC of fcntl64", by_dupfd64, late},
    {"F_SETFD of fcntl64", by_setfd64, late},
    {"close_range", by_close_range, born},
    {"pidfd_open", by_pidfd_open, late},
    {"pidfd_getfd", by_pidfd_getfd, late},
    {"open_tree", by_open_tree, born},
    {"fsopen", by_fsopen, born},
    {"fspick", by_fspick, born},
    {"fsmount", by_fsmount, born},
#endif
    {NULL, NULL, late},
};
