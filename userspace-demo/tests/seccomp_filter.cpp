// SPDX-License-Identifier: MIT
#include "seccomp_filter.h"

#include "close_on_fork.h"

#include <cerrno>
#include <cstddef>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr unsigned low_word(unsigned argument) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  return offsetof(seccomp_data, args) + sizeof(__u64) * argument;
}

/// A comparison of an argument, BPF_JEQ or BPF_JSET, with a value.
struct condition {
  unsigned argument;
  unsigned comparison;
  unsigned value;
};

/// Has the filter do that to a system call when all of the conditions hold.
/// What seccomp(2) returns.
int filter_call(long number, const std::vector<condition> &conditions,
                unsigned action, unsigned flags = 0) {
  std::vector<sock_filter> filter{sock_filter BPF_STMT(
      BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  auto left = static_cast<unsigned char>(2 * conditions.size() + 1);
  const auto unless = [&](unsigned comparison, unsigned value) {
    filter.push_back({static_cast<unsigned short>(BPF_JMP | comparison | BPF_K),
                      0, left, value});
    left -= 2;
  };
  unless(BPF_JEQ, static_cast<unsigned>(number));
  for (const auto &[argument, comparison, value] : conditions) {
    filter.push_back(
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_word(argument)));
    unless(comparison, value);
  }
  filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, action));
  filter.push_back(sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  const sock_fprog program{static_cast<unsigned short>(filter.size()),
                           filter.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return static_cast<int>(
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

bool refuse(long number, const std::vector<condition> &conditions,
            unsigned code) {
  return filter_call(number, conditions, SECCOMP_RET_ERRNO | code) == 0;
}

} // namespace

bool refuse_call(long number, unsigned code) {
  return refuse(number, {}, code);
}

bool refuse_call_with_bits(long number, unsigned argument, unsigned mask,
                           unsigned code) {
  return refuse(number, {{argument, BPF_JSET, mask}}, code);
}

bool refuse_call_with_value(long number, unsigned argument, unsigned value,
                            unsigned code) {
  return refuse(number, {{argument, BPF_JEQ, value}}, code);
}

bool kill_for_call(long number) {
  return filter_call(number, {}, SECCOMP_RET_KILL_PROCESS) == 0;
}

int hold_call_with_value(long number, unsigned argument, unsigned value) {
  return filter_call(number, {{argument, BPF_JEQ, value}},
                     SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

bool refuse_dupfd_clofork(unsigned code) {
  return refuse_call_with_value(SYS_fcntl, 1, F_DUPFD_CLOFORK, code);
}

bool refuse_open_clofork(unsigned code) {
  return refuse_call_with_bits(SYS_openat, 2, O_CLOFORK, code);
}

bool refuse_setfd_clofork(unsigned code) {
  // F_GETFD is called with anything in the place of an argument.
  return refuse(SYS_fcntl, {{1, BPF_JEQ, F_SETFD}, {2, BPF_JSET, FD_CLOFORK}},
                code);
}

bool refuse_clone3(unsigned code) {
  return refuse_call(SYS_clone3, code);
}

bool refuse_pidfds(unsigned code) {
  return refuse_clone3(code) &&
         refuse_call_with_bits(SYS_clone, 0, CLONE_PIDFD, code) &&
         refuse_call(SYS_pidfd_open, code) &&
         refuse_call(SYS_pidfd_send_signal, code) &&
         refuse_call_with_value(SYS_waitid, 0, P_PIDFD, EINVAL);
}
