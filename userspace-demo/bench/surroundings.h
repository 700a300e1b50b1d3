// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// What the cost of a spawn may depend on in the process that spawns.
struct surroundings {
  std::size_t descriptors = 0;
  std::size_t resident_mib = 0;

  /// Removes --descriptors=N and --resident-mib=N from the arguments.
  static surroundings take_from(int &argc, char **argv);

  /// Opens and touches as much, to stay so. Raises the limit of descriptors
  /// as far as it may: how many there are in the end is what it returns.
  std::size_t establish() const;

  /// As arguments of a program that does the same.
  [[nodiscard]] std::vector<std::string> arguments() const;
};
