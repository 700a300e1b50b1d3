#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # others expand; bats sets stderr
# demos/foreign/run: the programs in C and Python on this machine's kernel, and the verdict
# on what a runner says in the kernels' place.
bats_require_minimum_version 1.5.0

setup() {
	root=$(realpath "$BATS_TEST_DIRNAME/../..")
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{userspace-demo/demos,build}
	cp -r "$root/userspace-demo/demos/foreign" "$tree/userspace-demo/demos"
	ln -s "$root/build/userspace-demo" "$tree/build"
	export RUNNER=$BATS_TEST_TMPDIR/runner ROUNDS=4
	unset TIMEOUT JAVA_ROUNDS
}

# runner TEXT: how each kernel answers
runner() {
	printf '#!/bin/bash\n%s\n' "$1" >"$RUNNER"
	chmod +x "$RUNNER"
}
# answers STOCK MARKED PATCHED MARKED: failures of python-fork, which takes no building
answers() {
	runner "[[ \$KERNEL == stock ]] && set -- $1 $2 || set -- $3 $4
		printf 'python-fork %s\n' \"none 4 \$1 1\" \"cloexec 4 \$2 1\""
}
play() { run --separate-stderr "$tree/userspace-demo/demos/foreign/run" "$@"; }

# row CELL...: the table has it, blanks aside
row() {
	local cells=$*
	grep -qxE "${cells// / +}" <<<"$output" || {
		printf 'expected: %s\ngot: %s\n%s\n' "$cells" "$output" "$stderr"
		return 1
	}
}

# Whether rounds are lost is chance here.
@test "plays programs, unmarked and with the library preloaded" {
	runner 'exec bash -c "$1"'
	play c python-fork python-posix_spawn python-subprocess
	for program in c python-fork python-posix_spawn; do
		row "$program" cloexec 4 '[0-4]' '[0-4]' '[0-4]' '[0-4]'
	done
	row python-subprocess written 4 '[0-4]' '[0-4]' '[0-4]' '[0-4]'
	[[ ! $stderr == *status* ]]
}

@test "a race that is shown and cured" {
	answers 2 1 3 0
	play python-fork
	[[ $status == 0 && ${lines[-1]} == "Each program lost"* ]]
	row python-fork cloexec 4 2 1 3 0
}

@test "a race that is not shown" {
	answers 0 1 3 0
	play python-fork
	[[ $status == 1 && ${lines[-1]} == "Not shown: "*" to python-fork; try more ROUNDS." ]]
}

@test "a race that is not cured" {
	answers 2 1 3 1
	play python-fork
	[[ $status == 1 && ${lines[-1]} == "Not cured "*": python-fork." ]]
}

@test "a kernel that says nothing" {
	runner 'exit 126'
	play python-fork
	[[ $status == 1 && ${lines[-1]} == "No verdict: "* ]]
	[[ $stderr == *"stock: ended with status 126"* ]]
}

@test "what cannot be played" {
	play perl
	[[ $status == 2 && $stderr == "run: there is no program perl" ]]
	ROUNDS=0 play c
	[[ $status == 2 && $stderr == "run: 0 is not a whole number"* ]]
}
