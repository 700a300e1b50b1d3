// SPDX-License-Identifier: MIT
// drain_bench NAME PROGRAMS BYTES: runs so many programs at once that write so
// much each, drains them by one library, and tells as JSON how long it took
// and what memory it needed. A process for each, as the memory is its peak.
#include "drain.h"

#include <array>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <sys/resource.h>

namespace {

struct contestant {
  std::string_view name;
  drained (*drain)(const drain_workload &);
};

constexpr std::array contestants{
    contestant{"clofork, io_uring", drain_with_io_uring},
    contestant{"clofork, epoll", drain_with_epoll},
    contestant{"GLib", drain_with_glib},
    contestant{"Boost.Process v2, asio", drain_with_asio},
};

/// As far as it may.
void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void measure(const contestant &each, const drain_workload &load) {
  using clock = std::chrono::steady_clock;
  const auto start = clock::now();
  const auto all = each.drain(load);
  const std::chrono::duration<double> time = clock::now() - start;
  rusage self{};
  getrusage(RUSAGE_SELF, &self);
  const auto seconds = [](const timeval &value) {
    return static_cast<double>(value.tv_sec) +
           static_cast<double>(value.tv_usec) / 1e6;
  };
  std::cout << nlohmann::json{{"name", each.name},
                              {"programs", load.programs},
                              {"succeeded", all.succeeded},
                              {"bytes", all.bytes},
                              {"expected_bytes", load.programs * load.bytes},
                              {"seconds", time.count()},
                              {"own_cpu_seconds",
                               seconds(self.ru_utime) + seconds(self.ru_stime)},
                              {"peak_kib", self.ru_maxrss}}
            << '\n';
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::cerr << "usage: drain_bench NAME PROGRAMS BYTES\n";
    return 2;
  }
  raise_descriptor_limit();
  for (const auto &each : contestants) {
    if (each.name == argv[1]) {
      measure(each, {std::stoul(argv[2]), std::stoul(argv[3])});
      return 0;
    }
  }
  std::cerr << "drain_bench: there is no " << argv[1] << '\n';
  return 2;
}
