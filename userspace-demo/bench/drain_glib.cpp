// SPDX-License-Identifier: MIT
#include "drain.h"

#include <fcntl.h>
#include <glib-unix.h>
#include <glib.h>
#include <unistd.h>
#include <vector>

namespace {

struct loop {
  drained all;
  GMainLoop *main = nullptr;
  std::size_t open = 0; ///< streams and programs that are not over
  std::vector<char> block = std::vector<char>(65536);

  void close_one() {
    if (--open == 0) {
      g_main_loop_quit(main);
    }
  }
};

gboolean on_readable(gint fd, GIOCondition /*ready*/, gpointer data) {
  auto &all = *static_cast<loop *>(data);
  const ssize_t got = read(fd, all.block.data(), all.block.size());
  if (got > 0) {
    all.all.bytes += static_cast<std::size_t>(got);
    return G_SOURCE_CONTINUE;
  }
  close(fd);
  all.close_one();
  return G_SOURCE_REMOVE;
}

void on_end(GPid /*pid*/, gint status, gpointer data) {
  auto &all = *static_cast<loop *>(data);
  all.all.succeeded += status == 0 ? 1 : 0;
  all.close_one();
}

void start(loop &all, const drain_workload &load, std::size_t number) {
  const auto words = drain_arguments(load, number);
  std::vector<char *> arguments;
  for (const auto &each : words) {
    arguments.push_back(const_cast<char *>(each.c_str()));
  }
  arguments.push_back(nullptr);
  GPid pid = 0;
  gint output = -1;
  gint errors = -1;
  if (g_spawn_async_with_pipes(nullptr, arguments.data(), nullptr,
                               G_SPAWN_DO_NOT_REAP_CHILD, nullptr, nullptr,
                               &pid, nullptr, &output, &errors,
                               nullptr) == FALSE) {
    return;
  }
  for (const int fd : {output, errors}) {
    g_unix_set_fd_nonblocking(fd, TRUE, nullptr);
    g_unix_fd_add(fd, static_cast<GIOCondition>(G_IO_IN | G_IO_HUP),
                  on_readable, &all);
  }
  g_child_watch_add(pid, on_end, &all);
  all.open += 3;
}

} // namespace

drained drain_with_glib(const drain_workload &load) {
  loop all;
  all.main = g_main_loop_new(nullptr, FALSE);
  for (std::size_t number = 0; number < load.programs; ++number) {
    start(all, load, number);
  }
  if (all.open > 0) {
    g_main_loop_run(all.main);
  }
  g_main_loop_unref(all.main);
  return all.all;
}
