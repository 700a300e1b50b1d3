// SPDX-License-Identifier: MIT
// A program that knows nothing of close-on-fork, run with the library that
// marks for it, on whatever kernel this is.
#include "clofork/features.h"
#include "seccomp_filter.h"
#include "subprocess.h"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "close_on_fork.h"

namespace {

namespace fs = std::filesystem;

/// The C library that a program was built with.
struct libc {
  const char *name;
  const char *program;
  const char *library;
};

constexpr libc libcs[] = {
    {"glibc", UNAWARE, PRELOAD},
#ifdef PRELOAD_MUSL
    {"musl", UNAWARE_MUSL, PRELOAD_MUSL},
#endif
};

bool kernel_marks() {
  const auto known = clofork::features();
  return known && known->open;
}

/// A directory to start in, with a file in it.
class fresh_directory {
public:
  fresh_directory() {
    std::string made = testing::TempDir() + "preload.XXXXXX";
    if (mkdtemp(made.data()) == nullptr) {
      throw std::runtime_error("mkdtemp failed");
    }
    path = made;
    std::ofstream(path / "file") << "text";
  }
  fresh_directory(const fresh_directory &) = delete;
  fresh_directory &operator=(const fresh_directory &) = delete;
  ~fresh_directory() {
    std::error_code lost;
    fs::remove_all(path, lost);
  }

  fs::path path;
};

using preparation = std::function<void()>;

void prepare_nothing() {}

/// What a program prints with the library preloaded; mode: CLOFORK_PRELOAD,
/// null for an environment without it.
std::string run_preloaded(const std::vector<std::string> &arguments,
                          const char *library, const char *mode,
                          const preparation &prepare = prepare_nothing) {
  const fresh_directory directory;
  subprocess program(arguments, [&] {
    fs::current_path(directory.path);
    if (*library != '\0') {
      setenv("LD_PRELOAD", library, 1);
    }
    if (mode != nullptr) {
      setenv("CLOFORK_PRELOAD", mode, 1);
    } else {
      unsetenv("CLOFORK_PRELOAD");
    }
    prepare();
  });
  EXPECT_EQ(program.wait(), 0) << arguments[0] << program.errors;
  EXPECT_EQ(program.errors, "");
  return program.output;
}

class preload : public testing::TestWithParam<libc> {
protected:
  static std::string show(const char *what, const char *mode,
                          const preparation &prepare = prepare_nothing) {
    return run_preloaded({GetParam().program, what}, GetParam().library, mode,
                         prepare);
  }
  static std::string show_without_library(const char *what) {
    return run_preloaded({GetParam().program, what}, "", nullptr);
  }
};

/// A line of `unaware interfaces` or `unaware written`, tabs between.
struct line {
  std::string name;
  std::string made;
  std::string marks; ///< a number, or why there is no descriptor
  std::string mark;

