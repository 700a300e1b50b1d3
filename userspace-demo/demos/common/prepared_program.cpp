// SPDX-License-Identifier: MIT
#include "prepared_program.h"

#include <cerrno>

namespace clofork::demo {

result<prepared_program> prepared_program::write(const options &opts,
                                                 const std::string &directory) {
  auto path = directory + "/program";
  auto file = write_program(path.c_str(), image_of(opts.executable));
  if (!file) {
    return file.error();
  }
  if (const auto failed = file->close()) {
    return error{"close", failed};
  }
  return prepared_program(opts.spawn, std::move(path));
}

result<bool>
prepared_program::run_after(const result<bool> &lost,
                            std::atomic<int> &exec_errno) const noexcept {
  if (!lost) {
    return lost;
  }
  const auto busy = run_program(spawn_, path_.c_str(), exec_errno);
  if (!busy) {
    return busy;
  }
  return *busy ? error{"execve", {ETXTBSY, std::system_category()}} : lost;
}

} // namespace clofork::demo
