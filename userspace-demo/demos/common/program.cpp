// SPDX-License-Identifier: MIT
#include "program.h"

#include "clofork/executable_file.h"

#include <fcntl.h>
#include <unistd.h>

// The labels around the file in payload.S.
extern "C" {
extern const char demo_payload;
extern const char demo_payload_end;
}

namespace clofork::demo {

std::string_view image_of(program which) noexcept {
  if (which == program::script) {
    return "#!/bin/sh\nexit 0\n";
  }
  return {&demo_payload, &demo_payload_end};
}

result<unique_fd> write_program(const char *path, std::string_view image,
                                int flags) noexcept {
  unique_fd file(
      open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0700));
  if (!file) {
    return last_error("open");
  }
  while (!image.empty()) {
    const ssize_t written = write(file.get(), image.data(), image.size());
    if (written == -1) {
      return last_error("write");
    }
    image.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

result<void> publish_program(const std::string &path) {
  auto file = executable_file::create(path);
  if (!file) {
    return file.error();
  }
  if (const auto written = file->write(image_of(program::static_elf));
      !written) {
    return written;
  }
  const auto published = file->publish();
  return published ? result<void>() : published.error();
}

} // namespace clofork::demo
