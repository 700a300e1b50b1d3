// SPDX-License-Identifier: MIT
#include "clofork/process_ring.h"

#include "clofork/descriptors.h"
#include "clofork/features.h"
#include "failure.h"
#include "no_cancellation.h"
#include "supervisor.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <mutex>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace clofork {
namespace {

using namespace std::chrono_literals;
using clock = supervisor::clock;

/// Of another thread, to the one that drives.
struct request {
  process_ring::ticket ticket;
  std::optional<child_stream> stream; ///< none: cancel it
  std::size_t bytes = 0;              ///< of the stream, consumed
};

constexpr unsigned ring_entries = 1024;

result<std::unique_ptr<readiness>> make_readiness(const ring_options &options,
                                                  ring_engine &engine) {
  const auto known = features();
  engine = options.engine.value_or(known && known->calls.io_uring
                                       ? ring_engine::io_uring
                                       : ring_engine::epoll);
  if (engine == ring_engine::io_uring) {
    auto made = make_io_uring(ring_entries);
    if (made || options.engine) {
      return made;
    }
    engine = ring_engine::epoll; // such as when memory may not be locked
  }
  return make_epoll();
}

} // namespace

struct process_ring::state {
  state(const ring_options &options, ring_engine used, unique_fd alarm_made,
        std::unique_ptr<readiness> made)
      : concurrency(options.concurrency), queue_limit(options.queue_limit),
        engine(used), alarm(std::move(alarm_made)),
        work(std::move(made), alarm.get()) {}
  state(const state &) = delete;
  state &operator=(const state &) = delete;
  ~state();

  void wake() noexcept;
  result<void> ask(const request &asked) noexcept;
  void take_requests() noexcept;
  void cancel(ticket which) noexcept;
  void end_queued_until(ticket last, ending how,
                        std::optional<error> why) noexcept;
  job *first() noexcept;
  job take_first() noexcept;
  void start_some() noexcept;
  [[nodiscard]] bool has_room() const noexcept;
  [[nodiscard]] bool idle() noexcept;
  result<void> drive(std::optional<clock::time_point> until) noexcept;
  result<void> turn(std::optional<clock::time_point> until) noexcept;
  void fail(const error &why) noexcept;

  const std::size_t concurrency;
  const std::size_t queue_limit;
  const ring_engine engine;
  const pid_t process = getpid();
  const unique_fd alarm; ///< an eventfd

  std::mutex mutex; ///< of what follows
  std::deque<job> queue;
  std::vector<request> requests;
  ticket last_ticket = 0;
  ticket cancelled_until = 0;
  bool asleep = false; ///< the thread that drives, unless alarmed
  bool closing = false;

  std::atomic<bool> driven = false;
  // Of the thread that drives:
  supervisor work;
  std::vector<request> taken;
  /// With so many running, there was no descriptor or process for more.
  std::size_t enough = SIZE_MAX;
};

// ---- From any thread ------------------------------------------------------

void process_ring::state::wake() noexcept {
  if (std::exchange(asleep, false)) {
    const no_cancellation held;
    eventfd_write(alarm.get(), 1);
  }
}

result<void> process_ring::state::ask(const request &asked) noexcept {
  try {
    const std::lock_guard held(mutex);
    requests.push_back(asked);
    wake();
  } catch (...) {
    return failure("process_ring", ENOMEM);
  }
  return {};
}

result<process_ring::ticket>
process_ring::submit(command wanted, run_options options,
                     process_handlers handlers) noexcept {
  try {
    const std::lock_guard held(state_->mutex);
    if (state_->closing) {
      return failure("process_ring.submit", ECANCELED);
    }
    if (state_->queue.size() >= state_->queue_limit) {
      return failure("process_ring.submit", EAGAIN);
    }
    const ticket given = state_->last_ticket + 1;
    state_->queue.push_back(
        {given, std::move(wanted), std::move(options), std::move(handlers)});
    state_->last_ticket = given;
    state_->wake();
    return given;
  } catch (...) {
    return failure("process_ring.submit", ENOMEM);
  }
}

result<void> process_ring::cancel(ticket which) noexcept {
  return state_->ask({.ticket = which, .stream = {}});
}

void process_ring::cancel_all() noexcept {
  const std::lock_guard held(state_->mutex);
  state_->cancelled_until = state_->last_ticket;
  state_->wake();
}

result<void> process_ring::consumed(ticket which, child_stream stream,
                                    std::size_t bytes) noexcept {
  return state_->ask({.ticket = which, .stream = stream, .bytes = bytes});
}

ring_engine process_ring::engine() const noexcept {
  return state_->engine;
}

// ---- From the thread that drives ------------------------------------------

namespace {

void tell(job &&given, ending how, std::optional<error> failure = {}) {
  if (given.handlers.ended) {
    given.handlers.ended({.how = how, .failure = failure});
  }
}

} // namespace

/// The next of the queue, or null. It stays where it is when others submit.
job *process_ring::state::first() noexcept {
  const std::lock_guard held(mutex);
  return queue.empty() ? nullptr : &queue.front();
}

job process_ring::state::take_first() noexcept {
  const std::lock_guard held(mutex);
  job taken_out = std::move(queue.front());
  queue.pop_front();
  return taken_out;
}

