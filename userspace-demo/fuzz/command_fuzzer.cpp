// SPDX-License-Identifier: MIT
// validate() against a model of it: any command whatsoever. The model says of
// each field by itself whether it is good, in the plainest way there is.
#include "clofork/command.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <optional>
#include <sched.h>
#include <set>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace {

using clofork::command;
namespace stdio = clofork::stdio;
using text = std::string;

text take_text(FuzzedDataProvider &data) {
  return data.ConsumeRandomLengthString(6);
}

std::vector<text> take_texts(FuzzedDataProvider &data) {
  std::vector<text> all(data.ConsumeIntegralInRange<std::size_t>(0, 3));
  for (auto &each : all) {
    each = take_text(data);
  }
  return all;
}

int take_small(FuzzedDataProvider &data) {
  return data.ConsumeIntegralInRange(-2, 70);
}

clofork::standard_stream take_stream(FuzzedDataProvider &data) {
  switch (data.ConsumeIntegralInRange(0, 6)) {
  case 0:
    return stdio::null{};
  case 1:
    return stdio::closed{};
  case 2:
    return stdio::pipe{};
  case 3:
    return stdio::file{take_text(data),
                       data.ConsumeBool() ? O_RDONLY : O_CLOEXEC};
  case 4:
    return stdio::descriptor{take_small(data)};
  case 5:
    return stdio::same_as{data.ConsumeIntegralInRange(-1, 3)};
  default:
    return stdio::inherit{};
  }
}

/// A value in half of the cases.
template <class T>
void take_into(FuzzedDataProvider &data, std::optional<T> &field, int lowest,
               int highest) {
  if (data.ConsumeBool()) {
    field = static_cast<T>(data.ConsumeIntegralInRange(lowest, highest));
  }
}

void take_settings(FuzzedDataProvider &data, command &wanted) {
  if (data.ConsumeBool()) {
    wanted.directory = take_text(data);
  } else if (data.ConsumeBool()) {
    wanted.directory = take_small(data);
  }
  take_into(data, wanted.umask, 0770, 01007);
  take_into(data, wanted.process.cgroup, -2, 70);
  wanted.process.parent_death_signal = take_small(data);
  if (data.ConsumeBool()) {
    wanted.signals.blocked = {{take_small(data), take_small(data)}};
  }
  take_into(data, wanted.scheduling.policy, -1, 6);
  take_into(data, wanted.scheduling.nice, -22, 22);
  wanted.scheduling.priority = data.ConsumeIntegralInRange(-1, 101);
  take_into(data, wanted.credentials.gid, -1, 1);
  take_into(data, wanted.credentials.uid, -1, 1);
  if (data.ConsumeBool()) {
    const auto count = data.ConsumeIntegralInRange(0, 65540);
    wanted.credentials.groups.emplace(count, data.ConsumeBool() ? 1U : ~0U);
  }
  wanted.busy_patience =
      std::chrono::milliseconds(data.ConsumeIntegralInRange(-2, 3'600'002));
}

command take_command(FuzzedDataProvider &data) {
  command wanted{.program = take_text(data),
                 .arguments = take_texts(data),
                 .input = take_stream(data),
                 .output = take_stream(data),
                 .errors = take_stream(data)};
  if (data.ConsumeBool()) {
    wanted.environment = take_texts(data);
  }
  for (auto count = data.ConsumeIntegralInRange(0, 4); count > 0; --count) {
    wanted.descriptors.push_back({take_small(data), take_small(data)});
  }
  wanted.process.session = data.ConsumeBool();
  if (data.ConsumeBool()) {
    wanted.process.group = take_small(data);
  }
  if (data.ConsumeBool()) {
    wanted.process.controlling_terminal = take_small(data);
  }
  for (auto *list : {&wanted.signals.defaulted, &wanted.signals.ignored}) {
    for (auto count = data.ConsumeIntegralInRange(0, 2); count > 0; --count) {
      list->push_back(take_small(data));
    }
  }
  for (auto count = data.ConsumeIntegralInRange(0, 2); count > 0; --count) {
    wanted.limits.push_back({data.ConsumeIntegralInRange(-1, 17),
                             data.ConsumeIntegral<std::uint8_t>(),
                             data.ConsumeIntegral<std::uint8_t>()});
  }
  take_settings(data, wanted);
  return wanted;
}

// ---- The model ------------------------------------------------------------

bool good_text(const text &value) {
  return std::strlen(value.c_str()) == value.size();
}

bool good_path(const text &path) {
  return good_text(path) && path != "";
}

bool is_open(int fd) {
  return fcntl(fd, F_GETFD) != -1;
}

bool good_stream(const command &wanted, int number) {
  const std::array all{wanted.input, wanted.output, wanted.errors};
  const auto &stream = all.at(static_cast<unsigned>(number));
  if (const auto *file = std::get_if<stdio::file>(&stream)) {
    return good_path(file->path) && file->flags == O_RDONLY;
  }
  if (const auto *fd = std::get_if<stdio::descriptor>(&stream)) {
    return is_open(fd->number);
  }
  if (const auto *other = std::get_if<stdio::same_as>(&stream)) {
    const std::set<int> numbers{0, 1, 2};
    return numbers.contains(other->number) && other->number != number &&
           all.at(static_cast<unsigned>(other->number)).index() !=
               stream.index() &&
           !std::holds_alternative<stdio::closed>(
               all.at(static_cast<unsigned>(other->number)));
  }
  return !std::holds_alternative<stdio::inherit>(stream) || is_open(number);
}

