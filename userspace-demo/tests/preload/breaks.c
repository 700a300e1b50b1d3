// SPDX-License-Identifier: MIT
// Programs that need in a child what is marked, whether they have made it
// close-on-exec or opened it for writing.
#include "unaware.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void show_worker(pid_t worker) {
  int status = -1;
  waitpid(worker, &status, 0);
  printf("the worker: %s\n", strerror(WEXITSTATUS(status)));
}

/* A server whose worker, a child that never executes anything, accepts. */
int show_prefork(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  socklen_t length = sizeof(name);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int caller = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  bind(listener, (struct sockaddr *)&name, sizeof(name.sun_family));
  listen(listener, 1);
  getsockname(listener, (struct sockaddr *)&name, &length);
  connect(caller, (struct sockaddr *)&name, length);
  const pid_t worker = fork();
  if (worker == 0) {
    _exit(accept4(listener, NULL, NULL, SOCK_CLOEXEC) == -1 ? errno : 0);
  }
  show_worker(worker);
  return 0;
}

/* A worker that writes to its parent's log, which is not close-on-exec. */
int show_log(void) {
  FILE *log = fopen("log", "a");
  const pid_t worker = fork();
  if (worker == 0) {
    _exit(fputs("started\n", log) < 0 || fflush(log) != 0 ? errno : 0);
  }
  show_worker(worker);
  return 0;
}

/* A child to which the parent's file, not close-on-exec, is standard output. */
int show_redirection(void) {
  const int fd = open("file", O_WRONLY);
  const pid_t worker = fork();
  if (worker == 0) {
    _exit(dup2(fd, STDOUT_FILENO) == -1 ? errno : 0);
  }
  show_worker(worker);
  return 0;
}

/* The child tells of a failed exec through a pipe that exec would close. */
int show_exec_error_pipe(void) {
  int fds[2];
  int failed = 0;
  if (pipe2(fds, O_CLOEXEC) == -1) {
    return 1;
  }
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGPIPE, SIG_IGN);
    execl("missing", "missing", NULL);
    failed = errno;
    _exit(write(fds[1], &failed, sizeof(failed)) == sizeof(failed) ? 0 : 1);
  }
  close(fds[1]);
  const ssize_t told = read(fds[0], &failed, sizeof(failed));
  waitpid(child, NULL, 0);
  printf("exec: %s\n",
         told == sizeof(failed) ? strerror(failed) : "no error told");
  return 0;
}

/* A file that a program started with posix_spawn() is to write to. */
int show_spawn_action(void) {
  static char *arguments[] = {"sh", "-c", "echo", NULL};
  posix_spawn_file_actions_t actions;
  pid_t child = -1;
  const int fd = open("file", O_WRONLY | O_CLOEXEC);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
  const int failed =
      posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, NULL);
  posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) {
    waitpid(child, NULL, 0);
  }
  printf("posix_spawn: %s\n", strerror(failed));
  return 0;
}
