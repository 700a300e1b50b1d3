// SPDX-License-Identifier: MIT
#include "console.h"

#include <cerrno>
#include <cstdio>
#include <exception>
#include <system_error>
#include <unistd.h>

namespace clofork::demo {

bool print(const char *program, const std::string &text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) {
    return true;
  }
  complain(program,
           "writing the result: " + std::system_category().message(errno));
  return false;
}

void complain(const char *program, const std::string &words) {
  std::fprintf(stderr, "%s: %s\n", program, words.c_str());
}

progress_line::progress_line() : watched_(isatty(STDERR_FILENO) != 0) {}

progress_line::~progress_line() {
  show("");
}

void progress_line::show(const std::string &text) const {
  if (watched_) {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
  }
}

int guarded(const char *program, int failed,
            const std::function<int()> &run) noexcept {
  try {
    return run();
  } catch (const std::exception &thrown) {
    std::fprintf(stderr, "%s: %s\n", program, thrown.what());
    return failed;
  }
}

} // namespace clofork::demo
