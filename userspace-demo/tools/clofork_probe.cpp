// SPDX-License-Identifier: MIT
// clofork-probe: what the running kernel, through the filters of this process,
// has of close-on-fork.
#include "clofork/features.h"

#include <array>
#include <cstdio>
#include <exception>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>
#include <sys/utsname.h>

namespace {

using clofork::feature_set;
using clofork::system_call_set;
using json = nlohmann::ordered_json;

enum status { told = 0, failed = 1, usage = 2 };

template <class Set>
struct row {
  const char *key;
  const char *text;
  bool Set::*answer;
};

constexpr std::array interfaces{
    row<feature_set>{"setfd", "fcntl(F_SETFD)", &feature_set::setfd},
    row<feature_set>{"open", "open, openat", &feature_set::open},
    row<feature_set>{"openat2", "openat2", &feature_set::openat2},
    row<feature_set>{"dupfd", "fcntl(F_DUPFD_CLOFORK)", &feature_set::dupfd},
    row<feature_set>{"dup3", "dup3", &feature_set::dup3},
    row<feature_set>{"pipe2", "pipe2", &feature_set::pipe2},
    row<feature_set>{"socket", "socket", &feature_set::socket},
    row<feature_set>{"socketpair", "socketpair", &feature_set::socketpair},
    row<feature_set>{"accept4", "accept4", &feature_set::accept4},
    row<feature_set>{"recvmsg", "recvmsg(MSG_CMSG_CLOFORK)",
                     &feature_set::recvmsg},
    row<feature_set>{"memfd_create", "memfd_create",
                     &feature_set::memfd_create},
    row<feature_set>{"eventfd2", "eventfd2", &feature_set::eventfd2},
    row<feature_set>{"epoll_create1", "epoll_create1",
                     &feature_set::epoll_create1},
    row<feature_set>{"timerfd_create", "timerfd_create",
                     &feature_set::timerfd_create},
    row<feature_set>{"close_range", "close_range(CLOSE_RANGE_CLOFORK)",
                     &feature_set::close_range},
    row<feature_set>{"io_uring", "io_uring", &feature_set::io_uring},
};

constexpr std::array calls{
    row<system_call_set>{"close_range", "close_range",
                         &system_call_set::close_range},
    row<system_call_set>{"clone3", "clone3", &system_call_set::clone3},
    row<system_call_set>{"pidfd", "pidfd: open, signal, wait",
                         &system_call_set::pidfd},
    row<system_call_set>{"clone_into_cgroup", "clone3(CLONE_INTO_CGROUP)",
                         &system_call_set::clone_into_cgroup},
    row<system_call_set>{"io_uring", "io_uring, for process_ring",
                         &system_call_set::io_uring},
};

static_assert(sizeof(system_call_set) == calls.size());
static_assert(sizeof(feature_set) == interfaces.size() + calls.size());

constexpr std::string_view usage_text = R"(Usage: clofork-probe [--json]
Tell which interfaces of the running kernel honour close-on-fork, and which
newer system calls there are for spawning without races. Each is tried; what a
seccomp filter refuses counts as absent.

  --json  print the answers as JSON
  --help  print this text

Exit status: 0 told, 1 the kernel did not answer, 2 wrong usage.
)";

template <class Set, std::size_t N>
void print_rows(const std::array<row<Set>, N> &rows, const Set &set) {
  for (const auto &[key, text, answer] : rows) {
    std::cout << "  " << std::left << std::setw(34) << text
              << (set.*answer ? "yes" : "no") << '\n';
  }
}

template <class Set, std::size_t N>
json object_of(const std::array<row<Set>, N> &rows, const Set &set) {
  json object;
  for (const auto &[key, text, answer] : rows) {
    object[key] = set.*answer;
  }
  return object;
}

void print_table(const char *kernel, const feature_set &set) {
  std::cout << "Linux " << kernel << "\n\nclose-on-fork\n";
  print_rows(interfaces, set);
  std::cout << "\nsystem calls\n";
  print_rows(calls, set.calls);
}

void print_json(const char *kernel, const feature_set &set) {
  const json all{{"kernel", kernel},
                 {"close_on_fork", object_of(interfaces, set)},
                 {"system_calls", object_of(calls, set.calls)}};
  std::cout << all.dump(2) << '\n';
}

status probe(bool as_json) {
  const auto probed = clofork::probe_features();
  if (!probed) {
    std::cerr << "clofork-probe: " << probed.error().message() << '\n';
    return failed;
  }
  utsname system{};
  uname(&system);
  (as_json ? print_json : print_table)(system.release, *probed);
  if (!std::cout.flush()) {
    std::perror("clofork-probe: writing the result");
    return failed;
  }
  return told;
}

} // namespace

int main(int argc, char **argv) try {
  const std::string_view option = argc > 1 ? argv[1] : "";
  if (argc == 2 && option == "--help") {
    return std::cout << usage_text << std::flush ? told : failed;
  }
  if (argc > 2 || (argc == 2 && option != "--json")) {
    std::cerr << "clofork-probe: takes --json or nothing, not '"
              << argv[argc - 1] << "'\nTry clofork-probe --help.\n";
    return usage;
  }
  return probe(option == "--json");
} catch (const std::exception &exception) {
  std::fprintf(stderr, "clofork-probe: %s\n", exception.what());
  return failed;
}
