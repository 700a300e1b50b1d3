// SPDX-License-Identifier: MIT
#include "drained_stream.h"

#include <algorithm>

namespace clofork {

std::size_t drained_stream::room(std::size_t most) const noexcept {
  if (window_ == 0) {
    return most;
  }
  return std::min(most, window_ - std::min(window_, outstanding_));
}

std::string_view drained_stream::accept(std::string_view bytes) noexcept {
  const auto wanted = bytes.substr(0, limit_ - accepted_);
  accepted_ += wanted.size();
  truncated_ = truncated_ || wanted.size() < bytes.size();
  return wanted;
}

/// Never with room for more than the limit, which doubling would lead to.
void drained_stream::keep(std::string_view bytes) {
  const auto size = kept_.size() + bytes.size();
  if (size > kept_.capacity()) {
    kept_.reserve(std::min(limit_, std::max(size, 2 * kept_.capacity())));
  }
  kept_.append(bytes);
}

void drained_stream::consumed(std::size_t bytes) noexcept {
  outstanding_ -= std::min(bytes, outstanding_);
}

} // namespace clofork
