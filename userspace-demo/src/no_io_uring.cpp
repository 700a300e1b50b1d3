// SPDX-License-Identifier: MIT
// In the place of io_uring.cpp, without liburing.
#include "failure.h"
#include "readiness.h"

#include <cerrno>

namespace clofork {

result<std::unique_ptr<readiness>>
make_io_uring(unsigned /*entries*/) noexcept {
  return failure("liburing", ENOSYS);
}

} // namespace clofork
