// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/features.h"
#include "options.h"
#include "race.h"

#include <memory>
#include <string>
#include <utility>

namespace clofork::demo {

/// A game that can tell more than how many rounds were lost.
class counted_game : public game {
public:
  /// A name in the report, and a count, after the last round.
  [[nodiscard]] virtual std::pair<const char *, std::uint64_t>
  count() const = 0;
};

/// A race as a program.
struct demonstration {
  const char *name;  ///< of the program
  const char *about; ///< for --help
  const char *event; ///< what a lost round is called: "ETXTBSY"
  /// The system call that must honour O_CLOFORK for the mark.
  const char *call;
  bool feature_set::*interface;
  /// The game, in an empty directory, which it may fill.
  result<std::unique_ptr<game>> (*make)(const options &opts,
                                        const std::string &directory);
};

/// main() of the program.
int play(const demonstration &what, int argc, char **argv);

} // namespace clofork::demo
