// SPDX-License-Identifier: MIT
#include "supervised.h"

#include "clofork/spawn.h"
#include "failure.h"
#include "feed.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>
#include <variant>

namespace clofork {
namespace {

using namespace std::chrono_literals;
using clock = supervised::clock;

constexpr auto ask_interval = 10ms; ///< for the end of one without a pidfd

bool unmentioned(const standard_stream &stream) noexcept {
  return std::holds_alternative<stdio::inherit>(stream);
}

void complete(command &wanted, const run_options &options) noexcept {
  // Whole variants are assigned: by alternative, libstdc++ calls std::get().
  if (!options.input.empty() && unmentioned(wanted.input)) {
    wanted.input = standard_stream(stdio::pipe{});
  } else if (unmentioned(wanted.input)) {
    wanted.input = standard_stream(stdio::null{});
  }
  for (auto *each : {&wanted.output, &wanted.errors}) {
    if (unmentioned(*each)) {
      *each = standard_stream(stdio::pipe{});
    }
  }
  if (options.time_limit) { // nothing else ends the tries of a busy program
    wanted.busy_patience = std::min(
        wanted.busy_patience,
        std::chrono::floor<std::chrono::milliseconds>(*options.time_limit));
  }
  auto &process = wanted.process;
  if (options.own_group && !process.group && !process.session) {
    process.group = 0;
  }
}

} // namespace

supervised::supervised(job given) noexcept
    : job_(std::move(given)), streams_{drained_stream(job_.options.output_limit,
                                                      job_.handlers.window),
                                       drained_stream(job_.options.output_limit,
                                                      job_.handlers.window)} {
  complete(job_.wanted, job_.options);
}

// ---- Start ----------------------------------------------------------------

result<void> supervised::check() const noexcept {
  const auto &options = job_.options;
  if (options.time_limit && *options.time_limit < 0ns) {
    return failure("run_options.time_limit", EINVAL);
  }
  if (options.grace < 0ns) {
    return failure("run_options.grace", EINVAL);
  }
  if (!options.input.empty() &&
      !std::holds_alternative<stdio::pipe>(job_.wanted.input)) {
    return failure("run_options.input", EINVAL);
  }
  return {};
}

result<void> supervised::start() noexcept {
  if (const auto checked = check(); !checked) {
    return checked;
  }
  started_ = clock::now();
  auto spawned = spawn(job_.wanted);
  if (!spawned) {
    return spawned.error();
  }
  child_.emplace(std::move(*spawned));
  for (auto *each : {&child_->output(), &child_->errors(), &child_->input()}) {
    if (*each && fcntl(each->get(), F_SETFL, O_NONBLOCK) == -1) {
      const auto failed = last_error("fcntl(F_SETFL)");
      child_.reset();
      return failed;
    }
  }
  stream(part::output).fd = std::move(child_->output());
  stream(part::errors).fd = std::move(child_->errors());
  job_.wanted = {};
  if (job_.options.time_limit) {
    limit_ = after(started_, *job_.options.time_limit);
  }
  if (child_->pidfd() == -1) {
    ask_ = started_ + ask_interval;
  }
  feed();
  return {};
}

// ---- Descriptors ----------------------------------------------------------

int supervised::descriptor(part each) const noexcept {
  if (!child_) {
    return -1;
  }
  switch (each) {
  case part::input:
    return const_cast<child &>(*child_).input().get();
  case part::process:
    return collected_ ? -1 : child_->pidfd();
  default:
    return stream(each).fd.get();
  }
}

int supervised::unwatched(part each) const noexcept {
  if (watched_[index(each)] || closing_[index(each)]) {
    return -1;
  }
  const bool is_output = each == part::output || each == part::errors;
  return is_output && room(each, 1) == 0 ? -1 : descriptor(each);
}

supervised::doomed supervised::to_close(part each) const noexcept {
  return closing_[index(each)] ? doomed{descriptor(each), watched_[index(each)]}
                               : doomed{};
}

void supervised::close(part each) noexcept {
  if (each == part::input) {
    child_->input().reset();
  } else if (each != part::process) {
    stream(each).fd.reset();
  }
  closing_[index(each)] = false;
  watched_[index(each)] = false;
}

// ---- Output ---------------------------------------------------------------

std::size_t supervised::room(part of, std::size_t most) const noexcept {
  return stream(of).open() && !closing_[index(of)] ? stream(of).room(most) : 0;
}

void supervised::take(part of, ssize_t done, const char *data) noexcept {
  if (done > 0) {
    deliver(of, {data, static_cast<std::size_t>(done)});
  } else if (done != -EAGAIN && done != -EINTR) {
    closing_[index(of)] = true; // the end
  }
}

void supervised::deliver(part of, std::string_view bytes) noexcept {
  auto &from = stream(of);
  const auto wanted = from.accept(bytes);
  if (!wanted.empty() && job_.handlers.output) {
    from.given(wanted.size());
    job_.handlers.output(static_cast<child_stream>(of), wanted);
  } else if (!wanted.empty()) {
    try {
      from.keep(wanted);
    } catch (...) {
      end(ending::failed, failure("run_options.output_limit", ENOMEM));
      reap();
      return;
    }
  }
  if (wanted.size() < bytes.size() &&
      job_.options.when_full == overflow::kill) {
    closing_[index(of)] = true;
    stop(ending::output_limit);
  }
}

void supervised::consumed(part of, std::size_t bytes) noexcept {
  stream(of).consumed(bytes);
  if (collected_) {
    grace_ = after(clock::now(), job_.options.grace);
  }
}

// ---- Input ----------------------------------------------------------------

void supervised::feed() noexcept {
  auto &end = child_->input();
  const std::string_view all = job_.options.input;
  while (end && fed_ < all.size()) {
    const ssize_t done = clofork::feed(end.get(), all.substr(fed_));
    if (done == -EAGAIN || done == -EINTR) {
      return;
    }
    if (done < 0) { // EPIPE: the program does not want it
      break;
    }
    fed_ += static_cast<std::size_t>(done);
  }
  if (end) {
    closing_[index(part::input)] = true;
  }
  std::string().swap(job_.options.input);
  fed_ = 0;
}

// ---- End ------------------------------------------------------------------

void supervised::collect() noexcept {
  const auto status = child_->wait_for(0ns);
  const auto now = clock::now();
  if (status && !*status) {
    ask_ = child_->pidfd() == -1 ? now + ask_interval : never;
    return;
  }
  if (status) {
    outcome_.status = **status;
    outcome_.used = child_->used();
    if (outcome_.how == ending::timed_out && outcome_.status->signal == 0) {
      outcome_.how = ending::exited; // just before it would have been killed
    }
  } else {
    outcome_.how = ending::failed;
    outcome_.failure = status.error();
  }
  collected_ = true;
  outcome_.elapsed = now - started_;
  limit_ = ask_ = never;
  grace_ = hurried_ ? now : after(now, job_.options.grace);
  closing_[index(part::input)] = true;
}

clock::time_point supervised::deadline() const noexcept {
  return std::min({limit_, ask_, grace_});
}

void supervised::expire(clock::time_point now) noexcept {
  if (now >= limit_) {
    stop(ending::timed_out);
  }
  if (now >= ask_) {
    collect();
  }
  if (now >= grace_) {
    grace_ = never;
    for (const auto each : {part::output, part::errors}) {
      if (stream(each).open() && !closing_[index(each)]) {
        drain(each);
      }
    }
  }
}

/// Reads what is in the pipe now: all that the program has written, and no
/// more than a pipe holds, however fast another process writes. What nobody
/// has room for is left until consumed().
void supervised::drain(part of) noexcept {
  std::array<char, 4096> block{};
  auto &from = stream(of);
  int left = 0;
  ioctl(from.fd.get(), FIONREAD, &left);
  while (left > 0) {
    const auto size = room(of, std::min<std::size_t>(block.size(), left));
    if (size == 0) { // no room, or over its limit
      closing_[index(of)] = closing_[index(of)] || hurried_;
      return;
    }
    const ssize_t done = ::read(from.fd.get(), block.data(), size);
    if (done <= 0) {
      break;
    }
    take(of, done, block.data());
    left -= static_cast<int>(done);
  }
  pollfd rest{.fd = from.fd.get(), .events = POLLIN, .revents = 0};
  ::poll(&rest, 1, 0);
  if ((rest.revents & POLLHUP) == 0) { // else its end is told by itself
    closing_[index(of)] = true;
    outcome_.output_held = true;
  }
}

void supervised::leave_streams() noexcept {
  for (const auto each : {part::output, part::errors, part::input}) {
    closing_[index(each)] = true;
  }
}

/// The group first: when its leader has been waited for, an older kernel
/// cannot be asked without the risk of a number that is another's by now.
void supervised::kill() noexcept {
  (void)child_->signal_group(SIGKILL);
  const auto sent = child_->signal(SIGKILL);
  if (sent || sent.error().code == std::errc::no_such_process) {
    return;
  }
  (void)child_->detach();
  outcome_.how = ending::failed;
  outcome_.failure = sent.error();
  outcome_.elapsed = clock::now() - started_;
  collected_ = true;
  limit_ = ask_ = grace_ = never;
  leave_streams();
}

void supervised::stop(ending why) noexcept {
  limit_ = never;
  hurried_ = hurried_ || why == ending::cancelled;
  if (!collected_ && outcome_.how == ending::exited) {
    outcome_.how = why;
    kill();
  }
  if (collected_ && hurried_) {
    outcome_.how = why;
    leave_streams();
  }
}

void supervised::end(ending why, std::optional<error> failure) noexcept {
  outcome_.how = why;
  outcome_.failure = failure;
  if (!collected_) {
    kill();
  }
  leave_streams();
}

void supervised::reap() noexcept {
  if (!collected_) {
    (void)child_->wait();
    collect();
  }
}

bool supervised::over() const noexcept {
  return collected_ && std::ranges::all_of(all_parts, [this](part each) {
           return descriptor(each) == -1;
         });
}

void supervised::tell() noexcept {
  auto &[output, errors] = streams_;
  outcome_.output_truncated = output.truncated();
  outcome_.errors_truncated = errors.truncated();
  outcome_.output = output.take();
  outcome_.errors = errors.take();
  if (job_.handlers.ended) {
    job_.handlers.ended(std::move(outcome_));
  }
}

} // namespace clofork
