#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # common.bash sets
# What is installed, and what is only unpacked.
load common

# The lab, with a list of packages of its own
setup() {
	copy=$BATS_TEST_TMPDIR/copy
	mkdir "$copy"
	cp -a "$lab" "$copy"
}
packages() { printf '%s\n' "$@" >"$copy/Kbuild/packages.list"; }
apt_settings() {
	dpkg --print-foreign-architectures
	apt-config dump | sort
	find /etc/apt -type f -exec sha256sum {} + | sort
}

@test "what is installed needs nothing" {
	packages 'bash build'
	run -0 "$copy/Kbuild/packages" build
	[[ ! $output ]]
}

@test "a package that apt does not know is named" {
	packages 'no-such-package-here build'
	run -125 "$copy/Kbuild/packages" build
	contains "apt has no package no-such-package-here"
}

@test "of alternatives it is the first that apt knows" {
	packages 'no-such-package-here|bash|no-such-package-either build'
	run -0 "$copy/Kbuild/packages" build
	[[ ! $output ]]
}

@test "alternatives that apt does not know are named" {
	packages 'no-such-package-here|no-such-package-either build'
	run -125 "$copy/Kbuild/packages" build
	contains "apt has no package no-such-package-here|no-such-package-either"
}

@test "nothing is removed to install what is missing" {
	packages 'gcc-multilib build' # which cannot be beside the cross compiler of the 32-bit selftests
	run -125 "$copy/Kbuild/packages" build
	contains "apt would remove"
	contains gcc-i686-linux-gnu
	dpkg -s gcc-i686-linux-gnu
}

@test "one of another architecture is unpacked, and apt stays as it was" {
	packages 'bash build' 'liburing-dev:i386 build  for a 32-bit program'
	before=$(apt_settings)
	run -0 "$copy/Kbuild/packages" build
	contains "fetching liburing-dev:i386"
	[[ -f $copy/build/i386/usr/lib/i386-linux-gnu/liburing.a ]]
	[[ $(apt_settings) == "$before" ]]
	# Again: it is there.
	run -0 "$copy/Kbuild/packages" build
	[[ ! $output ]]
}
