#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash sets
# How make mutate tries a mutant and judges what came of it.
load common

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export LAB_SWITCH=$BATS_TEST_TMPDIR/switch
	# A program of two tests, of which one notices the mutant "bad" and one skips
	cat >program <<-'END'
		#!/bin/bash
		[[ $1 == -r ]] || exit 2
		case $2:$(<"$LAB_SWITCH") in
		f.notices:bad) echo "not ok 1 f.notices" ;;
		f.skips:*) echo "ok 1 f.skips # SKIP no device" ;;
		f.dies:bad) kill -9 $$ ;;
		*) echo "ok 1 $2" ;;
		esac
	END
	chmod +x program
}

# tries MUTANT TEST OUTCOME: what the guest says of it
tries() {
	printf '%s\t%s\t./program\n' "$1" "$2" >tasks
	run -0 "$lab/mutate-in-guest" tasks
	[[ $output == "$1 $3" ]] || { echo "$output" && return 1; }
	[[ $(<"$LAB_SWITCH") == none ]]
}

@test "a test that notices passes without and fails with the mutant" { tries bad f.notices "passes fails"; }
@test "a test that does not notice passes with it" { tries worse f.notices "passes passes"; }
@test "a test that skips is no test" { tries bad f.skips "skips skips"; }
@test "a program that ends without an answer has said nothing" { tries bad f.dies "passes nothing"; }

# judged STATUS WITHOUT WITH TEST: how a mutant is judged
judged() {
	run "-$1" "$lab/mutate-judge" <<<"$2 $3"$'\t'"bad"$'\t'"suite"$'\t'"$4"$'\t'"breaks it"
}

@test "caught" {
	judged 0 passes fails f.t
	contains "ok 1 - bad, breaks it: suite f.t fails"
	contains "1 mutants: 1 caught, 0 survive as explained, 0 survive"
}

@test "not caught" {
	for with in passes nothing skips complains dies; do
		judged 1 passes $with f.t
		contains "not ok 1 - bad, breaks it: suite f.t $with"
		contains "0 caught, 0 survive as explained, 1 survive"
	done
}

@test "a test that does not pass without the mutant catches nothing" {
	for without in fails skips nothing; do
		judged 1 $without fails f.t
		contains "not ok 1 - bad, breaks it: suite f.t fails with it, $without without"
	done
}

@test "where the kernel must complain, a failing test is not enough" {
	judged 0 passes complains f.t!
	judged 0 passes dies f.t!
	judged 1 passes fails f.t!
}

@test "a survivor that is explained counts apart" {
	judged 0 passes passes f.t?
	contains "not ok 1 - bad: suite f.t passes # TODO breaks it"
	contains "0 caught, 1 survive as explained, 0 survive"
	judged 0 passes fails f.t?
	contains "1 caught, 0 survive as explained, 0 survive"
}

@test "a mutant that is not listed is refused before anything is built" {
	run -125 "$lab/mutate" no_such_mutant
	contains "there is no mutant no_such_mutant; see kernel-patches/mutants/list"
}
