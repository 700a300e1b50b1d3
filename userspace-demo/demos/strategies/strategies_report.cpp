// SPDX-License-Identifier: MIT
#include "strategies_report.h"

#include <iomanip>
#include <sstream>

namespace clofork::demo {
namespace {

double per_10000(const race_result &result) noexcept {
  return result.rounds == 0 ? 0
                            : 10'000 * static_cast<double>(result.lost) /
                                  static_cast<double>(result.rounds);
}

double per_second(const race_result &result) noexcept {
  return result.seconds == 0
             ? 0
             : static_cast<double>(result.rounds) / result.seconds;
}

double milliseconds(std::chrono::nanoseconds time) noexcept {
  return std::chrono::duration<double, std::milli>(time).count();
}

json json_of(const measurement &each) {
  json all{{"cure", each.cure->name},
           {"storm", each.storm},
           {"absent", each.absent}};
  if (!each.absent) {
    all.update({{"rounds", each.result.rounds},
                {"failures", each.result.lost},
                {"failures_per_10000", per_10000(each.result)},
                {"rounds_per_second", per_second(each.result)},
                {"p99_ms", milliseconds(each.p99)},
                {"longest_close_ms", milliseconds(each.longest_close)},
                {"foreign_forks", each.foreign_forks},
                {"seconds", each.result.seconds}});
  }
  return all;
}

json parameters_of(const strategies_report &about) {
  return {{"threads", about.settings.threads},
          {"storm_threads", about.settings.storm_threads},
          {"rounds", about.settings.rounds},
          {"seconds", about.settings.seconds},
          {"open_max", about.settings.open_max},
          {"directory", about.where.directory},
          {"filesystem", about.where.filesystem}};
}

void add_line(std::ostringstream &text, const measurement &each) {
  text << std::left << std::setw(13) << each.cure->name << std::setw(6)
       << (each.storm ? "on" : "off") << std::right;
  if (each.absent) {
    text << "     the kernel does not honour O_CLOFORK\n";
    return;
  }
  text << std::setw(8) << each.result.rounds << std::setw(13)
       << std::setprecision(1) << per_10000(each.result) << std::setw(12)
       << per_second(each.result) << std::setw(10) << std::setprecision(2)
       << milliseconds(each.p99) << std::setw(15)
       << milliseconds(each.longest_close) << '\n';
}

} // namespace

std::string table_of(const strategies_report &about) {
  std::ostringstream text;
  text << "Linux " << about.where.kernel << ", "
       << image_of(program::static_elf).size() << " bytes on "
       << about.where.filesystem << ", " << about.settings.threads
       << " threads, storm of " << about.settings.storm_threads << "\n"
       << "cure         storm   rounds failed/10000    rounds/s    p99 ms"
          "  longest close\n"
       << std::fixed;
  for (const auto &each : about.taken) {
    add_line(text, each);
  }
  return text.str();
}

std::string to_json(const strategies_report &about) {
  json taken = json::array();
  for (const auto &each : about.taken) {
    taken.push_back(json_of(each));
  }
  return text_of({{"demonstration", "strategies"},
                  {"kernel", kernel_of(about.where)},
                  {"parameters", parameters_of(about)},
                  {"results", taken},
                  {"signal", signal_of(about.signal)},
                  {"error", error_of(about.failure)}});
}

} // namespace clofork::demo
