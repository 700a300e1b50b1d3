// SPDX-License-Identifier: MIT
#include "demonstration.h"
#include "held_child.h"

#include <string>
#include <unistd.h>

namespace {

using namespace clofork;
using namespace clofork::demo;

class etxtbsy_game : public game {
public:
  etxtbsy_game(const options &opts, std::string directory)
      : options_(opts), directory_(std::move(directory)) {}

  result<bool> play(std::uint64_t number,
                    std::atomic<int> &exec_errno) override {
    const auto path = directory_ + '/' + std::to_string(number);
    auto file = write_program(path.c_str(), image_of(options_.executable),
                              open_flag_of(options_.mark));
    if (!file) {
      return file.error();
    }
    const auto holder = held_child::start(options_.certain);
    if (!holder) {
      return holder.error();
    }
    if (const auto failed = file->close()) {
      return error{"close", failed};
    }
    auto busy = run_program(options_.spawn, path.c_str(), exec_errno);
    if (busy && unlink(path.c_str()) == -1) {
      return last_error("unlink");
    }
    return busy;
  }

private:
  const options options_;
  const std::string directory_;
};

constexpr demonstration etxtbsy_race{
    .name = "etxtbsy-race",
    .about =
        R"(Let threads write a program, close it, and run it at once, each in its own
child. A child of one thread that still holds the open file of another makes
execve fail with ETXTBSY: the race of golang/go#22315.
)",
    .event = "ETXTBSY",
    .call = "open",
    .interface = &feature_set::open,
    .make = [](const options &opts,
               const std::string &directory) -> result<std::unique_ptr<game>> {
      return std::unique_ptr<game>(new etxtbsy_game(opts, directory));
    }};

} // namespace

int main(int argc, char **argv) {
  return play(etxtbsy_race, argc, argv);
}
