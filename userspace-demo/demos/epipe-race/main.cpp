// SPDX-License-Identifier: MIT
#include "demonstration.h"
#include "held_child.h"
#include "prepared_program.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace {

using namespace clofork;
using namespace clofork::demo;

class epipe_game : public game {
public:
  static result<std::unique_ptr<game>> make(const options &opts,
                                            const std::string &directory) {
    auto written = prepared_program::write(opts, directory);
    if (!written) {
      return written.error();
    }
    std::signal(SIGPIPE, SIG_IGN);
    return std::unique_ptr<game>(new epipe_game(opts, std::move(*written)));
  }

  result<bool> play(std::uint64_t /*number*/,
                    std::atomic<int> &exec_errno) override {
    return program_.run_after(write_after_close(), exec_errno);
  }

private:
  epipe_game(const options &opts, prepared_program written)
      : mark_(open_flag_of(opts.mark)), certain_(opts.certain),
        image_(image_of(opts.executable)), program_(std::move(written)) {}

  /// Passes the bytes through the pipe, a page at a time so that no write
  /// waits for a reader.
  static result<void> pass(std::string_view bytes, int into, int out_of) {
    std::array<char, 4096> page{};
    while (!bytes.empty()) {
      const auto piece = bytes.substr(0, page.size());
      if (write(into, piece.data(), piece.size()) == -1) {
        return last_error("write");
      }
      if (read(out_of, page.data(), page.size()) !=
          static_cast<ssize_t>(piece.size())) {
        return last_error("read");
      }
      bytes.remove_prefix(piece.size());
    }
    return {};
  }

  /// Whether a write to a pipe succeeds although its only reader is closed.
  [[nodiscard]] result<bool> write_after_close() const {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | mark_) == -1) {
      return last_error("pipe2");
    }
    unique_fd reading(ends[0]);
    const unique_fd writing(ends[1]);
    if (const auto passed = pass(image_, writing.get(), reading.get());
        !passed) {
      return passed.error();
    }
    const auto holder = held_child::start(certain_);
    if (!holder) {
      return holder.error();
    }
    if (const auto failed = reading.close()) {
      return error{"close", failed};
    }
    if (write(writing.get(), "", 1) == 1) {
      return true;
    }
    return errno == EPIPE ? result<bool>(false) : last_error("write");
  }

  const int mark_;
  const bool certain_;
  const std::string_view image_;
  const prepared_program program_;
};

constexpr demonstration epipe_race{
    .name = "epipe-race",
    .about =
        R"(Let threads use a pipe, close its only reader, and write to it once more, which
must fail with EPIPE, and run a program, each in its own child. A child of one
thread that still holds the reader of another lets the write succeed: the data
goes nowhere, and nobody is told.
)",
    .event = "no EPIPE",
    .call = "pipe2",
    .interface = &feature_set::pipe2,
    .make = epipe_game::make};

} // namespace

int main(int argc, char **argv) {
  return play(epipe_race, argc, argv);
}
