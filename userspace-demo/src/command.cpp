// SPDX-License-Identifier: MIT
#include "clofork/command.h"

#include "failure.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <span>
#include <string_view>
#include <sys/resource.h>

namespace clofork {
namespace {

// Each check returns the errno, or 0.

constexpr int valid_if(bool condition) {
  return condition ? 0 : EINVAL;
}

bool has_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

int check_path(std::string_view path) {
  return valid_if(!path.empty() && !has_nul(path));
}

int check_open(int fd) {
  return fd >= 0 && fcntl(fd, F_GETFD) != -1 ? 0 : EBADF;
}

int check_arguments(const command &wanted) {
  return valid_if(!wanted.arguments.empty() &&
                  std::ranges::none_of(wanted.arguments, has_nul));
}

int check_environment(const command &wanted) {
  if (!wanted.environment) {
    return 0;
  }
  return valid_if(
      std::ranges::all_of(*wanted.environment, [](std::string_view entry) {
        const auto equals = entry.find('=');
        return equals != 0 && equals != std::string_view::npos &&
               !has_nul(entry);
      }));
}

/// The check of the stream with that number in the child.
struct check_stream {
  const command &wanted;
  int number;

  int operator()(stdio::inherit /*unused*/) const { return check_open(number); }
  int operator()(stdio::null /*unused*/) const { return 0; }
  int operator()(stdio::closed /*unused*/) const { return 0; }
  int operator()(stdio::pipe /*unused*/) const { return 0; }
  int operator()(const stdio::file &file) const {
    return (file.flags & O_CLOEXEC) == 0 ? check_path(file.path) : EINVAL;
  }
  int operator()(stdio::descriptor source) const {
    return check_open(source.number);
  }
  int operator()(stdio::same_as other) const {
    const std::array all{&wanted.input, &wanted.output, &wanted.errors};
    if (other.number < 0 || other.number > 2 || other.number == number) {
      return EINVAL;
    }
    const auto &target = *all[static_cast<unsigned>(other.number)];
    return valid_if(!std::holds_alternative<stdio::same_as>(target) &&
                    !std::holds_alternative<stdio::closed>(target));
  }
};

bool has_doubles(std::vector<int> numbers) {
  std::ranges::sort(numbers);
  return std::ranges::adjacent_find(numbers) != numbers.end();
}

int check_descriptors(const command &wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> numbers;
  for (const auto &[parent, child] : wanted.descriptors) {
    if (const int failed = check_open(parent)) {
      return failed;
    }
    if (child <= 2 || static_cast<rlim_t>(child) >= limit.rlim_cur) {
      return EINVAL;
    }
    numbers.push_back(child);
  }
  return valid_if(!has_doubles(std::move(numbers)));
}

int check_directory(const command &wanted) {
  if (const auto *path = std::get_if<std::string>(&wanted.directory)) {
    return check_path(*path);
  }
  const auto *fd = std::get_if<int>(&wanted.directory);
  return fd != nullptr ? check_open(*fd) : 0;
}

int check_group(const command &wanted) {
  const auto &group = wanted.process.group;
  return valid_if(!group || (*group >= 0 && !wanted.process.session));
}

/// Which numbers the child has open.
bool is_given(const command &wanted, int number) {
  const std::array streams{&wanted.input, &wanted.output, &wanted.errors};
  if (number >= 0 && number <= 2) {
    return !std::holds_alternative<stdio::closed>(
        *streams[static_cast<unsigned>(number)]);
  }
  return std::ranges::find(wanted.descriptors, number,
                           &descriptor_mapping::child) !=
         wanted.descriptors.end();
}

int check_terminal(const command &wanted) {
  const auto &terminal = wanted.process.controlling_terminal;
  if (!terminal) {
    return 0;
  }
  if (!wanted.process.session) {
    return EINVAL;
  }
  return is_given(wanted, *terminal) ? 0 : EBADF;
}

bool is_signal(int number) {
  return number >= 1 && number <= _NSIG - 1;
}

bool can_be_handled(int number) {
  return is_signal(number) && number != SIGKILL && number != SIGSTOP;
}

int check_dispositions(const command &wanted) {
  const auto &[blocked, defaulted, ignored] = wanted.signals;
  std::vector<int> numbers = defaulted;
  numbers.insert(numbers.end(), ignored.begin(), ignored.end());
  return valid_if(std::ranges::all_of(numbers, can_be_handled) &&
                  !has_doubles(std::move(numbers)));
}

int check_limits(const command &wanted) {
  std::vector<int> resources;
  for (const auto &[resource, soft, hard] : wanted.limits) {
    if (resource < 0 || resource >= RLIMIT_NLIMITS || soft > hard) {
      return EINVAL;
    }
    resources.push_back(resource);
  }
  return valid_if(!has_doubles(std::move(resources)));
}

int check_scheduling(const command &wanted) {
  const auto &[policy, priority, nice] = wanted.scheduling;
  if (nice && (*nice < -20 || *nice > 19)) {
    return EINVAL;
  }
  if (!policy) {
    return valid_if(priority == 0);
  }
  const int lowest = sched_get_priority_min(*policy);
  return valid_if(lowest != -1 && priority >= lowest &&
                  priority <= sched_get_priority_max(*policy));
}

int check_credentials(const command &wanted) {
  const auto &[groups, gid, uid] = wanted.credentials;
  constexpr auto none = static_cast<gid_t>(-1); // "leave it" to the kernel
  return valid_if(
      gid != none && uid != static_cast<uid_t>(-1) &&
      (!groups || (groups->size() <= NGROUPS_MAX &&
                   std::ranges::find(*groups, none) == groups->end())));
}

int check_patience(const command &wanted) {
  using namespace std::chrono_literals;
  return valid_if(wanted.busy_patience >= 0ms && wanted.busy_patience <= 1h);
}

struct answer {
  const char *field;
  int code;
};

} // namespace

result<void> validate(const command &wanted) noexcept {
  try {
    const auto &process = wanted.process;
    const std::array answers{
        answer{"command.program", check_path(wanted.program)},
        answer{"command.arguments", check_arguments(wanted)},
        answer{"command.environment", check_environment(wanted)},
        answer{"command.input",
               std::visit(check_stream{wanted, 0}, wanted.input)},
        answer{"command.output",
               std::visit(check_stream{wanted, 1}, wanted.output)},
        answer{"command.errors",
               std::visit(check_stream{wanted, 2}, wanted.errors)},
        answer{"command.descriptors", check_descriptors(wanted)},
        answer{"command.directory", check_directory(wanted)},
        answer{"command.umask", valid_if(wanted.umask.value_or(0) <= 0777)},
        answer{"command.process.group", check_group(wanted)},
        answer{"command.process.controlling_terminal", check_terminal(wanted)},
        answer{"command.process.cgroup",
               process.cgroup ? check_open(*process.cgroup) : 0},
        answer{"command.process.parent_death_signal",
               valid_if(process.parent_death_signal == 0 ||
                        is_signal(process.parent_death_signal))},
        answer{
            "command.signals.blocked",
            valid_if(!wanted.signals.blocked ||
                     std::ranges::all_of(*wanted.signals.blocked, is_signal))},
        answer{"command.signals", check_dispositions(wanted)},
        answer{"command.limits", check_limits(wanted)},
        answer{"command.scheduling", check_scheduling(wanted)},
        answer{"command.credentials", check_credentials(wanted)},
        answer{"command.busy_patience", check_patience(wanted)},
    };
    for (const auto &[field, code] : answers) {
      if (code != 0) {
        return failure(field, code);
      }
    }
    return {};
  } catch (...) { // std::bad_alloc
    return failure("validate", ENOMEM);
  }
}

} // namespace clofork
