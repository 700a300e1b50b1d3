// SPDX-License-Identifier: MIT
// usage: write_and_run IMAGE DIRECTORY THREADS ROUNDS
// Threads that each write an executable, close it, fork and execute it. Prints
// how many of the rounds ended in ETXTBSY.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { busy_status = 101, other_status = 102 };

static char *image;
static size_t image_size;
static const char *directory;
static int rounds;
static atomic_int next_round;
static atomic_int busy_rounds;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void read_image(const char *path) {
  struct stat about;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1 || fstat(fd, &about) == -1) {
    fail(path);
  }
  image_size = (size_t)about.st_size;
  image = malloc(image_size);
  if (image == NULL || read(fd, image, image_size) != (ssize_t)image_size) {
    fail(path);
  }
  close(fd);
}

static void write_program(const char *path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
  if (fd == -1 || write(fd, image, image_size) != (ssize_t)image_size ||
      close(fd) == -1) {
    fail(path);
  }
}

static int run_program(char *path) {
  char *arguments[] = {path, NULL};
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    execv(path, arguments);
    _exit(errno == ETXTBSY ? busy_status : other_status);
  }
  if (child == -1 || waitpid(child, &status, 0) == -1) {
    fail("fork");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : other_status;
}

static void *play(void *unused) {
  for (int round; (round = next_round++) < rounds;) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%d", directory, round);
    write_program(path);
    const int status = run_program(path);
    if (status == busy_status) {
      ++busy_rounds;
    } else if (status != 0) {
      fprintf(stderr, "%s ended with status %d\n", path, status);
      exit(1);
    }
    unlink(path);
  }
  return unused;
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fputs("usage: write_and_run IMAGE DIRECTORY THREADS ROUNDS\n", stderr);
    return 2;
  }
  read_image(argv[1]);
  directory = argv[2];
  const int count = atoi(argv[3]);
  rounds = atoi(argv[4]);
  pthread_t threads[count];
  for (int each = 0; each < count; ++each) {
    if (pthread_create(&threads[each], NULL, play, NULL) != 0) {
      fail("pthread_create");
    }
  }
  for (int each = 0; each < count; ++each) {
    pthread_join(threads[each], NULL);
  }
  printf("%d\n", busy_rounds);
  return 0;
}
