// SPDX-License-Identifier: MIT
#include "demonstration.h"
#include "flush_server.h"
#include "held_child.h"
#include "prepared_program.h"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

namespace {

using namespace clofork;
using namespace clofork::demo;

class flush_game : public counted_game {
public:
  static result<std::unique_ptr<game>> make(const options &opts,
                                            const std::string &directory) {
    auto written = prepared_program::write(opts, directory);
    if (!written) {
      return written.error();
    }
    const auto mount_point = directory + "/mount";
    std::filesystem::create_directory(mount_point);
    auto server = flush_server::start(mount_point);
    if (!server) {
      return server.error();
    }
    return std::unique_ptr<game>(
        new flush_game(opts, std::move(*written), std::move(*server)));
  }

  result<bool> play(std::uint64_t /*number*/,
                    std::atomic<int> &exec_errno) override {
    return program_.run_after(write_in_vain(), exec_errno);
  }

  [[nodiscard]] std::pair<const char *, std::uint64_t> count() const override {
    return {"flushes", server_->flushes()};
  }

private:
  flush_game(const options &opts, prepared_program written,
             std::unique_ptr<flush_server> server)
      : mark_(open_flag_of(opts.mark)), certain_(opts.certain),
        program_(std::move(written)), server_(std::move(server)),
        file_(server_->file()) {}

  /// Whether close() hides that what was written is lost.
  [[nodiscard]] result<bool> write_in_vain() const {
    unique_fd file(open(file_.c_str(), O_WRONLY | O_CLOEXEC | mark_));
    if (!file) {
      return last_error("open");
    }
    if (write(file.get(), "data", 4) != 4) {
      return last_error("write");
    }
    auto holder = held_child::start(certain_);
    if (!holder) {
      return holder.error();
    }
    holder->end(); // its close comes first, and takes the error
    const auto failed = file.close();
    if (failed && failed.value() != EIO) {
      return error{"close", failed};
    }
    return !failed;
  }

  const int mark_;
  const bool certain_;
  const prepared_program program_;
  const std::unique_ptr<flush_server> server_;
  const std::string file_;
};

constexpr demonstration flush_once{
    .name = "flush-once",
    .about =
        R"(Let threads write to a file system that loses the data and says so, as NFS
does, once: close() must fail with EIO. Between that and the next file they run
a program, each in its own child. A child of one thread closes the file of
another at its exec, gets the error in its place, and close() succeeds: nobody
is told. The file system counts how often it was asked to flush.
)",
    .event = "no EIO",
    .call = "open",
    .interface = &feature_set::open,
    .make = flush_game::make};

} // namespace

int main(int argc, char **argv) {
  return play(flush_once, argc, argv);
}
