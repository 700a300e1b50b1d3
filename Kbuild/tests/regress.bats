#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash sets
# How make regress takes a boot's output apart and compares two kernels.
load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	printf 's\tp\t4\t60\t.\t./p\n' >programs
	: >unstable
}

# ran KERNEL ROUND STATUS [LINE...]: as if program p of suite s had printed these lines
ran() {
	mkdir -p "$1/s"
	{
		echo "$3 0.1"
		printf '%s\n' "${@:4}"
	} >"$1/s/p.$2"
}

@test "a suite that is not there is refused before anything is built" {
	run -125 "$lab/regress" selftests nosuch
	contains "there is no suite nosuch; kernel-patches/regress.list has selftests liburing strace"
}

compare() { "$lab/regress-compare" "$@" programs stock patched unstable results; }
regresses() {
	run -1 compare
	contains "REGRESSION: s p: $1"
}
# passes VERDICT TEST: no regression, and TEST has VERDICT in the table
passes() {
	run -0 compare
	contains " 0 regressions"
	cut -f3,6 results | grep -qxF "$2"$'\t'"$1" || { cat results && return 1; }
}

@test "pass on both" {
	ran stock 1 0 TAP 1..2 'ok 1 - a' 'ok 2 b.c'
	ran patched 1 0 TAP 1..2 'ok 1 - a' 'ok 2 b.c'
	passes same b.c
}

@test "pass, then fail" {
	ran stock 1 0 'ok 1 - a' 'ok 2 - b'
	ran patched 1 0 'ok 1 - a' 'not ok 2 - b'
	regresses "b"
	contains "stock: pass; patched: fail"
	contains "3 tests, 1 regressions"
}

@test "pass, then missing" {
	ran stock 1 0 'ok 1 - a' 'ok 2 - b'
	ran patched 1 0 'ok 1 - a'
	regresses "b"
	contains "patched: missing"
}

@test "pass, then skip" {
	ran stock 1 0 'ok 1 - a'
	ran patched 1 0 'ok 1 - a # SKIP no such thing'
	regresses "a"
}

@test "skip, then fail" {
	ran stock 1 0 'ok 1 - a # SKIP no such thing'
	ran patched 1 0 'not ok 1 - a'
	regresses "a"
}

@test "fail, then pass; fail on both" {
	ran stock 1 1 'not ok 1 - a' 'not ok 2 - b'
	ran patched 1 1 'ok 1 - a' 'not ok 2 - b'
	passes differs a
	passes same b
}

@test "the exit status alone" {
	ran stock 1 0
	ran patched 1 1
	regresses "-"
}

@test "a program that was not run on patched" {
	ran stock 1 0 'ok 1 - a'
	regresses "a"
	regresses "-"
}

@test "a program that was not run at all, and no program" {
	run -1 compare
	contains "stock has no result of s p"
	: >programs
	run -1 compare
}

@test "a bug of the patched kernel, where stock failed too" {
	ran stock 1 1 'not ok 1 - a'
	ran patched 1 splat 'BUG: something'
	regresses "-"
	contains "patched: splat"
}

@test "what a crash printed is no result" {
	ran stock 1 0 'ok 1 - a'
	ran patched 1 crash 'ok 1 - a'
	regresses "a"
}

@test "a nested test" {
	ran stock 1 0 '    ok 1 inner' 'ok 1 - outer'
	ran patched 1 0 '    not ok 1 inner' 'ok 1 - outer'
	regresses "inner"
}

@test "two tests of one name, and numbers of one run" {
	ran stock 1 0 'ok 1 - a' 'ok 2 - a' 'ok 3 - pid 1234 at 0xffffff'
	ran patched 1 0 'ok 1 - a' 'not ok 2 - a' 'ok 3 - pid 5678 at 0xaaaaaaa'
	regresses "a #2"
	contains "4 tests, 1 regressions"
}

@test "what differs is to be run again" {
	ran stock 1 0 'ok 1 - a'
	ran patched 1 1 'not ok 1 - a'
	run -0 compare --again
	[[ $output == "s p" ]]
	ran patched 1 0 'ok 1 - a'
	run -0 compare --again
	[[ ! $output ]]
}

