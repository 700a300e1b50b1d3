// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <sys/types.h>

namespace clofork {

/// write(2) to a pipe with O_NONBLOCK: bytes, or an errno in the negative. No
/// SIGPIPE comes of it, nor is one lost that comes from elsewhere, and no
/// other thread notices.
ssize_t feed(int fd, std::string_view bytes) noexcept;

} // namespace clofork
