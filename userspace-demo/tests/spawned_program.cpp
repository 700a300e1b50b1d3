// SPDX-License-Identifier: MIT
// A program to be spawned: tells as JSON, on standard output or the descriptor
// that its argument names, what it finds itself with.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using nlohmann::json;

namespace {

/// Number to where it leads and what flags it has. By asking for each number:
/// a list in /proc needs a descriptor of its own.
json descriptors() {
  json found = json::object();
  for (int fd = 0; fd < 4096; ++fd) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags == -1) {
      continue;
    }
    std::error_code ignored;
    const auto name = std::to_string(fd);
    found[name] = {
        {"path", std::filesystem::read_symlink("/proc/self/fd/" + name, ignored)
                     .string()},
        {"flags", flags},
        {"status", fcntl(fd, F_GETFL)}};
  }
  return found;
}

/// The lines of /proc/self/status.
json status() {
  json lines = json::object();
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(":\t");
    if (colon != std::string::npos) {
      lines[line.substr(0, colon)] = line.substr(colon + 2);
    }
  }
  return lines;
}

json limits() {
  json all = json::array();
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    all.push_back({limit.rlim_cur, limit.rlim_max});
  }
  return all;
}

json environment() {
  json all = json::array();
  for (char **each = environ; *each != nullptr; ++each) {
    all.push_back(*each);
  }
  return all;
}

std::string cgroup() {
  std::ifstream file("/proc/self/cgroup");
  return {std::istreambuf_iterator<char>(file), {}};
}

int tell(int argc, char **argv) {
  const json open = descriptors(); // first: nothing else is open yet
  const mode_t mask = umask(0);
  sched_param parameters{};
  sched_getparam(0, &parameters);
  int death = 0;
  prctl(PR_GET_PDEATHSIG, &death);
  const json told{
      {"arguments", std::vector<std::string>(argv, argv + argc)},
      {"environment", environment()},
      {"descriptors", open},
      {"directory", std::filesystem::current_path().string()},
      {"umask", mask},
      {"pid", getpid()},
      {"parent", getppid()},
      {"group", getpgrp()},
      {"session", getsid(0)},
      {"has_terminal", ::open("/dev/tty", O_RDWR | O_CLOEXEC) != -1},
      {"limits", limits()},
      {"policy", sched_getscheduler(0)},
      {"priority", parameters.sched_priority},
      {"nice", getpriority(PRIO_PROCESS, 0)},
      {"death_signal", death},
      {"cgroup", cgroup()},
      {"status", status()},
  };
  const int to = argc > 1 ? std::atoi(argv[1]) : STDOUT_FILENO;
  return dprintf(to, "%s", told.dump().c_str()) > 0 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  try {
    return tell(argc, argv);
  } catch (...) {
    return 1;
  }
}
