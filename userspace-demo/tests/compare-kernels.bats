#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# demos/compare-kernels with a runner that answers in the kernels' place.

setup() {
	demo=$BATS_TEST_TMPDIR/demo
	mkdir -p "$demo/userspace-demo/demos"
	cp "$BATS_TEST_DIRNAME/../demos/compare-kernels" "$demo/userspace-demo/demos"
	export RUNNER=$BATS_TEST_TMPDIR/runner
	unset ROUNDS TIMEOUT
	# stock: the race; patched: with the mark none. A test overrides a cell.
	for race in etxtbsy-race epipe-race flush-once; do
		answer $race stock cloexec 1 race 787
		answer $race patched cloexec 1 race 701
		answer $race patched clofork 0 clean 0
	done
	cat >"$RUNNER" <<-'END'
		#!/bin/bash
		race=${1%% *} mark=${1#*--descriptors }
		cell=$(dirname "$0")/${race##*/}-$KERNEL-${mark%% *}
		echo "$TIMEOUT $1" >"$cell.called"
		rounds=${1#*--rounds }
		sed "s/ROUNDS/${rounds%% *}/" "$cell.json"
		exit "$(<"$cell.status")"
	END
	chmod +x "$RUNNER"
}

# answer RACE KERNEL MARK STATUS OUTCOME COUNT
answer() {
	echo "$4" >"$BATS_TEST_TMPDIR/$1-$2-$3.status"
	cat >"$BATS_TEST_TMPDIR/$1-$2-$3.json" <<-END
		{"demonstration": "$1", "event": "LOSS of $1", "outcome": "$5",
		 "kernel": {"release": "6.12.0-$2"},
		 "results": {"rounds": ROUNDS, "lost": $6, "rate": 0.25, "seconds": 31.24},
		 "error": {"message": "write: No space left on device (errno 28)"}}
	END
}

compare() { run "$demo/userspace-demo/demos/compare-kernels"; }

# has WORD...: a line of the output consists of these words.
has() {
	awk -v want="$*" '{ $1 = $1 } $0 == want { found = 1 } END { exit !found }' <<<"$output"
}

@test "prints one row for each cell, and a verdict for each race" {
	compare
	[ "$status" -eq 0 ]
	has race kernel release descriptors rounds lost rate time
	for race in etxtbsy-race epipe-race flush-once; do
		has $race stock 6.12.0-stock cloexec 1000 787 25.000 % 31.2 s
		has $race patched 6.12.0-patched cloexec 1000 701 25.000 % 31.2 s
		has $race patched 6.12.0-patched clofork 1000 0 25.000 % 31.2 s
		[[ $output == *$'\n'"$race: LOSS of $race in 787 of 1000 rounds on the stock kernel;"* ]]
	done
}

@test "keeps the JSON of each cell" {
	compare
	[ "$(jq .results.lost "$demo/build/demo/etxtbsy-race-stock-cloexec.json")" -eq 787 ]
	[ "$(jq .results.lost "$demo/build/demo/epipe-race-patched-cloexec.json")" -eq 701 ]
	[ "$(jq .results.lost "$demo/build/demo/flush-once-patched-clofork.json")" -eq 0 ]
}

@test "hands ROUNDS on, and time for them" {
	ROUNDS=20000 compare
	[ "$status" -eq 0 ]
	for race in etxtbsy-race epipe-race flush-once; do
		read -r timeout command <"$BATS_TEST_TMPDIR/$race-patched-clofork.called"
		[ "$timeout" -eq 5300 ]
		[ "$command" = "build/userspace-demo/demos/$race --rounds 20000 --descriptors clofork --json" ]
	done
}

@test "refuses ROUNDS that are no number" {
	for bad in 0 -1 1.5 "1 2" many 1e3 10000000000; do
		ROUNDS=$bad compare
		[ "$status" -eq 2 ]
		[[ $output == "compare-kernels: ROUNDS=$bad is not"* ]]
	done
}

@test "a stock kernel without one of the races is no success" {
	for race in etxtbsy-race epipe-race flush-once; do
		answer $race stock cloexec 0 clean 0
		compare
		[ "$status" -eq 1 ]
		[[ $output == *"$race: not shown: "* ]]
		answer $race stock cloexec 1 race 1
	done
}

@test "one of the races on the patched kernel with the mark is no success" {
	for race in etxtbsy-race epipe-race flush-once; do
		answer $race patched clofork 1 race 1
		compare
		[ "$status" -eq 1 ]
		[[ $output == *"$race: not cured: LOSS of $race in 1 of 1000 rounds"* ]]
		answer $race patched clofork 0 clean 0
	done
}

@test "patched without the mark may go either way" {
	answer epipe-race patched cloexec 0 clean 0
	compare
	[ "$status" -eq 0 ]
}

@test "a cell that failed is shown with its reason" {
	while read -r code reason; do
		answer flush-once patched clofork "$code" failed 0
		compare
		[ "$status" -eq 1 ]
		[[ $output == *"no result: $reason"* ]]
		[[ ${lines[-1]} == "No verdict: no result from flush-once/patched/clofork." ]]
	done <<-'END'
		2 ended with status 2
		3 the kernel does not honour O_CLOFORK
		4 write: No space left on device (errno 28)
		124 not done after TIMEOUT=550 s
		125 the guest could not boot
		126 the kernel reported a fault
		127 build/userspace-demo/demos/flush-once is not built
		139 ended with status 139
	END
}

@test "a status without a matching result is a failure" {
	answer etxtbsy-race patched clofork 0 race 5 # the outcome belongs to status 1
	compare
	[ "$status" -eq 1 ]
	[[ $output == *"is not one of 1000 rounds with status 0"* ]]
	sed -i 's/ROUNDS/999/' "$BATS_TEST_TMPDIR/epipe-race-stock-cloexec.json"
	: >"$BATS_TEST_TMPDIR/flush-once-patched-cloexec.json"
	compare
	[[ ${lines[-1]} == *"from etxtbsy-race/patched/clofork, epipe-race/stock/cloexec, flush-once/patched/cloexec." ]]
	# the result of another race
	sed -i 's/"demonstration": "etxtbsy-race"/"demonstration": "epipe-race"/' "$BATS_TEST_TMPDIR/etxtbsy-race-stock-cloexec.json"
	compare
	[[ ${lines[-1]} == *"from etxtbsy-race/stock/cloexec, "* ]]
}

@test "an interrupted cell ends the comparison" {
	answer etxtbsy-race stock cloexec 130 failed 0
	compare
	[ "$status" -eq 130 ]
	[ ! -e "$BATS_TEST_TMPDIR/etxtbsy-race-patched-cloexec.called" ]
}