bool good_environment(const command &wanted) {
  for (const auto &each : wanted.environment.value_or(std::vector<text>())) {
    if (!good_text(each) || each[0] == '=' || each.find('=') == text::npos) {
      return false;
    }
  }
  return true;
}

bool good_descriptors(const command &wanted) {
  std::set<int> numbers;
  for (const auto &[parent, child] : wanted.descriptors) {
    if (!is_open(parent) || child < 3 || child >= 64) {
      return false;
    }
    numbers.insert(child);
  }
  return numbers.size() == wanted.descriptors.size();
}

bool good_terminal(const command &wanted) {
  if (!wanted.process.controlling_terminal) {
    return true;
  }
  std::set<int> numbers;
  for (const auto &[parent, child] : wanted.descriptors) {
    numbers.insert(child);
  }
  int number = 0;
  for (const auto &stream : {wanted.input, wanted.output, wanted.errors}) {
    if (!std::holds_alternative<stdio::closed>(stream)) {
      numbers.insert(number);
    }
    ++number;
  }
  return wanted.process.session &&
         numbers.contains(*wanted.process.controlling_terminal);
}

bool good_directory(const command &wanted) {
  if (const auto *path = std::get_if<text>(&wanted.directory)) {
    return good_path(*path);
  }
  const auto *fd = std::get_if<int>(&wanted.directory);
  return fd == nullptr || is_open(*fd);
}

bool good_mask(const command &wanted) {
  for (const int each : wanted.signals.blocked.value_or(std::vector<int>())) {
    if (each < 1 || each > 64) {
      return false;
    }
  }
  return true;
}

bool good_scheduling(const command &wanted) {
  const std::set<int> without_priority{SCHED_OTHER, SCHED_BATCH, SCHED_IDLE,
                                       6}; // SCHED_DEADLINE
  const auto &[policy, priority, nice] = wanted.scheduling;
  if (nice.value_or(0) < -20 || nice.value_or(0) > 19) {
    return false;
  }
  if (policy == SCHED_FIFO || policy == SCHED_RR) {
    return priority >= 1 && priority <= 99;
  }
  return priority == 0 &&
         without_priority.contains(policy.value_or(SCHED_OTHER));
}

bool good_credentials(const command &wanted) {
  const auto &[groups, gid, uid] = wanted.credentials;
  for (const auto each : groups.value_or(std::vector<gid_t>())) {
    if (each == ~0U) {
      return false;
    }
  }
  return gid != ~0U && uid != ~0U && (!groups || groups->size() <= 65536);
}

bool good_signals(const command &wanted) {
  std::multiset<int> all(wanted.signals.defaulted.begin(),
                         wanted.signals.defaulted.end());
  all.insert(wanted.signals.ignored.begin(), wanted.signals.ignored.end());
  for (const int each : all) {
    if (each < 1 || each > 64 || each == 9 || each == 19 ||
        all.count(each) != 1) {
      return false;
    }
  }
  return true;
}

bool good_limits(const command &wanted) {
  std::set<int> seen;
  for (const auto &[resource, soft, hard] : wanted.limits) {
    if (resource < 0 || resource > 15 || soft > hard ||
        !seen.insert(resource).second) {
      return false;
    }
  }
  return true;
}

/// The first field that is not good, or "".
std::string_view first_bad(const command &wanted) {
  bool arguments = !wanted.arguments.empty();
  for (const auto &each : wanted.arguments) {
    arguments = arguments && good_text(each);
  }
  const auto &process = wanted.process;
  const std::pair<const char *, bool> fields[] = {
      {"command.program", good_path(wanted.program)},
      {"command.arguments", arguments},
      {"command.environment", good_environment(wanted)},
      {"command.input", good_stream(wanted, 0)},
      {"command.output", good_stream(wanted, 1)},
      {"command.errors", good_stream(wanted, 2)},
      {"command.descriptors", good_descriptors(wanted)},
      {"command.directory", good_directory(wanted)},
      {"command.umask", wanted.umask.value_or(0) < 01000},
      {"command.process.group",
       !process.group || (*process.group >= 0 && !process.session)},
      {"command.process.controlling_terminal", good_terminal(wanted)},
      {"command.process.cgroup", is_open(process.cgroup.value_or(0))},
      {"command.process.parent_death_signal",
       process.parent_death_signal >= 0 && process.parent_death_signal <= 64},
      {"command.signals.blocked", good_mask(wanted)},
      {"command.signals", good_signals(wanted)},
      {"command.limits", good_limits(wanted)},
      {"command.scheduling", good_scheduling(wanted)},
      {"command.credentials", good_credentials(wanted)},
      {"command.busy_patience", wanted.busy_patience.count() >= 0 &&
                                    wanted.busy_patience.count() <= 3'600'000},
  };
  for (const auto &[field, good] : fields) {
    if (!good) {
      return field;
    }
  }
  return "";
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int * /*argc*/, char *** /*argv*/) {
  const rlimit limit{.rlim_cur = 64, .rlim_max = 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *bytes,
                                      std::size_t size) {
  FuzzedDataProvider data(bytes, size);
  const auto wanted = take_command(data);
  const auto answer = clofork::validate(wanted);
  const std::string_view told = answer ? "" : answer.error().stage;
  if (told != first_bad(wanted)) {
    std::fprintf(stderr, "validate: '%s', the model: '%s'\n", told.data(),
                 first_bad(wanted).data());
    std::abort();
  }
  return 0;
}
