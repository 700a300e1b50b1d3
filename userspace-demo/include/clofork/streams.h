// SPDX-License-Identifier: MIT
/// \file
/// The streams of the C library over marked descriptors. The functions that
/// open a file themselves (fopen, freopen, opendir) cannot mark it, and some
/// that take a descriptor set close-on-exec with F_SETFD, which takes
/// close-on-fork off: fdopendir, and musl's fdopen with "e". All are
/// thread-safe, and none is a cancellation point.
#pragma once

#include "clofork/export.h"
#include "clofork/marked_fd.h"

#include <cstdio>
#include <dirent.h>
#include <memory>

namespace clofork {

struct CLOFORK_EXPORT stream_closer {
  void operator()(std::FILE *stream) const noexcept;
  void operator()(DIR *stream) const noexcept;
};
using file_stream = std::unique_ptr<std::FILE, stream_closer>;
using directory_stream = std::unique_ptr<DIR, stream_closer>;

/// fdopen(3). The descriptor keeps its marks, whatever the mode says: an "e"
/// in it is left out. Errors: EINVAL for a mode that is longer than 15
/// characters or none; ENOMEM. The descriptor is closed on error.
CLOFORK_EXPORT result<file_stream> fdopen(marked_fd file,
                                          const char *mode) noexcept;

/// fdopendir(3), marked again where it was marked before: a child forked by
/// another thread within the call may have the directory. Errors: ENOTDIR,
/// ENOMEM. The descriptor is closed on error.
CLOFORK_EXPORT result<directory_stream> fdopendir(marked_fd directory) noexcept;

/// Closes the stream and returns what failed: writing what was buffered, or
/// close(2). The destructor loses it.
CLOFORK_EXPORT result<void> close(file_stream stream) noexcept;

} // namespace clofork
