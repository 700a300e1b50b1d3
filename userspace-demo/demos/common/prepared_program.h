// SPDX-License-Identifier: MIT
#pragma once

#include "options.h"

#include <atomic>
#include <string>

namespace clofork::demo {

/// A program that is complete before the threads of a race begin, so that they
/// can run it without a race of its own.
class prepared_program {
public:
  /// Errors: those of open, write and close(2).
  static result<prepared_program> write(const options &opts,
                                        const std::string &directory);

  /// Ends a round: runs the program, if what came before it did not fail, and
  /// returns whether that was lost. Errors: as run_program(), with ETXTBSY
  /// among them.
  result<bool> run_after(const result<bool> &lost,
                         std::atomic<int> &exec_errno) const noexcept;

private:
  prepared_program(spawn_method spawn, std::string path)
      : spawn_(spawn), path_(std::move(path)) {}

  spawn_method spawn_;
  std::string path_;
};

} // namespace clofork::demo
