// SPDX-License-Identifier: MIT
#include "supervisor.h"

#include "failure.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <poll.h>
#include <span>
#include <sys/eventfd.h>

namespace clofork {
namespace {

using namespace std::chrono_literals;

/// What there may be enough of when a program has ended.
bool is_shortage(const error &failed) noexcept {
  const int code = failed.code.value();
  return code == EMFILE || code == ENFILE || code == EAGAIN;
}

void tell_failed(job &given, const error &failed) noexcept {
  if (given.handlers.ended) {
    given.handlers.ended({.how = ending::failed, .failure = failed});
  }
}

} // namespace

// ---- Places and tokens ----------------------------------------------------

supervisor::token supervisor::token_of(address of) const noexcept {
  return token{slots_[of.place].generation} << 32U | of.place << 2U |
         static_cast<token>(of.what);
}

/// None for a token of a program that is over.
std::optional<supervisor::address> supervisor::find(token told) const noexcept {
  const auto place = static_cast<std::uint32_t>(told) >> 2U;
  if (place >= slots_.size() || !slots_[place].program ||
      slots_[place].generation != told >> 32U) {
    return std::nullopt;
  }
  return address{place, static_cast<part>(told & 3U)};
}

std::optional<std::uint32_t>
supervisor::find_ticket(std::uint64_t ticket) const noexcept {
  const auto found = places_.find(ticket);
  return found == places_.end() ? std::nullopt : std::optional(found->second);
}

/// One that is free, and that remove() can give back without memory.
std::uint32_t supervisor::take_place() {
  if (free_.empty()) {
    slots_.emplace_back().timer = timers_.end();
    free_.reserve(slots_.capacity());
    free_.push_back(static_cast<std::uint32_t>(slots_.size() - 1));
  }
  return free_.back();
}

// ---- Start and end --------------------------------------------------------

bool supervisor::start(job &given) noexcept {
  try {
    const auto place = take_place();
    auto program = std::make_unique<supervised>(std::move(given));
    const auto started = program->start();
    if (!started) {
      given = program->give_back();
      if (running() > 0 && is_shortage(started.error())) {
        return false;
      }
      tell_failed(given, started.error());
      return true;
    }
    add(place, std::move(program));
  } catch (...) { // nothing has been started, and the job is whole
    tell_failed(given, failure("process_ring", ENOMEM));
  }
  return true;
}

/// A program that runs must not be lost for want of memory.
void supervisor::add(std::uint32_t place,
                     std::unique_ptr<supervised> program) noexcept {
  auto &into = slots_[place];
  into.program = std::move(program);
  free_.pop_back();
  try {
    into.timer = timers_.emplace(clock::time_point::max(), place).first;
    places_.emplace(into.program->ticket(), place);
  } catch (...) {
    into.program->end(ending::failed, failure("process_ring", ENOMEM));
    into.program->reap();
  }
  settle(place);
}

void supervisor::remove(std::uint32_t place) noexcept {
  auto &[program, timer, generation] = slots_[place];
  const auto over = std::move(program);
  if (timer != timers_.end()) {
    timers_.erase(std::exchange(timer, timers_.end()));
  }
  places_.erase(over->ticket());
  generation = (generation + 1) % 0x7fff'ffffU; // never the alarm's
  free_.push_back(place);
  over->tell();
}

void supervisor::end_all(ending why, std::optional<error> failure) noexcept {
  for (auto &each : slots_) {
    if (each.program) {
      each.program->end(why, failure);
    }
  }
  for (std::uint32_t place = 0; place < slots_.size(); ++place) {
    if (slots_[place].program) {
      slots_[place].program->reap();
      settle(place);
    }
  }
}

void supervisor::cancel(std::uint64_t ticket) noexcept {
  if (const auto place = find_ticket(ticket)) {
    slots_[*place].program->stop(ending::cancelled);
    settle(*place);
  }
}

void supervisor::cancel_until(std::uint64_t ticket) noexcept {
  for (std::uint32_t place = 0; place < slots_.size(); ++place) {
    const auto &program = slots_[place].program;
    if (program && program->ticket() <= ticket) {
      program->stop(ending::cancelled);
      settle(place);
    }
  }
}

void supervisor::consumed(std::uint64_t ticket, child_stream stream,
                          std::size_t bytes) noexcept {
  if (const auto place = find_ticket(ticket)) {
    slots_[*place].program->consumed(static_cast<part>(stream), bytes);
    settle(*place);
  }
}

// ---- What follows from a change -------------------------------------------

void supervisor::close_parts(std::uint32_t place) noexcept {
  auto &program = *slots_[place].program;
  for (const part each : all_parts) {
    const auto [fd, watched] = program.to_close(each);
    if (fd != -1 && watched) {
      readiness_->forget(fd, token_of({place, each}));
    }
    if (fd != -1) {
      program.close(each);
    }
  }
}

/// What cannot be watched cannot be supervised.
void supervisor::watch_parts(std::uint32_t place) noexcept {
  auto &program = *slots_[place].program;
  for (const part each : all_parts) {
    const int fd = program.unwatched(each);
    if (fd == -1) {
      continue;
    }
    const short events = each == part::input ? POLLOUT : POLLIN;
    if (const auto watched =
            readiness_->watch(fd, events, token_of({place, each}));
        !watched) {
      program.end(ending::failed, watched.error());
      program.reap();
      close_parts(place);
      return;
    }
    program.watched(each, true);
  }
}

void supervisor::settle(std::uint32_t place) noexcept {
  close_parts(place);
  watch_parts(place);
  auto &[program, timer, generation] = slots_[place];
  if (program->over()) {
    remove(place);
  } else if (timer->first != program->deadline()) {
    auto node = timers_.extract(timer);
    node.value().first = program->deadline();
    timer = timers_.insert(std::move(node)).position;
  }
}

// ---- A turn ---------------------------------------------------------------

std::optional<std::chrono::nanoseconds> supervisor::until_deadline(
    std::optional<std::chrono::nanoseconds> most) const noexcept {
  const auto first =
      timers_.empty() ? clock::time_point::max() : timers_.begin()->first;
  if (first == clock::time_point::max()) {
    return most;
  }
  const auto left =
      std::max<std::chrono::nanoseconds>(first - clock::now(), 0ns);
  return most ? std::min(*most, left) : left;
}

result<void>
supervisor::turn(std::optional<std::chrono::nanoseconds> time) noexcept {
  if (alarm_ != -1 && !alarm_watched_) {
    if (const auto watched = readiness_->watch(alarm_, POLLIN, of_alarm);
        !watched) {
      return watched;
    }
    alarm_watched_ = true;
  }
  const auto count = readiness_->wait(until_deadline(time), ready_);
  if (!count) {
    return count.error();
  }
  const auto told = std::span(ready_).first(*count);
  for (const token each : told) {
    handle(each);
  }
  // Not before: nothing may close a descriptor that is about to be read.
  for (const token each : told) {
    plan_reading(each);
  }
  read_planned();
  expire();
  return {};
}

/// All but output.
void supervisor::handle(token told) noexcept {
  if (told == of_alarm) {
    eventfd_t times = 0;
    eventfd_read(alarm_, &times);
    alarm_watched_ = false;
    return;
  }
  const auto of = find(told);
  if (!of) {
    return;
  }
  auto &program = *slots_[of->place].program;
  program.watched(of->what, false);
  if (of->what == part::process) {
    program.collect();
  } else if (of->what == part::input) {
    program.feed();
  } else {
    return;
  }
  settle(of->place);
}

void supervisor::plan_reading(token told) noexcept {
  const auto of = find(told);
  if (!of || of->what == part::input || of->what == part::process) {
    return;
  }
  const auto &program = *slots_[of->place].program;
  const int fd = program.unwatched(of->what);
  if (fd == -1) {
    return;
  }
  readings_[planned_] = {.fd = fd,
                         .data = blocks_.get() + planned_ * block,
                         .size = program.room(of->what, block)};
  reading_[planned_] = told;
  if (++planned_ == batch) {
    read_planned();
  }
}

void supervisor::read_planned() noexcept {
  const auto count = std::exchange(planned_, 0);
  readiness_->read(std::span(readings_).first(count));
  for (std::size_t each = 0; each < count; ++each) {
    if (const auto of = find(reading_[each])) {
      const auto &[fd, data, size, done] = readings_[each];
      slots_[of->place].program->take(of->what, done, data);
      settle(of->place);
    }
  }
}

void supervisor::expire() noexcept {
  const auto now = clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto place = timers_.begin()->second;
    slots_[place].program->expire(now);
    settle(place);
  }
}

} // namespace clofork
