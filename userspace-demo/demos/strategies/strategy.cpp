// SPDX-License-Identifier: MIT
#include "strategy.h"

#include "close_all.h"
#include "run_program.h"
#include "strategies.h"

#include <close_on_fork.h>
#include <fcntl.h>

namespace clofork::demo {
namespace {

template <class Strategy>
std::unique_ptr<strategy> make() {
  return std::make_unique<Strategy>();
}

} // namespace

result<void> strategy::write(const std::string &path) {
  auto file =
      write_program(path.c_str(), image_of(program::static_elf), flags_);
  if (!file) {
    return file.error();
  }
  if (const auto failed = close(*file)) {
    return error{"close", failed};
  }
  return {};
}

result<bool> strategy::run(const std::string &path,
                           std::atomic<int> &exec_errno) {
  return run_program(spawn_method::fork, path.c_str(), exec_errno);
}

const std::array<named_strategy, 10> &all_strategies() noexcept {
  static constexpr std::array<named_strategy, 10> all{{
      {"nothing", "close-on-exec alone", make<strategy>},
      {"retry", "sleep after ETXTBSY, and try again", make<retry>},
      {"lock", "forks and closes take turns", make<fork_close_lock>},
      {"close-above", "the child closes every number from 3 on",
       []() -> std::unique_ptr<strategy> {
         return std::make_unique<close_in_child>(close_above(3));
       }},
      {"proc-walk", "the child closes what /proc/self/fd lists",
       []() -> std::unique_ptr<strategy> {
         return std::make_unique<close_in_child>(close_listed);
       }},
      {"close_range", "the child calls close_range",
       []() -> std::unique_ptr<strategy> {
         return std::make_unique<close_in_child>([] { close_from(3); });
       }},
      {"status-pipe", "one fork at a time, until it has executed",
       make<status_pipe>},
      {"flock", "wait for the children that keep up a lock", make<flock_drain>},
      {"library", "clofork::executable_file and clofork::spawn", make<library>},
      {"O_CLOFORK", "the kernel copies no such descriptor",
       [] { return std::make_unique<strategy>(O_CLOFORK); },
       &feature_set::open},
  }};
  return all;
}

} // namespace clofork::demo
