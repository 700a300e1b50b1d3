// SPDX-License-Identifier: MIT
#include "table_plan.h"

#include <algorithm>
#include <map>

namespace clofork {
namespace {

using action = table_step::action;
using origin = table_entry::origin;

/// Moves that happen in turn where all were meant to happen at once: none may
/// overwrite what another has yet to read.
class mover {
public:
  explicit mover(std::span<const table_entry> wanted) : wanted_(wanted) {}

  void add(const table_entry &entry) {
    pending_[entry.number] = {entry.from, entry.close_on_exec};
    ++readers_[entry.from];
  }

  /// Appends the steps. The highest number used on the way, or -1.
  int run(std::vector<table_step> &steps) {
    for (const auto &[to, source] : pending_) {
      if (!readers_.contains(to)) {
        ready_.push_back(to);
      }
    }
    int highest = -1;
    for (;;) {
      while (!ready_.empty()) {
        move_one(steps);
      }
      if (pending_.empty()) {
        return highest;
      }
      highest = std::max(highest, break_ring(steps));
    }
  }

private:
  struct source {
    int from;
    bool close_on_exec;
  };

  void move_one(std::vector<table_step> &steps) {
    const int to = ready_.back();
    ready_.pop_back();
    const auto [from, close_on_exec] = pending_.at(to);
    steps.push_back({action::duplicate, from, to, close_on_exec});
    pending_.erase(to);
    if (--readers_.at(from) == 0) {
      readers_.erase(from);
      if (pending_.contains(from)) {
        ready_.push_back(from);
      }
    }
  }

  /// Only rings are left: of each number, one other move reads. Sets one aside.
  int break_ring(std::vector<table_step> &steps) {
    const int to = pending_.begin()->first;
    const int spare = lowest_free(wanted_); // the same for the next ring
    steps.push_back({action::duplicate, to, spare, true});
    for (auto &[number, source] : pending_) {
      if (source.from == to) {
        source.from = spare;
      }
    }
    readers_.erase(to);
    readers_[spare] = 1;
    ready_.push_back(to);
    return spare;
  }

  std::span<const table_entry> wanted_;
  std::map<int, source> pending_; ///< by number in the child
  std::map<int, int> readers_;    ///< how many pending moves read a number
  std::vector<int> ready_;        ///< pending, of numbers without readers
};

/// Closes what lies between the kept numbers, as far as anything can.
void close_gaps(table_plan &plan, int used_below) {
  int first = 0;
  for (const int number : plan.kept) {
    if (first < number && first < used_below) {
      plan.clean.push_back({action::close, first, number - 1});
    }
    first = number + 1;
  }
  if (first < used_below) {
    plan.clean.push_back({action::close, first, INT_MAX});
  }
}

} // namespace

int lowest_free(std::span<const table_entry> wanted) {
  std::vector<int> taken;
  taken.reserve(wanted.size());
  for (const auto &entry : wanted) {
    taken.push_back(entry.number);
  }
  std::ranges::sort(taken);
  int number = 0;
  for (const int each : taken) {
    number += each == number ? 1 : 0;
  }
  return number;
}

table_plan plan_table(std::span<const table_entry> wanted, table_copy copy) {
  table_plan plan;
  const bool all = copy == table_copy::all;
  const int fetch_from = copy == table_copy::low ? fetched_from : INT_MAX;
  std::vector<table_step> copies; // within the child, once it has all others
  mover moves(wanted);
  for (const auto &entry : wanted) {
    const auto &[number, kind, from, close_on_exec] = entry;
    if (kind == origin::child) {
      copies.push_back({action::duplicate, from, number, close_on_exec});
    } else if (kind == origin::file) {
      plan.add.push_back({action::open, from, number, close_on_exec});
    } else if (from >= fetch_from) {
      plan.add.push_back({action::fetch, from, number, close_on_exec});
    } else {
      plan.copied = std::max(plan.copied, from + 1);
      plan.kept.push_back(number);
      if (from == number) {
        plan.clean.push_back({action::keep, from, number, close_on_exec});
      } else {
        moves.add(entry);
      }
    }
  }
  std::ranges::sort(plan.kept);
  const int highest = moves.run(plan.clean);
  close_gaps(plan, all ? INT_MAX : std::max(plan.copied, highest + 1));
  plan.add.insert(plan.add.end(), copies.begin(), copies.end());
  return plan;
}

} // namespace clofork
