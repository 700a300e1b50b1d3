// SPDX-License-Identifier: MIT
#include "clofork/spawn.h"

#include "child_path.h"
#include "clofork/descriptors.h"
#include "close_on_fork.h"
#include "failure.h"
#include "no_cancellation.h"
#include "pid_namespace.h"
#include "spawning_section.h"
#include "table_plan.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <fcntl.h>
#include <linux/sched.h>
#include <memory>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace clofork {
namespace {

/// How a kernel or a filter answers what it does not have; E2BIG: clone3 of
/// one that does not know the last fields.
bool means_absent(int code) {
  return code == ENOSYS || code == EPERM || code == EINVAL || code == E2BIG;
}

/// What has been refused in this process. Only ever grows: a filter is never
/// taken back.
class refusals {
public:
  [[nodiscard]] spawn_method left() const noexcept {
    return {.clone3 = !clone3_,
            .pidfd = !pidfd_,
            .shared_table = !shared_table_,
            .fetching = !fetching_};
  }

  void keep(const spawn_method &used) noexcept {
    clone3_ = clone3_ || !used.clone3;
    pidfd_ = pidfd_ || !used.pidfd;
    shared_table_ = shared_table_ || !used.shared_table;
    fetching_ = fetching_ || !used.fetching;
  }

private:
  std::atomic<bool> clone3_ = false;
  std::atomic<bool> pidfd_ = false;
  std::atomic<bool> shared_table_ = false;
  std::atomic<bool> fetching_ = false;
};
constinit refusals refused;

/// All of them, the C library's own too, which its functions leave out.
class blocked_signals {
public:
  blocked_signals() noexcept : blocked_(set(~std::uint64_t{0}, &before_)) {}
  ~blocked_signals() {
    if (blocked_) {
      set(before_, nullptr);
    }
  }
  blocked_signals(const blocked_signals &) = delete;
  blocked_signals &operator=(const blocked_signals &) = delete;

  /// False: not blocked, for the errno.
  explicit operator bool() const noexcept { return blocked_; }
  [[nodiscard]] std::uint64_t before() const noexcept { return before_; }

private:
  static bool set(std::uint64_t mask, std::uint64_t *old) noexcept {
    return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, old, sizeof mask) ==
           0;
  }

  std::uint64_t before_ = 0;
  bool blocked_;
};

std::uint64_t mask_of(const std::vector<int> &signals) {
  std::uint64_t mask = 0;
  for (const int each : signals) {
    mask |= std::uint64_t{1} << static_cast<unsigned>(each - 1);
  }
  return mask;
}

template <class T>
array_view<T> view(const std::vector<T> &all) {
  return {all.data(), all.data() + all.size()};
}

