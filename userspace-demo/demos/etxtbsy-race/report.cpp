// SPDX-License-Identifier: MIT
#include "report.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

namespace clofork::etxtbsy_race {
namespace {

using json = nlohmann::ordered_json;

double rate_of(const race_result &result) noexcept {
  return result.rounds == 0 ? 0
                            : static_cast<double>(result.busy) /
                                  static_cast<double>(result.rounds);
}

const char *name_of(outcome value) noexcept {
  switch (value) {
  case outcome::clean:
    return "clean";
  case outcome::race:
    return "race";
  case outcome::absent:
    return "absent";
  case outcome::failed:
    break;
  }
  return "failed";
}

json parameters_of(const report &about) {
  const options &given = about.settings;
  return {{"threads", given.threads},
          {"rounds", given.rounds},
          {"descriptors", name_of(given.mark)},
          {"program", name_of(given.executable)},
          {"program_bytes", image_of(given.executable).size()},
          {"spawn", name_of(given.spawn)},
          {"directory", given.directory},
          {"filesystem", about.filesystem}};
}

json kernel_of(const report &about) {
  json honoured = nullptr;
  if (about.honoured) {
    honoured = {{"setfd", about.honoured->setfd},
                {"open", about.honoured->open},
                {"dupfd", about.honoured->dupfd}};
  }
  return {{"release", about.kernel}, {"close_on_fork", honoured}};
}

json error_of(const report &about) {
  if (!about.result.failure) {
    return nullptr;
  }
  const error &failure = *about.result.failure;
  return {{"stage", failure.stage},
          {"errno", failure.code.value()},
          {"message", failure.message()}};
}

} // namespace

outcome report::ended() const noexcept {
  if (result.failure) {
    return outcome::failed;
  }
  if (settings.mark == descriptors::clofork && !honoured->open) {
    return outcome::absent;
  }
  return result.busy > 0 ? outcome::race : outcome::clean;
}

std::string kernel_line(const report &about) {
  const std::string kernel = "Linux " + about.kernel;
  if (!about.honoured) {
    return kernel + " did not tell whether it honours O_CLOFORK\n";
  }
  return kernel + (about.honoured->open ? " honours" : " does not honour") +
         " O_CLOFORK in open\n";
}

std::string summary(const report &about) {
  const auto &[rounds, busy, seconds, failure, signal] = about.result;
  const options &given = about.settings;
  std::ostringstream text;
  text << std::fixed << "descriptors " << name_of(given.mark) << ", "
       << name_of(given.executable) << " program of "
       << image_of(given.executable).size() << " bytes on " << about.filesystem
       << ", " << name_of(given.spawn) << ", " << given.threads << " threads\n"
       << "ETXTBSY in " << busy << " of " << rounds << " rounds ("
       << std::setprecision(3) << 100 * rate_of(about.result) << " %), "
       << std::setprecision(1) << seconds << " s\n";
  if (signal) {
    text << "stopped by signal " << *signal << '\n';
  }
  return text.str();
}

std::string to_json(const report &about) {
  json signal = nullptr;
  if (about.result.signal) {
    signal = *about.result.signal;
  }
  const json all{{"outcome", name_of(about.ended())},
                 {"kernel", kernel_of(about)},
                 {"parameters", parameters_of(about)},
                 {"results",
                  {{"rounds", about.result.rounds},
                   {"etxtbsy", about.result.busy},
                   {"rate", rate_of(about.result)},
                   {"seconds", about.result.seconds}}},
                 {"signal", signal},
                 {"error", error_of(about)}};
  // File names need not be UTF-8; JSON must be.
  return all.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

} // namespace clofork::etxtbsy_race
