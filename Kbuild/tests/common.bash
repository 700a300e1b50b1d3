# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # bats sets output, the tests use root
# Loaded by every test of the lab.
bats_require_minimum_version 1.5.0

lab=$(realpath "$BATS_TEST_DIRNAME/..")
root=${lab%/*}
export KERNEL=stock TIMEOUT=120
unset BASE KERNEL_SRC CMD LAB_CMD LAB_SERIES LAB_APPEND SMP MEM JOBS

# contains TEXT: whether $output (and $stderr) of the last run has it
contains() {
	[[ $output$'\n'${stderr-} == *"$1"* ]] || {
		printf 'expected: %s\ngot: %s\n%s\n' "$1" "$output" "${stderr-}"
		return 1
	}
}
