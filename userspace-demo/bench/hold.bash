# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # status is for who sources this
# Sourced by the benches: whether what must hold does; "status" is their exit status.
status=0

# hold TITLE FILE JQ-CONDITION
hold() {
	if jq -e "$3" "$2" >/dev/null; then
		echo "holds: $1"
	else
		echo "DOES NOT HOLD: $1"
		status=1
	fi
}
