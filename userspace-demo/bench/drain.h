// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <string>

/// Programs that all write as much to each of standard output and errors.
struct drain_workload {
  std::size_t programs;
  std::size_t bytes; ///< of both together
};

/// The arguments of one of them, from argv[0] on.
inline std::array<std::string, 4> drain_arguments(const drain_workload &load,
                                                  std::size_t number) {
  const auto half = std::to_string(load.bytes / 2);
  return {DRAIN_PROGRAM, std::to_string(number), half, half};
}

/// What arrived. All are started without waiting for any to end.
struct drained {
  std::size_t bytes = 0;
  std::size_t succeeded = 0; ///< programs that exited with 0
};

drained drain_with_io_uring(const drain_workload &load);
drained drain_with_epoll(const drain_workload &load);
drained drain_with_glib(const drain_workload &load);
drained drain_with_asio(const drain_workload &load);
