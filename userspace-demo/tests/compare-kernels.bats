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
	answer stock cloexec 1 race 787
	answer patched cloexec 1 race 701
	answer patched clofork 0 clean 0
	cat >"$RUNNER" <<-'END'
		#!/bin/bash
		mark=${1#*--descriptors }
		cell=$(dirname "$0")/$KERNEL-${mark%% *}
		echo "$TIMEOUT $1" >"$cell.called"
		rounds=${1#*--rounds }
		sed "s/ROUNDS/${rounds%% *}/" "$cell.json"
		exit "$(<"$cell.status")"
	END
	chmod +x "$RUNNER"
}

# answer KERNEL MARK STATUS OUTCOME COUNT
answer() {
	echo "$3" >"$BATS_TEST_TMPDIR/$1-$2.status"
	cat >"$BATS_TEST_TMPDIR/$1-$2.json" <<-END
		{"outcome": "$4", "kernel": {"release": "6.12.0-$1"},
		 "results": {"rounds": ROUNDS, "etxtbsy": $5, "rate": 0.25, "seconds": 31.24},
		 "error": {"message": "write: No space left on device (errno 28)"}}
	END
}

compare() { run "$demo/userspace-demo/demos/compare-kernels"; }

# has WORD...: a line of the output consists of these words.
has() {
	awk -v want="$*" '{ $1 = $1 } $0 == want { found = 1 } END { exit !found }' <<<"$output"
}

@test "prints one row for each cell and the verdict" {
	compare
	[ "$status" -eq 0 ]
	has kernel release descriptors rounds ETXTBSY rate time
	has stock 6.12.0-stock cloexec 2000 787 25.000 % 31.2 s
	has patched 6.12.0-patched cloexec 2000 701 25.000 % 31.2 s
	has patched 6.12.0-patched clofork 2000 0 25.000 % 31.2 s
	[[ ${lines[-1]} == "The stock kernel lost the race in 787 of 2000 rounds;"* ]]
}

@test "keeps the JSON of each cell" {
	compare
	[ "$(jq .results.etxtbsy "$demo/build/demo/stock-cloexec.json")" -eq 787 ]
	[ "$(jq .results.etxtbsy "$demo/build/demo/patched-cloexec.json")" -eq 701 ]
	[ "$(jq .results.etxtbsy "$demo/build/demo/patched-clofork.json")" -eq 0 ]
}

@test "hands ROUNDS on, and time for them" {
	ROUNDS=20000 compare
	[ "$status" -eq 0 ]
	read -r timeout command <"$BATS_TEST_TMPDIR/patched-clofork.called"
	[ "$timeout" -eq 5300 ]
	[ "$command" = "build/userspace-demo/demos/etxtbsy-race --rounds 20000 --descriptors clofork --json" ]
}

@test "refuses ROUNDS that are no number" {
	for bad in 0 -1 1.5 "1 2" many 1e3 10000000000; do
		ROUNDS=$bad compare
		[ "$status" -eq 2 ]
		[[ $output == "compare-kernels: ROUNDS=$bad is not"* ]]
	done
}

@test "a stock kernel without the race is no success" {
	answer stock cloexec 0 clean 0
	compare
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "Not shown: "* ]]
}

@test "the race on the patched kernel with the mark is no success" {
	answer patched clofork 1 race 1
	compare
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == "Not cured: ETXTBSY in 1 of 2000 rounds"* ]]
}

@test "patched without the mark may go either way" {
	answer patched cloexec 0 clean 0
	compare
	[ "$status" -eq 0 ]
}

@test "a cell that failed is shown with its reason" {
	while read -r code reason; do
		answer patched clofork "$code" failed 0
		compare
		[ "$status" -eq 1 ]
		[[ $output == *"no result: $reason"* ]]
		[[ ${lines[-1]} == "No verdict: no result from patched/clofork." ]]
	done <<-'END'
		2 ended with status 2
		3 the kernel does not honour O_CLOFORK
		4 write: No space left on device (errno 28)
		124 not done after TIMEOUT=800 s
		125 the guest could not boot
		126 the kernel reported a fault
		127 build/userspace-demo/demos/etxtbsy-race is not built
		139 ended with status 139
	END
}

@test "a status without a matching result is a failure" {
	answer patched clofork 0 race 5 # the outcome belongs to status 1
	compare
	[ "$status" -eq 1 ]
	[[ $output == *"is not one of 2000 rounds with status 0"* ]]
	sed -i 's/ROUNDS/1999/' "$BATS_TEST_TMPDIR/stock-cloexec.json"
	compare
	[[ $output == *"No verdict: no result from stock/cloexec, patched/clofork." ]]
	: >"$BATS_TEST_TMPDIR/patched-cloexec.json"
	compare
	[[ $output == *"No verdict: no result from stock/cloexec, patched/cloexec, patched/clofork." ]]
}

@test "an interrupted cell ends the comparison" {
	answer stock cloexec 130 failed 0
	compare
	[ "$status" -eq 130 ]
	[ ! -e "$BATS_TEST_TMPDIR/patched-cloexec.called" ]
}
