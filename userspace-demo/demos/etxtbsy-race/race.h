// SPDX-License-Identifier: MIT
#pragma once

#include "options.h"
#include "signals.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace clofork::etxtbsy_race {

struct race_result {
  std::uint64_t rounds = 0; ///< that came to an end
  std::uint64_t busy = 0;   ///< of these, the ones with ETXTBSY
  double seconds = 0;
  std::optional<error> failure = std::nullopt; ///< what stopped the run early
  std::optional<int> signal = std::nullopt;    ///< the signal that stopped it
};

/// One run: its threads take rounds from a common number until none is left,
/// one of them fails, or a signal comes.
class race {
public:
  /// Called every 200 ms with the rounds and ETXTBSYs so far.
  using progress = std::function<void(std::uint64_t, std::uint64_t)>;

  /// The programs are written to the directory, which must be empty and is
  /// again after a run without failure.
  race(const options &opts, const std::string &directory,
       termination_signals &signals)
      : options_(opts), directory_(directory), signals_(signals),
        image_(image_of(opts.executable)) {}

  /// Once, in the main thread. No child is left when it returns.
  [[nodiscard]] race_result run(const progress &report);

private:
  void work(std::atomic<int> &exec_errno) noexcept;
  [[nodiscard]] result<bool> play(const std::string &path,
                                  std::atomic<int> &exec_errno) const;
  [[nodiscard]] std::optional<error> write_program(const char *path) const;
  void supervise(const progress &report);
  void fail(error failure);

  const options &options_;
  const std::string &directory_;
  termination_signals &signals_;
  std::string_view image_;

  std::atomic<std::uint64_t> next_ = 0;
  std::atomic<std::uint64_t> rounds_ = 0;
  std::atomic<std::uint64_t> busy_ = 0;
  std::atomic<unsigned> working_ = 0;
  std::atomic<bool> stop_ = false;
  std::optional<int> signal_;
  std::mutex failure_lock_;
  std::optional<error> failure_;
};

} // namespace clofork::etxtbsy_race
