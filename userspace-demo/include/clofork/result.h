// SPDX-License-Identifier: MIT
#pragma once

#include "clofork/error.h"

#include <optional>
#include <utility>
#include <variant>

namespace clofork {

/// A value, or the error that stands in its place: the part of C++23's
/// std::expected<T, error> that is needed here, under the same names.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(clofork::error failure) : state_(std::in_place_index<1>, failure) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Precondition of the four below: has_value().
  [[nodiscard]] T &operator*() noexcept { return *std::get_if<0>(&state_); }
  [[nodiscard]] const T &operator*() const noexcept {
    return *std::get_if<0>(&state_);
  }
  [[nodiscard]] T *operator->() noexcept { return std::get_if<0>(&state_); }
  [[nodiscard]] const T *operator->() const noexcept {
    return std::get_if<0>(&state_);
  }

  /// Precondition: !has_value().
  [[nodiscard]] const clofork::error &error() const noexcept {
    return *std::get_if<1>(&state_);
  }

private:
  std::variant<T, clofork::error> state_;
};

/// Success, or the error that stands in its place.
template <>
class [[nodiscard]] result<void> {
public:
  result() noexcept = default;
  result(clofork::error failure) noexcept : failure_(failure) {}

  [[nodiscard]] bool has_value() const noexcept { return !failure_; }
  explicit operator bool() const noexcept { return has_value(); }

  /// Precondition: !has_value().
  [[nodiscard]] const clofork::error &error() const noexcept {
    return *failure_;
  }

private:
  std::optional<clofork::error> failure_;
};

} // namespace clofork
