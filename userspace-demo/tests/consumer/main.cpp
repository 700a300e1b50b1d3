// SPDX-License-Identifier: MIT
// A program of somebody who links the library: includes every public header,
// and writes a program, runs it and reads what it says.
#include <clofork/child.h>
#include <clofork/descriptors.h>
#include <clofork/executable_file.h>
#include <clofork/features.h>
#include <clofork/gate.h>
#include <clofork/sockets.h>
#include <clofork/spawn.h>
#include <clofork/streams.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>
#include <unistd.h>

namespace {

int fail(const clofork::error &error) {
  std::cerr << "consumer: " << error.message() << '\n';
  return 1;
}

} // namespace

int main(int argc, char **argv) {
  const std::string path = argc == 2 ? argv[1] : "hello";
  const auto supported = clofork::features();
  if (!supported) {
    return fail(supported.error());
  }
  auto file = clofork::executable_file::create(path);
  if (!file) {
    return fail(file.error());
  }
  if (const auto written = file->write("#!/bin/sh\necho spoken\n"); !written) {
    return fail(written.error());
  }
  if (const auto published = file->publish(); !published) {
    return fail(published.error());
  }
  auto child = clofork::spawn(
      {.program = path, .arguments = {path}, .output = clofork::stdio::pipe{}});
  if (!child) {
    return fail(child.error());
  }
  std::array<char, 16> text{};
  const auto size = read(child->output().get(), text.data(), text.size());
  const auto status = child->wait();
  if (!status || !status->success() || size <= 0) {
    return fail(status ? clofork::last_error("read") : status.error());
  }
  std::cout.write(text.data(), size);
  return std::cout.flush() ? 0 : 1;
}
