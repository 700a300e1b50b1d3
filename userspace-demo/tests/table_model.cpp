// SPDX-License-Identifier: MIT
#include "table_model.h"

#include <algorithm>
#include <map>

namespace table_model {
namespace {

using namespace clofork;
using action = table_step::action;
using origin = table_entry::origin;

/// Distinct for each number of the parent and each file that is opened.
struct file {
  origin from;
  int number;
  bool close_on_exec;

  bool operator==(const file &) const = default;
};
using table = std::map<int, file>;

int highest_named(std::span<const table_entry> wanted) {
  int highest = 70; // more than the kernel rounds a small copy up to
  for (const auto &entry : wanted) {
    highest = std::max({highest, entry.number, entry.from});
  }
  return highest;
}

/// The kernel rounds the size of a copy up; what is above is closed in it at
/// once.
table copy_of_parent(int below) {
  table copy;
  for (int number = 0; number < below; ++number) {
    copy[number] = {origin::parent, number, true};
  }
  return copy;
}

table asked_for(std::span<const table_entry> wanted) {
  table result;
  for (const auto &entry : wanted) {
    if (entry.kind != origin::child) {
      result[entry.number] = {entry.kind, entry.from, entry.close_on_exec};
    }
  }
  for (const auto &entry : wanted) {
    if (entry.kind == origin::child) {
      result[entry.number] = result.at(entry.from);
      result[entry.number].close_on_exec = entry.close_on_exec;
    }
  }
  return result;
}

std::string say(const char *what, int number) {
  return what + std::to_string(number);
}

/// Does the step; what is wrong with it, or nothing.
std::string take(table &own, const table_step &step) {
  switch (step.what) {
  case action::duplicate:
    if (!own.contains(step.from) || step.from == step.to) {
      return say("dup3 would fail for ", step.from);
    }
    own[step.to] = own[step.from];
    own[step.to].close_on_exec = step.close_on_exec;
    break;
  case action::keep:
    if (!own.contains(step.to)) {
      return say("F_SETFD would fail for ", step.to);
    }
    own[step.to].close_on_exec = step.close_on_exec;
    break;
  case action::close:
    if (step.from > step.to) {
      return say("close_range would fail from ", step.from);
    }
    own.erase(own.lower_bound(step.from), own.upper_bound(step.to));
    break;
  case action::fetch:
  case action::open:
    if (own.contains(step.to)) {
      return say("something else is at ", step.to);
    }
    own[step.to] = {step.what == action::fetch ? origin::parent : origin::file,
                    step.from, step.close_on_exec};
    break;
  }
  return "";
}

std::string compare(const table &own, const table &wanted) {
  for (const auto &[number, file] : wanted) {
    if (!own.contains(number)) {
      return say("missing: ", number);
    }
    if (own.at(number) != file) {
      return say("wrong: ", number);
    }
  }
  for (const auto &[number, file] : own) {
    if (!wanted.contains(number)) {
      return say("too many: ", number);
    }
  }
  return "";
}

/// When the gate is left there must be nothing that was not asked for.
std::string compare_clean(const table &own, const table &wanted) {
  for (const auto &[number, file] : own) {
    if (!wanted.contains(number) || wanted.at(number) != file) {
      return say("not clean: ", number);
    }
  }
  return "";
}

} // namespace

std::string difference(std::span<const table_entry> wanted, table_copy copy) {
  const auto plan = plan_table(wanted, copy);
  const auto target = asked_for(wanted);
  table own = copy_of_parent(copy == table_copy::all ? highest_named(wanted) + 1
                                                     : plan.copied);
  for (const auto &step : plan.clean) {
    if (auto wrong = take(own, step); !wrong.empty()) {
      return wrong;
    }
  }
  if (auto wrong = compare_clean(own, target); !wrong.empty()) {
    return wrong;
  }
  if (!std::ranges::equal(plan.kept, own, {}, {}, &table::value_type::first)) {
    return "what is kept is not what the plan says";
  }
  for (const auto &step : plan.add) {
    if (auto wrong = take(own, step); !wrong.empty()) {
      return wrong;
    }
  }
  return compare(own, target);
}

} // namespace table_model
