// SPDX-License-Identifier: MIT
// What must be the same with the preloaded library and without it.
#include "unaware.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A value, and the errno, which success must not touch. */
static void show(const char *what, long value) {
  printf("%s: %ld, errno %d\n", what, value, errno);
  errno = E2BIG;
}

static long permissions(int fd) {
  struct stat about;
  fstat(fd, &about);
  return about.st_mode;
}

static void show_modes(void) {
  errno = E2BIG;
  show("open O_CREAT",
       permissions(open("mode", O_WRONLY | O_CREAT | O_CLOEXEC, 0640)));
  show("open O_TMPFILE",
       permissions(open(".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0604)));
  show("openat O_CREAT",
       permissions(
           openat(AT_FDCWD, "mode2", O_RDWR | O_CREAT | O_CLOEXEC, 0460)));
  show("creat", permissions(creat("mode3", 0620)));
  show("mkstemp", permissions(mkstemp((char[]){"mode.XXXXXX"})));
  show("fopen", permissions(fileno(fopen("mode4", "we"))));
  show("freopen",
       permissions(fileno(freopen("mode5", "w", fopen("file", "r")))));
  show("tmpfile", permissions(fileno(tmpfile())));
  show("shm_open", permissions(shm_open("/behaviour", O_RDWR | O_CREAT, 0620)));
  shm_unlink("/behaviour");
  errno = E2BIG;
  show("mq_open",
       permissions((int)mq_open("/behaviour", O_RDWR | O_CREAT, 0630, NULL)));
  mq_unlink("/behaviour");
  errno = E2BIG;
}

static void show_fcntl(void) {
  const int fd = open("file", O_RDWR | O_CLOEXEC);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int waiting = -1;
  int fds[2];
  show("F_GETFD", fcntl(fd, F_GETFD));
  show("F_GETFL", fcntl(fd, F_GETFL));
  show("F_SETLK", fcntl(fd, F_SETLK, &lock));
  show("F_GETLK", fcntl(fd, F_GETLK, &lock));
  show("F_DUPFD_CLOEXEC", fcntl(fd, F_DUPFD_CLOEXEC, 321));
  show("F_GETFD of it", fcntl(321, F_GETFD));
  show("F_DUPFD", fcntl(fd, F_DUPFD, 331));
  show("F_SETFD", fcntl(fd, F_SETFD, 0));
  show("F_GETFD", fcntl(fd, F_GETFD));
  show("pipe2", pipe2(fds, O_CLOEXEC | O_NONBLOCK));
  show("F_GETFL", fcntl(fds[0], F_GETFL));
  show("write", write(fds[1], "four", 4));
  show("ioctl", ioctl(fds[0], FIONREAD, &waiting));
  show("FIONREAD", waiting);
  show("F_SETPIPE_SZ", fcntl(fds[0], F_SETPIPE_SZ, 8192));
  show("F_GETPIPE_SZ", fcntl(fds[0], F_GETPIPE_SZ));
}

static void show_flags(void) {
  char zero[8];
  const int events = eventfd(7, EFD_CLOEXEC | EFD_NONBLOCK);
  show("eventfd", read(events, zero, 8));
  show("its value", zero[0]);
  show("nothing", read(events, zero, 8));
  errno = E2BIG;
  show("timerfd_create",
       fcntl(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
             F_GETFL));
  show("socket",
       fcntl(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
             F_GETFL));
  show("memfd_create",
       fcntl(memfd_create("b", MFD_CLOEXEC | MFD_ALLOW_SEALING), F_GET_SEALS));
  show("dup3", dup3(0, 341, O_CLOEXEC));
  show("open", fcntl(open("file", O_RDWR | O_APPEND | O_CLOEXEC), F_GETFL));
}

static void show_failures(void) {
  struct msghdr message = {0};
  int fds[2];
  sigset_t none;
  sigemptyset(&none);
  show("open", open("missing", O_RDONLY | O_CLOEXEC));
  show("open O_EXCL",
       open("file", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  show("open directory", open(".", O_WRONLY | O_CLOEXEC));
  show("openat", openat(-1, "file", O_WRONLY | O_CLOEXEC));
  show("creat", creat("missing/file", 0600));
  show("mkostemp", mkostemp((char[]){"short"}, O_CLOEXEC));
  show("fopen", (long)fopen("missing", "re"));
  show("fopen wx", (long)fopen("file", "wxe"));
  show("freopen missing", (long)freopen("missing", "r", fopen("file", "r")));
  show("shm_open", shm_open("/missing", O_RDWR, 0));
  show("fopen q", (long)fopen("file", "qe"));
  show("popen", (long)popen("true", "x"));
  show("opendir", (long)opendir("missing"));
  show("fcntl F_SETFD", fcntl(-1, F_SETFD, FD_CLOEXEC));
  show("fcntl F_GETFD", fcntl(-1, F_GETFD));
  show("fcntl F_DUPFD_CLOEXEC", fcntl(-1, F_DUPFD_CLOEXEC, 0));
  show("fcntl F_DUPFD_CLOEXEC -1", fcntl(0, F_DUPFD_CLOEXEC, -1));
  show("fcntl", fcntl(0, 12345, 0));
  show("ioctl", ioctl(-1, FIOCLEX));
  show("dup3", dup3(0, 0, O_CLOEXEC));
  show("dup3", dup3(-1, 5, O_CLOEXEC));
  show("pipe2", pipe2(fds, O_CLOEXEC | 1));
  show("socket", socket(AF_UNIX, SOCK_CLOEXEC | 15, 0));
  show("socketpair", socketpair(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  show("accept4", accept4(0, NULL, NULL, SOCK_CLOEXEC));
  show("recvmsg", recvmsg(-1, &message, MSG_CMSG_CLOEXEC));
  show("epoll_create1", epoll_create1(EPOLL_CLOEXEC | 1));
  show("eventfd", eventfd(0, EFD_CLOEXEC | 2));
  show("signalfd", signalfd(0, &none, SFD_CLOEXEC));
  show("timerfd_create", timerfd_create(99, TFD_CLOEXEC));
  show("inotify_init1", inotify_init1(IN_CLOEXEC | 1));
  show("memfd_create", memfd_create(NULL, MFD_CLOEXEC));
  show("mq_open", (long)mq_open("missing", O_RDONLY));
}

/* A thread is cancelled in a call that waits, and cleans up. */
static void cleaned(void *by) {
  *(int *)by = 1;
}

struct waiting {
  int (*wait)(int fd);
  int fd;
  int clean;
};

static void *wait_in(void *given) {
  struct waiting *waiting = given;
  pthread_cleanup_push(cleaned, &waiting->clean);
  waiting->wait(waiting->fd);
  pthread_cleanup_pop(0);
  return NULL;
}

static int wait_in_accept4(int fd) {
  return accept4(fd, NULL, NULL, SOCK_CLOEXEC);
}

static int wait_in_open(int fd) {
  (void)fd;
  return open("fifo", O_RDONLY | O_CLOEXEC);
}

static int wait_in_recvmsg(int fd) {
  struct msghdr message = {0};
  return (int)recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
}

static void show_cancelled(const char *name, int (*wait)(int), int fd) {
  struct waiting waiting = {wait, fd, 0};
  pthread_t thread;
  void *result = NULL;
  pthread_create(&thread, NULL, wait_in, &waiting);
  pthread_cancel(thread); // in the call or before it, it acts there
  pthread_join(thread, &result);
  show(name, result == PTHREAD_CANCELED && waiting.clean);
}

#ifdef __GLIBC__ // in musl F_SETLKW alone
static int wait_in_lock(int fd) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  return fcntl(fd, F_OFD_SETLKW, &lock);
}

static void show_lock_cancelled(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  fcntl(open("file", O_RDWR), F_OFD_SETLK, &lock);
  show_cancelled("F_OFD_SETLKW cancelled", wait_in_lock, open("file", O_RDWR));
}
#else
static void show_lock_cancelled(void) {}
#endif

static void show_cancellation(void) {
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  int fds[2];
  bind(listener, &(struct sockaddr){AF_UNIX, ""}, sizeof(sa_family_t));
  listen(listener, 1);
  socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  mkfifo("fifo", 0600);
  show_cancelled("accept4 cancelled", wait_in_accept4, listener);
  show_cancelled("open cancelled", wait_in_open, -1);
  show_cancelled("recvmsg cancelled", wait_in_recvmsg, fds[0]);
  show_lock_cancelled();
}

static void *make_many(void *unused) {
  for (int round = 0; round < 100; ++round) {
    int fds[2];
    const int copy = fcntl(0, F_DUPFD_CLOEXEC, 0);
    if (pipe2(fds, O_CLOEXEC) == 0 && copy != -1) {
      close(fds[0]);
      close(fds[1]);
      close(copy);
    }
    FILE *stream = fopen("file", "re");
    if (stream != NULL) {
      fclose(stream);
    }
  }
  return unused;
}

static void show_threads(void) {
  pthread_t threads[4];
  for (size_t each = 0; each < 4; ++each) {
    pthread_create(&threads[each], NULL, make_many, NULL);
  }
  for (size_t each = 0; each < 4; ++each) {
    pthread_join(threads[each], NULL);
  }
  show("descriptors left", dup(0) >= 0);
}

int show_behaviour(void) {
  show_modes();
  show_fcntl();
  show_flags();
  show_failures();
  show_cancellation();
  show_threads();
  return 0;
}
