// SPDX-License-Identifier: MIT
#include "surroundings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace {

constexpr std::string_view descriptors_option = "--descriptors=";
constexpr std::string_view resident_option = "--resident-mib=";

bool take(std::string_view argument, std::string_view option,
          std::size_t &value) {
  if (!argument.starts_with(option)) {
    return false;
  }
  value = std::stoul(std::string(argument.substr(option.size())));
  return true;
}

void raise_limit(std::size_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlimit more{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
  if (setrlimit(RLIMIT_NOFILE, &more) == -1) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

} // namespace

surroundings surroundings::take_from(int &argc, char **argv) {
  surroundings given;
  char **end = std::remove_if(argv + 1, argv + argc, [&](const char *each) {
    return take(each, descriptors_option, given.descriptors) ||
           take(each, resident_option, given.resident_mib);
  });
  argc = static_cast<int>(end - argv);
  return given;
}

std::size_t surroundings::establish() const {
  constexpr std::size_t spare = 16; // for the spawns themselves
  raise_limit(descriptors + spare);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto count = std::min<std::size_t>(descriptors, limit.rlim_cur - spare);
  std::size_t open_now = 3;
  while (open_now < count && open("/dev/null", O_RDONLY | O_CLOEXEC) != -1) {
    ++open_now;
  }
  if (resident_mib != 0 &&
      mmap(nullptr, resident_mib << 20U, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED) {
    throw std::system_error(errno, std::system_category(), "mmap");
  }
  return open_now;
}

std::vector<std::string> surroundings::arguments() const {
  return {std::to_string(descriptors), std::to_string(resident_mib)};
}
