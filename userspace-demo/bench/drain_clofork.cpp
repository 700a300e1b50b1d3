// SPDX-License-Identifier: MIT
#include "clofork/process_ring.h"
#include "drain.h"

#include <iostream>

namespace {

drained drain_with(clofork::ring_engine engine, const drain_workload &load) {
  drained all;
  auto ring = clofork::process_ring::create(
      {.concurrency = load.programs, .engine = engine});
  if (!ring) {
    std::cerr << ring.error().message() << '\n';
    return all;
  }
  const clofork::process_handlers handlers{
      .output = [&](clofork::child_stream,
                    std::string_view part) { all.bytes += part.size(); },
      .ended =
          [&](clofork::outcome &&what) {
            all.succeeded += what.success() ? 1 : 0;
          }};
  for (std::size_t number = 0; number < load.programs; ++number) {
    const auto arguments = drain_arguments(load, number);
    (void)ring->submit({.program = arguments[0],
                        .arguments = {arguments.begin(), arguments.end()}},
                       {}, handlers);
  }
  (void)ring->drive();
  return all;
}

} // namespace

drained drain_with_io_uring(const drain_workload &load) {
  return drain_with(clofork::ring_engine::io_uring, load);
}

drained drain_with_epoll(const drain_workload &load) {
  return drain_with(clofork::ring_engine::epoll, load);
}
