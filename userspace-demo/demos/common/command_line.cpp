// SPDX-License-Identifier: MIT
#include "command_line.h"

namespace clofork::demo {

std::optional<usage_error> read_command_line(
    int argc, char **argv, const option *known,
    const std::function<std::string(int, std::string_view)> &store) {
  optind = 0; // glibc and musl start afresh
  opterr = 0;
  int found = 0;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): stated in the interface
  while ((found = getopt_long(argc, argv, "+:h", known, nullptr)) != -1) {
    const std::string word = argv[optind - 1];
    if (found == ':') {
      return usage_error{word + " needs a value"};
    }
    if (found == '?') {
      return usage_error{"unknown option or needless value: " + word};
    }
    if (auto wrong = store(found, optarg != nullptr ? optarg : "");
        !wrong.empty()) {
      return usage_error{std::move(wrong)};
    }
  }
  if (optind < argc) {
    return usage_error{"takes options only, not '" + std::string(argv[optind]) +
                       "'"};
  }
  return std::nullopt;
}

std::string read_directory(std::string_view text, std::string &value) {
  if (text.empty()) {
    return "--directory takes the name of a directory, not ''";
  }
  value = text;
  return {};
}

} // namespace clofork::demo
