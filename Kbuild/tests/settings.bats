#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2031,SC2154 # other shells expand; common.bash sets
# A setting that cannot be is refused in one clear line, before anything is built.
load common

# refused NAME=VALUE TEXT
refused() {
	run -125 env "$1" "$lab/kernel"
	((${#lines[@]} == 1))
	contains "$2"
}

@test "unknown BASE" { refused BASE=5.4 "BASE=5.4 is unknown; there are 6.12 7.3"; }
@test "unknown ARCH" { refused ARCH=vax "ARCH=vax is unknown; there are alpha arm64"; }
@test "an ARCH without a guest" { refused ARCH=alpha "ARCH=alpha has no guest here; there are arm64 s390 x86_64"; }
@test "unknown KERNEL" { refused KERNEL=fast "there are stock, patched, debug and kcsan"; }
@test "JOBS that is no number" { refused JOBS=many "JOBS=many"; }
@test "SMP of none" { refused SMP=0 "SMP=0"; }
@test "TIMEOUT with a unit" { refused TIMEOUT=5m "TIMEOUT=5m"; }
@test "MEM without a unit" { refused MEM=1024 "MEM=1024"; }
@test "KERNEL_SRC that is no kernel tree" { refused KERNEL_SRC=/usr "KERNEL_SRC=/usr is not a kernel tree"; }

@test "a base without a series" {
	LAB_SERIES=/nonexistent KERNEL=patched run -125 "$lab/kernel"
	contains "there is no series for BASE=6.12"
}

@test "no command" {
	run -125 "$lab/run" "  "
	contains "no command: make run CMD="
}

@test "a shell without a terminal" {
	run -125 "$lab/run" --shell </dev/null
	contains "needs a terminal"
}

@test "not enough disk space, before starting" {
	# shellcheck source=../lib.sh
	. "$lab/lib.sh"
	set +u
	run -125 need_space 999999999
	contains "not enough disk space: 999999999 MB are needed under"
}

@test "help names every target" {
	run -0 make -C "$root" help
	for target in demo test run shell kernel check rebase-series; do contains "make $target"; done
}