/// Handlers are called without the lock: they may submit.
void process_ring::state::cancel(ticket which) noexcept {
  std::optional<job> queued;
  {
    const std::lock_guard held(mutex);
    const auto found = std::ranges::find(queue, which, &job::ticket);
    if (found != queue.end()) {
      queued = std::move(*found);
      queue.erase(found);
    }
  }
  if (queued) {
    tell(std::move(*queued), ending::cancelled);
  } else {
    work.cancel(which);
  }
}

void process_ring::state::end_queued_until(ticket last, ending how,
                                           std::optional<error> why) noexcept {
  for (const job *next = first(); next != nullptr && next->ticket <= last;
       next = first()) {
    tell(take_first(), how, why);
  }
}

void process_ring::state::take_requests() noexcept {
  ticket until = 0;
  {
    const std::lock_guard held(mutex);
    taken.swap(requests);
    until = std::exchange(cancelled_until, 0);
    asleep = false;
  }
  for (const auto &[which, stream, bytes] : taken) {
    if (stream) {
      work.consumed(which, *stream, bytes);
    } else {
      cancel(which);
    }
  }
  taken.clear();
  if (until != 0) {
    end_queued_until(until, ending::cancelled, {});
    work.cancel_until(until);
  }
}

bool process_ring::state::idle() noexcept {
  const std::lock_guard held(mutex);
  return queue.empty() && requests.empty() && cancelled_until == 0 &&
         work.running() == 0;
}

bool process_ring::state::has_room() const noexcept {
  return work.running() < std::min(concurrency, enough);
}

/// A few at a time: those that run are not to wait for all.
void process_ring::state::start_some() noexcept {
  constexpr int at_once = 8;
  if (work.running() < enough) {
    enough = SIZE_MAX;
  }
  for (int count = 0; count < at_once && has_room(); ++count) {
    job *const next = first();
    if (next == nullptr) {
      return;
    }
    if (work.start(*next)) {
      (void)take_first();
    } else {
      enough = work.running();
    }
  }
}

result<void>
process_ring::state::turn(std::optional<clock::time_point> until) noexcept {
  std::optional<std::chrono::nanoseconds> time;
  if (until) {
    time = std::max<std::chrono::nanoseconds>(*until - clock::now(), 0ns);
  }
  {
    const std::lock_guard held(mutex);
    const bool more = !queue.empty() && has_room();
    asleep = !more && requests.empty() && cancelled_until == 0;
    if (!asleep) {
      time = 0ns;
    }
  }
  return work.turn(time);
}

/// Until the time, or until there is nothing left.
result<void>
process_ring::state::drive(std::optional<clock::time_point> until) noexcept {
  const no_cancellation held;
  if (driven.exchange(true)) {
    return failure("process_ring.drive", EBUSY);
  }
  result<void> driven_well;
  for (;;) {
    take_requests();
    start_some();
    if (!until && idle()) {
      break;
    }
    driven_well = turn(until);
    if (!driven_well) {
      fail(driven_well.error());
      break;
    }
    if (until && clock::now() >= *until) {
      break;
    }
  }
  driven = false;
  return driven_well;
}

/// Whatever is told of an engine that failed is told once. Not what handlers
/// submit in answer to it: they might do so for ever.
void process_ring::state::fail(const error &why) noexcept {
  ticket last = 0;
  {
    const std::lock_guard held(mutex);
    last = last_ticket;
  }
  work.end_all(ending::failed, why);
  end_queued_until(last, ending::failed, why);
}

process_ring::state::~state() {
  if (getpid() != process) {
    return;
  }
  {
    const std::lock_guard held(mutex);
    closing = true;
  }
  const no_cancellation held;
  work.end_all(ending::cancelled, {});
  end_queued_until(last_ticket, ending::cancelled, {});
}

result<void> process_ring::drive() noexcept {
  return state_->drive({});
}

result<void> process_ring::drive_for(std::chrono::nanoseconds time) noexcept {
  return state_->drive(supervised::after(clock::now(), time));
}

// ---- The object -----------------------------------------------------------

process_ring::process_ring(std::unique_ptr<state> made) noexcept
    : state_(std::move(made)) {}
process_ring::process_ring(process_ring &&other) noexcept = default;
process_ring &process_ring::operator=(process_ring &&other) noexcept = default;
process_ring::~process_ring() = default;

result<process_ring>
process_ring::create(const ring_options &options) noexcept {
  if (options.concurrency == 0) {
    return failure("ring_options.concurrency", EINVAL);
  }
  if (options.queue_limit == 0) {
    return failure("ring_options.queue_limit", EINVAL);
  }
  auto alarm = clofork::eventfd(0, EFD_NONBLOCK);
  if (!alarm) {
    return alarm.error();
  }
  ring_engine engine{};
  auto made = make_readiness(options, engine);
  if (!made) {
    return made.error();
  }
  try {
    return process_ring(std::make_unique<state>(
        options, engine, std::move(alarm->fd), std::move(*made)));
  } catch (...) {
    return failure("process_ring", ENOMEM);
  }
}

} // namespace clofork
