// SPDX-License-Identifier: MIT
#include "surroundings.h"

#include "scratch_directory.h"

#include <sys/utsname.h>

namespace clofork::demo {

surroundings surroundings::look(const std::string &directory) {
  surroundings where;
  where.directory = directory.empty() ? find_tmpfs() : directory;
  where.filesystem = filesystem_of(where.directory);
  utsname system{};
  uname(&system);
  where.kernel = system.release;
  if (const auto honoured = features()) {
    where.honoured = *honoured;
  } else {
    where.failure = honoured.error();
  }
  return where;
}

json kernel_of(const surroundings &where) {
  json honoured = nullptr;
  if (where.honoured) {
    honoured = {{"setfd", where.honoured->setfd},
                {"open", where.honoured->open},
                {"dupfd", where.honoured->dupfd},
                {"pipe2", where.honoured->pipe2}};
  }
  return {{"release", where.kernel}, {"close_on_fork", honoured}};
}

json error_of(const std::optional<error> &failure) {
  if (!failure) {
    return nullptr;
  }
  return {{"stage", failure->stage},
          {"errno", failure->code.value()},
          {"message", failure->message()}};
}

json signal_of(const std::optional<int> &signal) {
  return signal ? json(*signal) : json(nullptr);
}

std::string text_of(const json &all) {
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace clofork::demo
