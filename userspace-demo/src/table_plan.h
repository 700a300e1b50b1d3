// SPDX-License-Identifier: MIT
#pragma once

#include <climits>
#include <span>
#include <vector>

namespace clofork {

/// A descriptor that the child is to have.
struct table_entry {
  enum class origin {
    parent, ///< number `from` of the parent's table
    file,   ///< that the child opens, `from` being its index
    child   ///< number `from` of the child, which is not of this origin
  };
  int number; ///< in the child
  origin kind;
  int from;
  bool close_on_exec = false;
};

/// One action of the child on its own table.
struct table_step {
  enum class action {
    duplicate, ///< dup3(from, to)
    keep,      ///< F_SETFD of `to`
    close,     ///< all from `from` to `to`
    fetch,     ///< `from` of the parent's table
    open       ///< file `from`
  };
  action what;
  int from;
  int to;
  bool close_on_exec = false;

  bool operator==(const table_step &) const = default;
};

/// How the child gets from a copy of the parent's table to its own.
struct table_plan {
  /// Numbers from here on are not needed, nor copied if that can be helped.
  int copied = 0;
  /// Leaves the child with numbers that it was given, and no others.
  std::vector<table_step> clean = {};
  /// Adds what is not to be had from the copy.
  std::vector<table_step> add = {};
  /// What a child keeps that cannot close ranges; sorted.
  std::vector<int> kept = {};
};

/// Numbers from here on the child fetches one by one, if it may. A copy of the
/// table up to such a number would have all that is open below, marked or not:
/// until it is closed again the child would hold what it was not given, and its
/// close, not the owner's, might be told that data are lost. It would also take
/// time: 1,024 open descriptors cost about 40 µs.
inline constexpr int fetched_from = 3;

/// What the child's table is a copy of: the parent's.
enum class table_copy {
  low,    ///< up to the highest number wanted below fetched_from
  needed, ///< up to the highest number wanted
  all
};

/// Numbers in the child must be distinct. Throws std::bad_alloc.
table_plan plan_table(std::span<const table_entry> wanted, table_copy copy);

/// The lowest number that no entry has.
int lowest_free(std::span<const table_entry> wanted);

} // namespace clofork
