// SPDX-License-Identifier: MIT
#include "report.h"

#include <iomanip>
#include <sstream>

namespace clofork::demo {
namespace {

double rate_of(const race_result &result) noexcept {
  return result.rounds == 0 ? 0
                            : static_cast<double>(result.lost) /
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
          {"certain", given.certain},
          {"directory", about.where.directory},
          {"filesystem", about.where.filesystem}};
}

json results_of(const report &about) {
  json all{{"rounds", about.result.rounds},
           {"lost", about.result.lost},
           {"rate", rate_of(about.result)},
           {"seconds", about.result.seconds}};
  if (about.count) {
    all[about.count->first] = about.count->second;
  }
  return all;
}

} // namespace

bool report::honoured() const noexcept {
  return where.honoured && (*where.honoured).*what.interface;
}

outcome report::ended() const noexcept {
  if (result.failure) {
    return outcome::failed;
  }
  if (settings.mark == descriptors::clofork && !honoured()) {
    return outcome::absent;
  }
  return result.lost > 0 ? outcome::race : outcome::clean;
}

std::string kernel_line(const report &about) {
  const std::string kernel = "Linux " + about.where.kernel;
  if (!about.where.honoured) {
    return kernel + " did not tell whether it honours O_CLOFORK\n";
  }
  return kernel + (about.honoured() ? " honours" : " does not honour") +
         " O_CLOFORK in " + about.what.call + '\n';
}

std::string summary(const report &about) {
  const auto &[rounds, lost, seconds, failure, signal] = about.result;
  const options &given = about.settings;
  std::ostringstream text;
  text << std::fixed << "descriptors " << name_of(given.mark) << ", "
       << name_of(given.executable) << " program of "
       << image_of(given.executable).size() << " bytes on "
       << about.where.filesystem << ", " << name_of(given.spawn) << ", "
       << given.threads << " threads"
       << (given.certain ? ", a child in each window\n" : "\n")
       << about.what.event << " in " << lost << " of " << rounds << " rounds ("
       << std::setprecision(3) << 100 * rate_of(about.result) << " %), "
       << std::setprecision(1) << seconds << " s\n";
  if (about.count) {
    text << about.count->first << ": " << about.count->second << '\n';
  }
  if (signal) {
    text << "stopped by signal " << *signal << '\n';
  }
  return text.str();
}

std::string to_json(const report &about) {
  return text_of({{"demonstration", about.what.name},
                  {"event", about.what.event},
                  {"outcome", name_of(about.ended())},
                  {"kernel", kernel_of(about.where)},
                  {"parameters", parameters_of(about)},
                  {"results", results_of(about)},
                  {"signal", signal_of(about.result.signal)},
                  {"error", error_of(about.result.failure)}});
}

} // namespace clofork::demo
