# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh sets what is used here
# Sourced after lib.sh by the scripts that look for warnings the series brings.

# The objects of the C files that the series touches
touched_objects() {
	sed -n 's|^+++ b/\(.*\)\.c$|\1.o|p' "$series"/*.patch | grep -v '^tools/' | sort -u
}

# Of the output of a build, its warnings and errors, without what differs between two trees:
# where they lie, and numbers, which are of lines or depend on them
diagnostics() {
	sed -nE 's|^[^ ]*source/[a-z]*/||; s/:[0-9]+(:[0-9]+)?//g; s/[0-9]+/N/g; /(warning|error):/p' | sort
}
