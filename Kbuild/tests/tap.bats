#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash sets
# How a suite is judged by what it printed.
load common

setup() { : >"$BATS_TEST_TMPDIR/may-skip"; }

# judged "PASSED FAILED SKIPPED" STATUS TAP: what the suite "s" that printed TAP comes to
judged() {
	printf '%s\n' "${@:3}" >"$BATS_TEST_TMPDIR/tap"
	run -0 "$lab/tap" -v suite=s -v ended="$2" -v results="$BATS_TEST_TMPDIR/results" \
		-v may_skip="$BATS_TEST_TMPDIR/may-skip" "$BATS_TEST_TMPDIR/tap"
	[[ $(tail -n1 "$BATS_TEST_TMPDIR/results") == "$1" ]] || {
		cat "$BATS_TEST_TMPDIR/results"
		echo "$output"
		return 1
	}
}
may_skip() { printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/may-skip"; }

@test "passed and failed are counted, nested ones are not" {
	judged "2 1 0" 1 1..3 'ok 1 - a' '    not ok 1 - nested' 'not ok 2 - b' 'ok 3'
	contains "s: not ok 2 - b"
}

@test "a plan that is missing or not met" {
	judged "1 1 0" 0 'ok 1 - a'
	contains "not ok - s: printed no plan"
	judged "1 1 0" 0 1..2 'ok 1 - a'
	contains "not ok - s: planned 2 tests, ran 1"
	judged "0 1 0" 0 1..0
	contains "not ok - s: has no test"
}

@test "a bad end that no failed test explains" {
	judged "1 1 0" 139 1..1 'ok 1 - a'
	contains "not ok - s: ended with status 139"
}

@test "a skip that nothing allows has failed" {
	judged "1 1 0" 0 1..2 'ok 1 - a' 'ok 2 - b # SKIP no device'
	contains "not ok - s: skipped, which no may-skip allows: ok 2 - b # SKIP no device"
}

@test "a skip that may-skip allows" {
	may_skip '# a comment' 's other # why' 's some test # why'
	judged "0 0 1" 0 1..1 'ok 1 - some test # SKIP no device'
	contains "s: ok 1 - some test # SKIP no device"
	judged "0 1 0" 0 1..1 'ok 1 - some # SKIP no device'
}

@test "what may-skip allows by how it begins" {
	may_skip 's some.row.* # why'
	judged "0 0 1" 0 1..1 'ok 1 - some.row.test # SKIP no device'
	judged "0 1 0" 0 1..1 'ok 1 - some.rowtest # SKIP no device'
	judged "0 1 0" 0 1..1 'ok 1 - some # SKIP no device'
}

@test "what may-skip allows to another suite" {
	may_skip 't some test # why'
	judged "0 1 0" 0 1..1 'ok 1 - some test # SKIP no device'
}

@test "a line of may-skip without a reason allows nothing" {
	may_skip 's some test' 's some test #'
	judged "0 1 0" 0 1..1 'ok 1 - some test # SKIP no device'
}

@test "a suite that skips as a whole" {
	judged "0 1 0" 0 '1..0 # SKIP no device'
	contains "not ok - s: skipped, which no may-skip allows: 1..0 # SKIP no device"
	may_skip 's * # why'
	judged "0 0 1" 0 '1..0 # SKIP no device'
	judged "0 0 2" 0 1..2 'ok 1 - a # SKIP no device' 'ok 2 - b # skip no device'
}
