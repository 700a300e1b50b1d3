// SPDX-License-Identifier: MIT
// validate() against a model of it: any command whatsoever. The model says of
// each field by itself whether it is good, in the plainest way there is.
#include "clofork/command.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
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
      {"command.process.group",
       !process.group || (*process.group >= 0 && !process.session)},
      {"command.process.controlling_terminal", good_terminal(wanted)},
      {"command.signals", good_signals(wanted)},
      {"command.limits", good_limits(wanted)},
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