@test "run again: passes each time" {
	ran stock 1 0 'ok 1 - a'
	ran patched 1 0 'not ok 1 - a'
	for round in 2 3; do
		ran stock $round 0 'ok 1 - a'
		ran patched $round 0 'ok 1 - a'
	done
	passes "passes when run again" a
	contains "patched: fail, then 2/2 pass"
}

@test "run again: passes now and then on both" {
	ran stock 1 0 'ok 1 - a'
	ran stock 2 0 'not ok 1 - a'
	ran stock 3 0 'ok 1 - a'
	ran patched 1 0 'not ok 1 - a'
	ran patched 2 0 'not ok 1 - a'
	ran patched 3 0 'ok 1 - a'
	passes "unstable on both" a
}

@test "run again: fails once more on patched alone" {
	ran stock 1 0 'ok 1 - a'
	ran patched 1 0 'not ok 1 - a'
	for round in 2 3; do ran stock $round 0 'ok 1 - a'; done
	ran patched 2 0 'ok 1 - a'
	ran patched 3 0 'not ok 1 - a'
	regresses "a"
}

@test "run again: never passes on patched, now and then on stock" {
	ran stock 1 0 'ok 1 - a'
	ran stock 2 0 'not ok 1 - a'
	ran patched 1 0 'not ok 1 - a'
	ran patched 2 0 'not ok 1 - a'
	regresses "a"
}

@test "a test that is named as unstable, with the reason" {
	ran stock 1 0 'ok 1 - a b' 'ok 2 - c'
	ran patched 1 0 'not ok 1 - a b' 'ok 2 - c'
	echo 's/p a b # the clock stands still' >unstable
	passes "unstable: the clock stands still" "a b"
	echo 's/p a* # the clock stands still' >unstable
	passes "unstable: the clock stands still" "a b"
	echo 's/p a b' >unstable # no reason
	regresses "a b"
	echo 's/q a b # another program' >unstable
	regresses "a b"
}

collect() { run "$lab/regress-collect" results 1 "$1" out err; }

@test "a boot's output: what ended, and what was running when the guest did" {
	printf 'begin s p\nend 0 1.5 9\nok 1 - a\nbegin s d/q\nend timeout 60.0 0\nbegin s r\n' >out
	echo "the kernel reported the above" >err
	collect 126
	((status == 0))
	diff results/s/p.1 <(printf '0 1.5\nok 1 - a\n')
	diff results/s/d/q.1 <(echo timeout 60.0)
	diff results/s/r.1 <(printf 'crash 0\nthe kernel reported the above\n')
	collect 124
	grep -q '^hang' results/s/r.1
}

@test "a boot's output: a program that prints a frame" {
	printf 'begin s p\nend 0 1.5 10\nbegin s x\nbegin s q\nend 1 1.0 0\n' >out
	: >err
	collect 0
	((status == 0))
	[[ ! -e results/s/x.1 && $(<results/s/q.1) == "1 1.0" ]]
}

@test "a boot that gave nothing, or ended well in the middle" {
	: >out
	: >err
	collect 125
	((status == 1))
	echo "begin s p" >out
	collect 0
	((status == 1))
	contains "within s p"
}

@test "a bug in the kernel's log is that program's in whose turn it came" {
	printf '[ 1.0] regress: s p\n[ 1.1] fine\n[ 2.0] regress: s q\n[ 2.1] INFO: rcu_sched stalls\n' >console
	printf 'begin s p\nend 0 1.0 0\nbegin s q\nend 0 1.0 0\n' >out
	echo "lab: the kernel reported the above; the console's log: $PWD/console" >err
	collect 126
	((status == 0))
	[[ $(<results/s/p.1) == "0 1.0" && $(head -n1 results/s/q.1) == "splat 1.0" ]]
	grep -q 'INFO: rcu_sched' results/s/q.1
}

@test "a program's own fault is no bug of the kernel" {
	echo 'traps: p[41] general protection fault ip:b05c sp:b05c error:0' >console
	run -1 "$lab/splat" console
	echo 'Oops: general protection fault, probably for non-canonical address' >>console
	run -0 "$lab/splat" console
}