  [[nodiscard]] bool failed() const { return marks.starts_with("errno"); }
  [[nodiscard]] int flags() const { return std::atoi(marks.c_str()); }
};

std::vector<line> lines_of(const std::string &text) {
  std::vector<line> lines;
  std::istringstream all(text);
  for (std::string each; std::getline(all, each);) {
    std::istringstream fields(each);
    line &added = lines.emplace_back();
    std::getline(fields, added.name, '\t');
    std::getline(fields, added.made, '\t');
    std::getline(fields, added.marks, '\t');
    std::getline(fields, added.mark, '\t');
  }
  return lines;
}

/// Only privileges may be missing, and none where the lab's kernel is.
void expect_made(const line &each) {
  if (each.failed() && (kernel_marks() || each.marks != "errno 1")) {
    ADD_FAILURE() << each.name << ", " << each.made << ": " << each.marks;
  }
}

/// Every interface that made a close-on-exec descriptor, and no other, has the
/// mark that `mark` tells for it.
void expect_marks(const std::string &text,
                  const std::function<bool(const line &)> &is_marked) {
  const auto lines = lines_of(text);
  EXPECT_GT(lines.size(), 80U);
  for (const line &each : lines) {
    expect_made(each);
    const bool cloexec = each.made == "cloexec";
    const int exec = each.made == "cloexec" ? FD_CLOEXEC : 0;
    const bool marked = kernel_marks() && cloexec && is_marked(each);
    if (!each.failed()) {
      EXPECT_EQ(each.flags(), exec | (marked ? FD_CLOFORK : 0))
          << each.name << ", " << each.made;
    }
  }
}

bool always(const line & /*each*/) {
  return true;
}
bool never(const line & /*each*/) {
  return false;
}

TEST_P(preload, without_the_variable_nothing_is_marked) {
  expect_marks(show("interfaces", nullptr), never);
  expect_marks(show("interfaces", "0"), never);
}

TEST_P(preload, marks_what_is_close_on_exec) {
  expect_marks(show("interfaces", "1"), always);
}

// Not with musl, which sets close-on-exec again: F_SETFD must follow.
TEST(preload_glibc, marks_late_only_where_the_c_library_opens) {
  const auto refuse = [] { refuse_setfd_clofork(EPERM); };
  expect_marks(run_preloaded({UNAWARE, "interfaces"}, PRELOAD, "1", refuse),
               [](const line &each) { return each.mark == "born"; });
}

/// Refuses the mark wherever it is a flag that kernels check.
void refuse_flags(unsigned code) {
  refuse_dupfd_clofork(code);
  for (const auto &[number, argument] :
       {std::pair{SYS_dup3, 2U}, std::pair{SYS_pipe2, 1U},
        std::pair{SYS_socket, 1U}, std::pair{SYS_socketpair, 1U},
        std::pair{SYS_epoll_create1, 0U}, std::pair{SYS_eventfd2, 1U},
        std::pair{SYS_signalfd4, 3U}, std::pair{SYS_timerfd_create, 1U},
        std::pair{SYS_inotify_init1, 0U}, std::pair{SYS_open_tree, 2U}}) {
    refuse_call_with_bits(number, argument, O_CLOFORK, code);
  }
  // EPERM is a firewall's word here, and is not tried again.
  refuse_call_with_bits(SYS_accept4, 3, O_CLOFORK,
                        code == EPERM ? EINVAL : code);
  refuse_call_with_bits(SYS_memfd_create, 1, MFD_CLOFORK, code);
  refuse_call_with_bits(SYS_fsopen, 1, FSOPEN_CLOFORK, code);
  refuse_call_with_bits(SYS_fspick, 2, FSPICK_CLOFORK, code);
  refuse_call_with_bits(SYS_fsmount, 1, FSMOUNT_CLOFORK, code);
}

TEST_P(preload, marks_late_where_an_interface_refuses) {
  for (const int code : {EINVAL, EPERM, ENOSYS}) {
    const auto refuse = [code] { refuse_flags(static_cast<unsigned>(code)); };
    expect_marks(show("interfaces", "cloexec", refuse), always);
  }
}

TEST_P(preload, gives_way_where_the_kernel_may_not_be_asked) {
  const auto refuse = [] { refuse_open_clofork(EPERM); };
  expect_marks(show("interfaces", "1", refuse), never);
}

TEST_P(preload, written_marks_regular_files_open_for_writing) {
  for (const char *mode : {"written", static_cast<const char *>(nullptr)}) {
    for (const line &each : lines_of(show("written", mode))) {
      const bool marked =
          kernel_marks() && mode != nullptr && each.made == "written";
      EXPECT_FALSE(each.failed()) << each.name;
      EXPECT_EQ((each.flags() & FD_CLOFORK) != 0, marked) << each.name;
    }
  }
}

TEST_P(preload, written_leaves_close_on_exec_as_it_is) {
  const auto before = lines_of(show("written", nullptr));
  const auto after = lines_of(show("written", "written"));
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t each = 0; each < before.size(); ++each) {
    EXPECT_EQ(after[each].flags() & FD_CLOEXEC, before[each].flags())
        << before[each].name;
  }
}

