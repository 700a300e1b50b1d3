// SPDX-License-Identifier: MIT
#include "clofork/streams.h"

#include "failure.h"
#include "no_cancellation.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace clofork {

void stream_closer::operator()(std::FILE *stream) const noexcept {
  const no_cancellation held;
  std::fclose(stream);
}

void stream_closer::operator()(DIR *stream) const noexcept {
  const no_cancellation held;
  closedir(stream);
}

result<file_stream> fdopen(marked_fd file, const char *mode) noexcept {
  std::array<char, 16> kept{};
  const std::size_t length = std::strlen(mode);
  if (length == 0 || length >= kept.size()) {
    return failure("fdopen", EINVAL);
  }
  std::remove_copy(mode, mode + length, kept.begin(), 'e');
  std::FILE *const stream = ::fdopen(file.fd.get(), kept.data());
  if (stream == nullptr) {
    return last_error("fdopen");
  }
  (void)file.fd.release();
  return file_stream(stream);
}

result<directory_stream> fdopendir(marked_fd directory) noexcept {
  DIR *const stream = ::fdopendir(directory.fd.get());
  if (stream == nullptr) {
    return last_error("fdopendir");
  }
  const int fd = directory.fd.release();
  directory_stream owner(stream);
  if (directory.mark != fork_mark::none) {
    if (const auto marked = mark(fd); !marked) {
      return marked.error();
    }
  }
  return owner;
}

result<void> close(file_stream stream) noexcept {
  const no_cancellation held;
  if (std::fclose(stream.release()) != 0) {
    return last_error("fclose");
  }
  return {};
}

} // namespace clofork
