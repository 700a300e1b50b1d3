// SPDX-License-Identifier: MIT
#include "clofork/run.h"

#include "failure.h"
#include "no_cancellation.h"
#include "supervisor.h"

#include <cerrno>

namespace clofork {

// For one program a ring is more than there is to be done.
result<outcome> run(const command &wanted,
                    const run_options &options) noexcept {
  const no_cancellation held;
  try {
    auto watching = make_epoll();
    if (!watching) {
      return watching.error();
    }
    std::optional<outcome> told;
    supervisor one(std::move(*watching));
    job given{.wanted = wanted,
              .options = options,
              .handlers = {.ended = [&](outcome &&what) noexcept {
                told = std::move(what);
              }}};
    (void)one.start(given); // with none running it is never put off
    while (!told) {
      if (const auto turned = one.turn(std::nullopt); !turned) {
        one.end_all(ending::failed, turned.error());
      }
    }
    if (told->failure) {
      return *told->failure;
    }
    return std::move(*told);
  } catch (...) { // std::bad_alloc, before anything was started
    return failure("run", ENOMEM);
  }
}

} // namespace clofork
