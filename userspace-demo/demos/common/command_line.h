// SPDX-License-Identifier: MIT
// What the demonstrations read their command lines with. The readers return
// an empty string, or what is wrong: the option, what it takes, what it got.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <functional>
#include <getopt.h>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace clofork::demo {

struct usage_error {
  std::string message; ///< names the option and what it takes
};

/// Hands each option, by its val and its argument, to store, which is a reader
/// of this file. The options end with one of zeros. Not thread-safe:
/// getopt_long(3) keeps its position in globals.
[[nodiscard]] std::optional<usage_error> read_command_line(
    int argc, char **argv, const option *known,
    const std::function<std::string(int, std::string_view)> &store);

template <class T>
struct choice {
  std::string_view name;
  T value;
};

template <class T, std::size_t N>
std::string_view find_name(const std::array<choice<T>, N> &choices, T value) {
  for (const auto &each : choices) {
    if (each.value == value) {
      return each.name;
    }
  }
  return "?";
}

template <class T, std::size_t N>
std::string read_choice(const char *option,
                        const std::array<choice<T>, N> &choices,
                        std::string_view text, T &value) {
  std::string names;
  for (const auto &each : choices) {
    if (each.name == text) {
      value = each.value;
      return {};
    }
    names.append(names.empty() ? "" : ", ").append(each.name);
  }
  return std::string(option) + " takes one of " + names + ", not '" +
         std::string(text) + "'";
}

template <class T>
std::string read_number(const char *option, std::string_view text, T min, T max,
                        T &value) {
  T number = 0;
  const char *end = text.data() + text.size();
  const auto [stop, status] = std::from_chars(text.data(), end, number);
  if (status != std::errc{} || stop != end || number < min || number > max) {
    return std::string(option) + " takes a number from " + std::to_string(min) +
           " to " + std::to_string(max) + ", not '" + std::string(text) + "'";
  }
  value = number;
  return {};
}

/// For --directory.
std::string read_directory(std::string_view text, std::string &value);

/// The most that --threads and --rounds take.
inline constexpr unsigned max_threads = 1000;
inline constexpr unsigned long long max_rounds = 1'000'000'000;

} // namespace clofork::demo
