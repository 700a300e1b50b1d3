// SPDX-License-Identifier: MIT
#include "drain.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/stdio.hpp>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace process = boost::process::v2;

/// A program and its streams, all in one thread.
class running {
public:
  running(asio::io_context &context, const std::vector<std::string> &arguments,
          drained &all)
      : all_(all), output_(context), errors_(context),
        process_(context, DRAIN_PROGRAM, arguments,
                 process::process_stdio{nullptr, output_, errors_}) {
    read(output_, blocks_[0]);
    read(errors_, blocks_[1]);
    process_.async_wait([this](boost::system::error_code failed, int status) {
      all_.succeeded += !failed && status == 0 ? 1 : 0;
    });
  }

private:
  using block = std::vector<char>;

  void read(asio::readable_pipe &from, block &into) {
    from.async_read_some(asio::buffer(into),
                         [this, &from, &into](boost::system::error_code failed,
                                              std::size_t got) {
                           all_.bytes += got;
                           if (!failed) {
                             read(from, into);
                           }
                         });
  }

  drained &all_;
  asio::readable_pipe output_;
  asio::readable_pipe errors_;
  std::array<block, 2> blocks_{block(65536), block(65536)};
  process::process process_;
};

} // namespace

drained drain_with_asio(const drain_workload &load) {
  drained all;
  asio::io_context context(1);
  std::deque<running> programs;
  for (std::size_t number = 0; number < load.programs; ++number) {
    const auto words = drain_arguments(load, number);
    programs.emplace_back(
        context, std::vector<std::string>(words.begin() + 1, words.end()), all);
  }
  context.run();
  return all;
}
