// SPDX-License-Identifier: MIT
// A thread that is cancelled is not, while it is in the library: what is
// noexcept would end the process.
#include "clofork/descriptors.h"
#include "clofork/executable_file.h"
#include "clofork/features.h"
#include "clofork/process_ring.h"
#include "clofork/run.h"
#include "clofork/sockets.h"
#include "clofork/spawn.h"
#include "clofork/streams.h"
#include "in_child.h"

#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/un.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

struct work {
  std::function<void()> call;
  bool returned = false;
};

void *cancel_and_work(void *given) {
  work &todo = *static_cast<work *>(given);
  pthread_cancel(pthread_self()); // acts in the first call that lets it
  todo.call();
  todo.returned = true;
  pthread_testcancel();
  return nullptr;
}

/// Whether a thread is cancelled after the call, or else in it. In a child, as
/// the process may end.
bool is_cancelled(const std::function<void()> &call, bool after) {
  return in_child([&] {
    work todo{call};
    pthread_t thread{};
    void *result = nullptr;
    return pthread_create(&thread, nullptr, cancel_and_work, &todo) == 0 &&
           pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED &&
           todo.returned == after;
  });
}

bool returns(const std::function<void()> &call) {
  return is_cancelled(call, true);
}

clofork::marked_fd open_null() {
  return std::move(*clofork::open("/dev/null", O_RDWR));
}

/// A socket that somebody has connected to, and who did.
std::pair<clofork::marked_fd, clofork::marked_fd> called_listener() {
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = {}};
  auto *const address = reinterpret_cast<sockaddr *>(&name);
  socklen_t length = sizeof(name);
  auto listener = clofork::socket(AF_UNIX, SOCK_STREAM);
  auto caller = clofork::socket(AF_UNIX, SOCK_STREAM);
  // With no name given the kernel chooses one that no file has.
  EXPECT_EQ(bind(listener->fd.get(), address, sizeof(name.sun_family)), 0);
  listen(listener->fd.get(), 1);
  getsockname(listener->fd.get(), address, &length);
  EXPECT_EQ(connect(caller->fd.get(), address, length), 0);
  return {std::move(*listener), std::move(*caller)};
}

TEST(cancellation, waits_for_descriptors_to_be_closed) {
  EXPECT_TRUE(returns([] { const auto dropped = open_null(); }));
  EXPECT_TRUE(returns([] { (void)open_null().fd.close(); }));
}

TEST(cancellation, waits_for_the_kernel_to_be_asked) {
  EXPECT_TRUE(returns([] { (void)clofork::probe_features(); }));
}

TEST(cancellation, waits_for_a_connection) {
  const auto [listener, caller] = called_listener();
  EXPECT_TRUE(
      returns([&fd = listener.fd] { (void)clofork::accept(fd.get()); }));
}

TEST(cancellation, waits_for_streams_to_be_closed) {
  const auto buffered = [] {
    auto stream = clofork::fdopen(open_null(), "w");
    std::fputs("text", stream->get());
    return std::move(*stream);
  };
  EXPECT_TRUE(returns([&] { const auto dropped = buffered(); }));
  EXPECT_TRUE(returns([&] { (void)clofork::close(buffered()); }));
  EXPECT_TRUE(returns([] {
    (void)clofork::fdopendir(std::move(*clofork::open("/", O_RDONLY)));
  }));
}

TEST(cancellation, waits_for_a_program_to_be_published) {
  const std::string path = testing::TempDir() + "cancellation";
  const auto create = [&] {
    return clofork::executable_file::create(path, {.sync = true});
  };
  EXPECT_TRUE(returns([&] { (void)create()->write("text"); }));
  EXPECT_TRUE(returns([&] { (void)create()->publish(); }));
  EXPECT_EQ(unlink(path.c_str()), 0);
}

TEST(cancellation, waits_for_a_program_that_runs) {
  const clofork::command wanted{.program = "/bin/sleep",
                                .arguments = {"sleep", "0.1"}};
  EXPECT_TRUE(returns([&] { (void)clofork::run(wanted); }));
  EXPECT_TRUE(returns([&] { (void)clofork::spawn(wanted)->wait(); }));
}

TEST(cancellation, waits_for_a_ring_to_be_woken) {
  EXPECT_TRUE(returns([] {
    auto ring = clofork::process_ring::create();
    (void)ring->drive_for(0ns); // asleep from then on
    ring->cancel_all();
  }));
}

// recvmsg() in a function that may be unwound.
TEST(cancellation, acts_in_receive) {
  const auto receive_nothing = [] {
    std::array<std::byte, 1> none{};
    const auto pair = clofork::socketpair(AF_UNIX, SOCK_DGRAM);
    (void)clofork::receive((*pair)[0].fd.get(), none);
  };
  EXPECT_TRUE(is_cancelled(receive_nothing, false));
}

} // namespace