std::vector<char *> pointers_to(const std::vector<std::string> &words) {
  std::vector<char *> pointers;
  pointers.reserve(words.size() + 1);
  for (const auto &each : words) {
    pointers.push_back(const_cast<char *>(each.c_str()));
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// A child that has failed before its exec. By either system call, lest a
/// filter makes it a zombie.
void reap(pid_t pid) noexcept {
  while (syscall(SYS_waitid, P_PID, pid, nullptr, WEXITED | __WALL, nullptr) ==
             -1 &&
         syscall(SYS_wait4, pid, nullptr, __WALL, nullptr) == -1 &&
         errno == EINTR) {
  }
}

} // namespace

/// One call of spawn().
class spawner {
public:
  explicit spawner(const command &wanted)
      : wanted_(wanted), arguments_(pointers_to(wanted.arguments)) {}

  result<child> run() {
    if (const auto made = prepare_streams(); !made) {
      return made.error();
    }
    add_descriptors();
    prepare_process();
    for (auto method = refused.left();;) {
      spawn_method next = method;
      auto started = try_with(method, next);
      if (started || next == method) {
        return started;
      }
      method = next;
    }
  }

private:
  [[nodiscard]] result<void> prepare_streams();
  [[nodiscard]] result<void> add_pipe(int number);
  void add_file(int number, const char *path, int flags, mode_t mode);
  void add_descriptors();
  void prepare_process();
  void prepare_credentials();
  [[nodiscard]] result<void> prepare_table(const spawn_method &method);
  [[nodiscard]] bool may_fetch(const spawn_method &method) const;
  [[nodiscard]] result<void> copy_marked(std::vector<table_entry> &entries);
  [[nodiscard]] result<void> prepare_cgroup(const spawn_method &method);
  [[nodiscard]] result<child> try_with(const spawn_method &method,
                                       spawn_method &next);
  [[nodiscard]] result<pid_t> clone(const spawn_method &method,
                                    unique_fd &pidfd);
  static void leave_one_out(spawn_method &next);
  void remember(spawn_method used) const noexcept;
  [[nodiscard]] child make_child(pid_t pid, unique_fd pidfd,
                                 const spawn_method &method);

  const command &wanted_;
  std::vector<char *> arguments_;
  std::vector<char *> environment_;
  std::vector<file_to_open> files_;
  std::vector<limit_to_set> limits_;
  std::vector<disposition_to_set> dispositions_;
  std::vector<table_entry> entries_;
  table_plan table_;
  std::array<unique_fd, 3> ours_;   ///< ends of pipes
  std::array<unique_fd, 3> theirs_; ///< to be closed after the clone
  std::vector<unique_fd> copies_;   ///< likewise, of marked descriptors
  unique_fd cgroup_procs_;
  bool fetches_ = true;     ///< the child does, should it have to
  bool full_table_ = false; ///< a child had no numbers left to fetch with
  std::unique_ptr<child_plan> plan_ =
      std::make_unique_for_overwrite<child_plan>();
};

// ---- Before the clone -----------------------------------------------------

result<void> spawner::add_pipe(int number) {
  auto ends = pipe();
  if (!ends) {
    return ends.error();
  }
  auto &[reading, writing] = *ends;
  const bool is_input = number == 0;
  const auto index = static_cast<unsigned>(number);
  theirs_[index] = std::move(is_input ? reading.fd : writing.fd);
  ours_[index] = std::move(is_input ? writing.fd : reading.fd);
  entries_.push_back(
      {number, table_entry::origin::parent, theirs_[index].get()});
  return {};
}

void spawner::add_file(int number, const char *path, int flags, mode_t mode) {
  static constexpr std::array stages{
      "open(command.input)", "open(command.output)", "open(command.errors)"};
  entries_.push_back(
      {number, table_entry::origin::file, static_cast<int>(files_.size())});
  files_.push_back({path, flags, mode, stages[static_cast<unsigned>(number)]});
}

result<void> spawner::prepare_streams() {
  int number = 0;
  for (const auto *stream :
       {&wanted_.input, &wanted_.output, &wanted_.errors}) {
    using origin = table_entry::origin;
    if (std::holds_alternative<stdio::inherit>(*stream)) {
      entries_.push_back({number, origin::parent, number});
    } else if (std::holds_alternative<stdio::null>(*stream)) {
      add_file(number, "/dev/null", O_RDWR, 0);
    } else if (const auto *file = std::get_if<stdio::file>(stream)) {
      add_file(number, file->path.c_str(), file->flags, file->mode);
    } else if (const auto *fd = std::get_if<stdio::descriptor>(stream)) {
      entries_.push_back({number, origin::parent, fd->number});
    } else if (const auto *other = std::get_if<stdio::same_as>(stream)) {
      entries_.push_back({number, origin::child, other->number});
    } else if (std::holds_alternative<stdio::pipe>(*stream)) {
      if (const auto made = add_pipe(number); !made) {
        return made;
      }
    }
    ++number;
  }
  return {};
}

void spawner::add_descriptors() {
  using origin = table_entry::origin;
  for (const auto &[parent, number] : wanted_.descriptors) {
    entries_.push_back({number, origin::parent, parent});
  }
  if (const auto *fd = std::get_if<int>(&wanted_.directory)) {
    // Until the exec, for fchdir() with the child's credentials.
    plan_->directory_fd = lowest_free(entries_);
    entries_.push_back({plan_->directory_fd, origin::parent, *fd, true});
  }
}

void spawner::prepare_credentials() {
  const auto &[groups, gid, uid] = wanted_.credentials;
  plan_->sets_groups = groups || (uid && geteuid() == 0);
  if (groups) {
    plan_->groups = view(*groups);
  }
  plan_->gid = gid.value_or(-1);
  plan_->uid = uid.value_or(-1);
}

void spawner::prepare_process() {
  child_plan &plan = *plan_;
  const auto &[group, session, terminal, cgroup, death] = wanted_.process;
  plan.parent = getpid();
  plan.parent_thread = static_cast<pid_t>(syscall(SYS_gettid));
  plan.group = group.value_or(-1);
  plan.session = session;
  plan.terminal = terminal.value_or(-1);
  plan.parent_death_signal = death;
  plan.umask = wanted_.umask ? static_cast<int>(*wanted_.umask) : -1;
  plan.policy = wanted_.scheduling.policy.value_or(-1);
  plan.priority = wanted_.scheduling.priority;
  plan.sets_nice = wanted_.scheduling.nice.has_value();
  plan.nice = wanted_.scheduling.nice.value_or(0);
  plan.no_new_privileges = wanted_.no_new_privileges;
  prepare_credentials();

  for (const auto &[resource, soft, hard] : wanted_.limits) {
    limits_.push_back({resource, {soft, hard}});
  }
  for (const int each : wanted_.signals.defaulted) {
    dispositions_.push_back({each, false});
  }
  for (const int each : wanted_.signals.ignored) {
    dispositions_.push_back({each, true});
  }
  plan.limits = view(limits_);
  plan.dispositions = view(dispositions_);

  if (const auto *path = std::get_if<std::string>(&wanted_.directory)) {
    plan.directory = path->c_str();
  }
  plan.program = wanted_.program.c_str();
  plan.arguments = arguments_.data();
  plan.environment = environ;
  if (wanted_.environment) {
    environment_ = pointers_to(*wanted_.environment);
    plan.environment = environment_.data();
  }
  plan.busy_patience_ns =
      std::chrono::nanoseconds(wanted_.busy_patience).count();
}

/// Found out before the clone, not by the child: there may be no second one.
bool spawner::may_fetch(const spawn_method &method) const {
  const auto is_high = [](const table_entry &entry) {
    return entry.kind == table_entry::origin::parent &&
           entry.from >= fetched_from;
  };
  return method.fetching && !(std::ranges::any_of(entries_, is_high) &&
                              child_gets_pid_namespace());
}

/// A copy of the table is without marked descriptors where the kernel honours
/// the mark. Their copies here have none.
result<void> spawner::copy_marked(std::vector<table_entry> &entries) {
  for (auto &entry : entries) {
    if (entry.kind != table_entry::origin::parent ||
        (fcntl(entry.from, F_GETFD) & FD_CLOFORK) == 0) {
      continue;
    }
    unique_fd copy(fcntl(entry.from, F_DUPFD_CLOEXEC, 0));
    if (!copy) {
      return last_error("fcntl(F_DUPFD_CLOEXEC)");
    }
    entry.from = copy.get();
    copies_.push_back(std::move(copy));
  }
  return {};
}

result<void> spawner::prepare_table(const spawn_method &method) {
  copies_.clear();
  auto entries = entries_;
  auto copy = table_copy::all;
  fetches_ = method.fetching;
  if (method.shared_table) {
    fetches_ = may_fetch(method);
    copy = fetches_ ? table_copy::low : table_copy::needed;
  } else if (const auto copied = copy_marked(entries); !copied) {
    return copied;
  }
  table_ = plan_table(entries, copy);
  plan_->copied = table_.copied;
  plan_->clean = view(table_.clean);
  plan_->add = view(table_.add);
  plan_->kept = view(table_.kept);
  plan_->files = view(files_);
  plan_->shares_table = method.shared_table;
  return {};
}

/// Only clone3 can put a child into a cgroup; otherwise it goes there itself.
result<void> spawner::prepare_cgroup(const spawn_method &method) {
  if (!wanted_.process.cgroup || method.clone3) {
    return {};
  }
  cgroup_procs_.reset(
      ::openat(*wanted_.process.cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (!cgroup_procs_) {
    return last_error("open(cgroup.procs)");
  }
  plan_->cgroup_procs = cgroup_procs_.get();
  return {};
}

// ---- The clone ------------------------------------------------------------

result<pid_t> spawner::clone(const spawn_method &method, unique_fd &pidfd) {
  clone_request request{.clone3 = method.clone3};
  if (method.shared_table) {
    request.flags |= CLONE_FILES;
  }
  if (method.pidfd) {
    request.flags |= CLONE_PIDFD;
  }
  if (method.clone3) {
    request.flags |= CLONE_CLEAR_SIGHAND;
    if (const auto &cgroup = wanted_.process.cgroup) {
      request.flags |= CLONE_INTO_CGROUP;
      request.cgroup = *cgroup;
    }
  }
  plan_->clears_handlers = method.clone3;
  plan_->report = {};

  spawning_section inside;
  const blocked_signals blocked;
  if (!blocked) {
    return last_error("rt_sigprocmask");
  }
  plan_->gate = &inside.ticket();
  plan_->mask = wanted_.signals.blocked ? mask_of(*wanted_.signals.blocked)
                                        : blocked.before();
  const long pid = clone_child(request, *plan_);
  pidfd.reset(request.pidfd);
  if (pid < 0) {
    return failure(method.clone3 ? "clone3" : "clone", static_cast<int>(-pid));
  }
  return static_cast<pid_t>(pid);
}

/// The newest thing that the clone asked for, if there is one.
void spawner::leave_one_out(spawn_method &next) {
  for (bool *each : {&next.clone3, &next.pidfd, &next.shared_table}) {
    if (*each) {
      *each = false;
      return;
    }
  }
}

/// For the next spawn, what was refused to this one, but not for what it alone
/// was given: a table to fill, or a cgroup, which may be all that clone3 is
/// refused for.
void spawner::remember(spawn_method used) const noexcept {
  if (wanted_.process.cgroup) {
    used = {.fetching = used.fetching};
  }
  used.fetching = used.fetching || full_table_;
  refused.keep(used);
}

child spawner::make_child(pid_t pid, unique_fd pidfd,
                          const spawn_method &method) {
  child made;
  made.pid_ = pid;
  made.parent_ = plan_->parent;
  if (pidfd) {
    (void)mark(pidfd.get()); // a fork elsewhere need not copy it
  }
  made.pidfd_ = std::move(pidfd);
  made.streams_ = std::move(ours_);
  made.leads_group_ = wanted_.process.session || wanted_.process.group == 0;
  made.retries_ = plan_->report.busy_retries;
  made.method_ = method;
  made.method_.fetching = fetches_;
  made.method_.close_range = plan_->report.closed_ranges;
  return made;
}

/// next: the method to try when this one was refused, else left as it is.
result<child> spawner::try_with(const spawn_method &method,
                                spawn_method &next) {
  if (const auto prepared = prepare_table(method); !prepared) {
    return prepared.error();
  }
  if (const auto prepared = prepare_cgroup(method); !prepared) {
    return prepared.error();
  }
  unique_fd pidfd;
  const auto pid = clone(method, pidfd);
  if (!pid) {
    if (means_absent(pid.error().code.value())) {
      leave_one_out(next);
    }
    return pid.error();
  }
  child_report &report = plan_->report;
  if (report.stage == nullptr && report.fetches) { // it was killed
    report.stage = "pidfd_getfd";
    report.code = EPERM;
    report.refused = refusal::fetching;
  }
  if (report.stage == nullptr) {
    remember(method);
    return make_child(*pid, std::move(pidfd), method);
  }
  reap(*pid);
  if (report.refused == refusal::shared_table) {
    next.shared_table = false;
  } else if (report.refused == refusal::fetching) {
    next.fetching = false;
    full_table_ = report.code == EMFILE;
  }
  return failure(report.stage, report.code);
}

result<child> spawn(const command &wanted) noexcept {
  const no_cancellation held;
  if (const auto valid = validate(wanted); !valid) {
    return valid.error();
  }
  try {
    return spawner(wanted).run();
  } catch (...) { // std::bad_alloc
    return failure("spawn", ENOMEM);
  }
}

} // namespace clofork
