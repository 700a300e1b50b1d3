// SPDX-License-Identifier: MIT
#include "seccomp_filter.h"

#include "close_on_fork.h"

#include <array>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

namespace {

constexpr unsigned low_word(unsigned argument) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  return offsetof(seccomp_data, args) + sizeof(__u64) * argument;
}

/// Refuses a system call when the argument has a bit of the mask.
bool refuse(unsigned nr, unsigned argument, unsigned mask, unsigned code) {
  std::array filter{
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                           offsetof(seccomp_data, nr)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_word(argument)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = filter.size(), .filter = filter.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace

bool refuse_dupfd_clofork(unsigned code) {
  // Of the commands used here only 1041 has this bit.
  return refuse(SYS_fcntl, 1, 16, code);
}

bool refuse_open_clofork(unsigned code) {
  return refuse(SYS_openat, 2, O_CLOFORK, code);
}

bool refuse_setfd_clofork(unsigned code) {
  return refuse(SYS_fcntl, 2, FD_CLOFORK, code);
}
