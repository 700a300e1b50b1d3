// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "clofork/result.h"
#include "clofork/unique_fd.h"
#include "program.h"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <string_view>

namespace clofork::demo {

/// How a program that writes and runs programs keeps ETXTBSY away. This one
/// does nothing about it. All of it is called from many threads.
class strategy {
public:
  /// flags: of open(2), for the descriptor that is written through.
  explicit strategy(int flags = 0) noexcept : flags_(flags) {}
  virtual ~strategy() = default;
  strategy(const strategy &) = delete;
  strategy &operator=(const strategy &) = delete;

  /// Writes the static program, and leaves it closed. Errors: of the system
  /// call that failed.
  virtual result<void> write(const std::string &path);

  /// Runs it in a child and waits. True when ETXTBSY was the end of it;
  /// anything else that fails is the error.
  virtual result<bool> run(const std::string &path,
                           std::atomic<int> &exec_errno);

  /// close(2) as all of the program must call it for the cure to hold.
  virtual std::error_code close(unique_fd &descriptor) noexcept {
    return descriptor.close();
  }

private:
  const int flags_;
};

/// A strategy by its name on the command line.
struct named_strategy {
  std::string_view name;
  const char *words; ///< what it does, for --help
  std::unique_ptr<strategy> (*make)();
  /// What the kernel must honour; null for nothing.
  bool feature_set::*interface = nullptr;
};

/// All that are compared, in the order of the report.
const std::array<named_strategy, 10> &all_strategies() noexcept;

} // namespace clofork::demo