TEST_P(preload, a_program_sees_no_difference) {
  for (const char *what : {"behaviour", "streams"}) {
    const std::string without = show_without_library(what);
    EXPECT_GT(without.size(), 1000U);
    for (const char *mode : {"0", "1", "cloexec,written"}) {
      EXPECT_EQ(show(what, mode), without) << mode;
    }
  }
}

TEST_P(preload, a_refused_flag_leaves_no_trace) {
  const auto refuse = [] { refuse_flags(EINVAL); };
  EXPECT_EQ(show("behaviour", "1", refuse), show_without_library("behaviour"));
}

TEST_P(preload, says_what_the_variable_is_to_be) {
  const fresh_directory directory;
  subprocess program({GetParam().program, "written"}, [&] {
    setenv("CLOFORK_PRELOAD", "cloexec,al", 1);
    if (*GetParam().library != '\0') {
      setenv("LD_PRELOAD", GetParam().library, 1);
    }
    fs::current_path(directory.path);
  });
  program.wait();
  EXPECT_NE(program.errors.find("CLOFORK_PRELOAD is to be 0, 1, cloexec"),
            std::string::npos)
      << program.errors;
}

/// What a program does in a child with descriptors that are marked; null for a
/// mode that leaves it alone.
struct broken {
  const char *what;
  const char *works;
  const char *breaks_cloexec;
  const char *breaks_written;
};

constexpr broken breaks[] = {
    {"prefork", "the worker: Success\n", "the worker: Bad file descriptor\n",
     nullptr},
    {"exec-error-pipe", "exec: No such file or directory\n",
     "exec: no error told\n", nullptr},
    {"spawn-action", "posix_spawn: Success\n",
     "posix_spawn: Bad file descriptor\n",
     "posix_spawn: Bad file descriptor\n"},
    {"log", "the worker: Success\n", nullptr,
     "the worker: Bad file descriptor\n"},
    {"redirection", "the worker: Success\n", nullptr,
     "the worker: Bad file descriptor\n"},
};

TEST(preload_breaks, programs_whose_children_need_what_is_marked) {
  const auto run = [](const char *what, const char *mode) {
    return run_preloaded({UNAWARE, what}, PRELOAD, mode);
  };
  for (const auto &[what, works, cloexec, written] : breaks) {
    EXPECT_EQ(run(what, nullptr), works);
    EXPECT_EQ(run(what, "cloexec"),
              kernel_marks() && cloexec != nullptr ? cloexec : works);
    EXPECT_EQ(run(what, "written"),
              kernel_marks() && written != nullptr ? written : works);
  }
}

#ifdef BREAKS_PYTHON // not with a sanitizer, which cannot be preloaded
TEST(preload_breaks, modules_of_python) {
  const auto run = [](const char *mode) {
    return run_preloaded({"/usr/bin/python3", BREAKS_PYTHON}, PRELOAD, mode);
  };
  const std::string works = "subprocess: 0\n"
                            "subprocess to a file: 0\n"
                            "multiprocessing: sent\n";
  EXPECT_EQ(run(nullptr), works);
  EXPECT_EQ(run("cloexec"), kernel_marks() ? "subprocess: 255\n"
                                             "subprocess to a file: 255\n"
                                             "multiprocessing: EOFError\n"
                                           : works);
  EXPECT_EQ(run("written"), kernel_marks()
                                ? "subprocess: 0\n"
                                  "subprocess to a file: Bad file descriptor\n"
                                  "multiprocessing: sent\n"
                                : works);
}
#endif

INSTANTIATE_TEST_SUITE_P(libc, preload, testing::ValuesIn(libcs),
                         [](const auto &info) { return info.param.name; });

} // namespace
