#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# demos/compare-strategies with programs that answer in the place of strategies.

setup() {
	tree=$BATS_TEST_TMPDIR/tree
	out=$BATS_TEST_TMPDIR/out
	mkdir -p "$tree/userspace-demo/demos/strategies" "$tree/build/userspace-demo/demos"
	cp "$BATS_TEST_DIRNAME/../demos/compare-strategies" "$tree/userspace-demo/demos"
	cp "$BATS_TEST_DIRNAME/../demos/strategies/plot.gnuplot" "$tree/userspace-demo/demos/strategies"
	export RUNNER=$BATS_TEST_TMPDIR/runner CALLS=$BATS_TEST_TMPDIR/calls
	unset ROUNDS SECONDS_EACH TIMEOUT
	cat >"$tree/build/userspace-demo/demos/strategies" <<-'END'
		#!/bin/bash
		echo "${KERNEL:-host} $TIMEOUT $*" >>"$CALLS"
		row() {
			echo "{\"cure\": \"$1\", \"storm\": $2, \"absent\": false, \"rounds\": 400, \"failures_per_10000\": $3," \
				'"rounds_per_second": 512.345, "p99_ms": 3.14159, "longest_close_ms": 0.012}'
		}
		absent='{"cure": "O_CLOFORK", "absent": true, "storm"'
		echo "{\"kernel\": {\"release\": \"6.0-${KERNEL:-host}\"}, \"results\": [$(row nothing false 75), $(row nothing true 1250.4),
			$absent: false}, $absent: true}]}"
		exit "${STATUS:-0}"
	END
	cat >"$RUNNER" <<-'END'
		#!/bin/bash
		exec $1
	END
	chmod +x "$RUNNER" "$tree/build/userspace-demo/demos/strategies"
}

compare() { run "$tree/userspace-demo/demos/compare-strategies" "$@"; }

# has WORD...: a line of the output consists of these words.
has() {
	awk -v want="$*" '{ $1 = $1 } $0 == want { found = 1 } END { exit !found }' <<<"$output"
}

@test "runs in every place, and prints a line for each cure" {
	compare "$out"
	[ "$status" -eq 0 ]
	for place in host stock patched; do
		[[ $output == *"$place, Linux 6.0-$place;"* ]]
		grep -qx "$place 1200 --rounds 1000 --seconds 30 --json" "$CALLS"
	done
	has nothing 400 400 75 1250 512 512 3.14 3.14 0.01 0.01
	has O_CLOFORK - - - - - - - - - -
}

@test "draws each figure of each place" {
	compare "$out"
	for place in host stock patched; do
		[ "$(grep -c "— $place</" "$out/strategies.svg")" -eq 4 ]
	done
	grep -q '>nothing<' "$out/strategies.svg"
}

@test "keeps what other places had" {
	compare "$out" stock
	[ "$(<"$CALLS")" = "stock 1200 --rounds 1000 --seconds 30 --json" ]
	compare "$out" host
	[[ $output == *"stock, Linux 6.0-stock;"* ]]
	[ "$(jq -r .kernel.release "$out/stock.json")" = 6.0-stock ]
}

@test "hands its bounds on, and time for them" {
	ROUNDS=7 SECONDS_EACH=100 compare "$out" patched
	[ "$(<"$CALLS")" = "patched 3300 --rounds 7 --seconds 100 --json" ]
}

@test "refuses bounds that are no number, and places that there are not" {
	for bad in 0 1.5 many; do
		ROUNDS=$bad compare "$out" host
		[ "$status" -eq 2 ]
		[[ $output == *"ROUNDS=$bad is not"* ]]
		SECONDS_EACH=$bad compare "$out" host
		[ "$status" -eq 2 ]
		[[ $output == *"SECONDS_EACH=$bad is not"* ]]
	done
	compare "$out" moon
	[ "$status" -eq 2 ]
	compare
	[ "$status" -eq 2 ]
}

@test "a place that fails ends it, and its old figures stay" {
	compare "$out" stock
	STATUS=125 compare "$out" stock
	[ "$status" -eq 125 ]
	[ -s "$out/stock.json" ]
}
