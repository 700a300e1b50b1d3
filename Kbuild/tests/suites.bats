#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # others expand; common.bash sets
# Which suites "make test" runs, on which kernel of which base, and what may skip there;
# in a lab whose kernels are not built and whose guest prints what it was asked for.
load common

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{Kbuild,room}
	cp "$lab"/{test,tap,lib.sh,bases,architectures} "$tree/Kbuild"
	stub packages; stub programs; stub kernel; stub source
	stub run 'echo "$BASE $KERNEL $*" >>"$0.log"; printf "1..1\nok 1 - row.test%s\n" "${SKIPS:+ # SKIP none here}"'
	suites 'both patched,7.3/patched true' 'old stock true' 'here host printf "1..1\nok 1\n"'
}
stub() {
	printf '#!/bin/bash\n%s\n' "${2:-}" >"$tree/Kbuild/$1"
	chmod +x "$tree/Kbuild/$1"
}
suites() { printf '%s\n' "$@" >"$tree/room/suites"; }
ran() { [[ $(<"$tree/Kbuild/run.log") == "$(printf '%s\n' "$@")" ]]; }

@test "both bases where none is asked for" {
	run -0 "$tree/Kbuild/test"
	ran "6.12 patched true" "7.3 patched true" "6.12 stock true"
	contains "both-7.3-patched: 1 passed, 0 failed, 0 skipped"
	[[ ${lines[-1]} == "4 passed, 0 failed, 0 skipped" ]]
}

@test "only the base that is asked for" {
	BASE=7.3 run -0 "$tree/Kbuild/test"
	ran "7.3 patched true" "7.3 stock true"
	[[ ${lines[-1]} == "3 passed, 0 failed, 0 skipped" ]]
}

@test "only the suites that are named" {
	run -0 "$tree/Kbuild/test" old
	ran "6.12 stock true"
}

@test "with --long those that take hours, which have a day" {
	stub run 'echo "$TIMEOUT $BASE $KERNEL $*" >>"$0.log"; printf "1..1\nok 1 - row.test\n"'
	echo 'slow patched true' >"$tree/room/suites-long"
	unset TIMEOUT
	run -0 "$tree/Kbuild/test" --long
	TIMEOUT=5 run -0 "$tree/Kbuild/test" --long slow
	ran "86400 6.12 patched true" "5 6.12 patched true"
	[[ ${lines[-1]} == "1 passed, 0 failed, 0 skipped" ]]
}

@test "not beside another, whose output it would erase" {
	run -0 "$tree/Kbuild/test" old
	run ! flock "$tree/build/log/test.lock" "$tree/Kbuild/test" here
	contains "another make test is running here"
	[[ -s $tree/build/log/test/old.tap ]]
	run -0 "$tree/Kbuild/test" here
}

@test "a base that cannot be had is a skip with its reason" {
	stub source 'echo "no such suite" >&2; exit 125'
	run -0 "$tree/Kbuild/test"
	ran "6.12 patched true" "6.12 stock true"
	contains "both-7.3/patched: skipped, Linux 7.3 cannot be had: no such suite"
	[[ ${lines[-1]} == "3 passed, 0 failed, 1 skipped" ]]
}

@test "what one base alone may skip" {
	suites 'both patched,7.3/patched true'
	echo 'both row.* # not there yet' >"$tree/room/may-skip-6.12"
	SKIPS=1 run -1 "$tree/Kbuild/test"
	contains "both-patched: 0 passed, 0 failed, 1 skipped"
	contains "both-7.3-patched: 0 passed, 1 failed, 0 skipped"
}

@test "another architecture has suites, and a may-skip, of its own" {
	stub run 'echo "$ARCH $BASE $KERNEL $*" >>"$0.log"; printf "1..2\nok 1 - row.test # SKIP none here\nok 2 - b\n"'
	echo 'own patched true' >"$tree/room/suites-arm64"
	ARCH=arm64 run -1 "$tree/Kbuild/test"
	echo 'own row.* # arm64 has none' >"$tree/room/may-skip-s390"
	ARCH=arm64 run -1 "$tree/Kbuild/test"
	mv "$tree/room/may-skip-s390" "$tree/room/may-skip-arm64"
	ARCH=arm64 run -0 "$tree/Kbuild/test"
	ran "arm64 6.12 patched true" "arm64 6.12 patched true" "arm64 6.12 patched true"
	[[ ${lines[-1]} == "1 passed, 0 failed, 1 skipped" ]]
}
