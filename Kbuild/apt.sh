# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # lib.sh sets what is used here
# Sourced after lib.sh by the scripts that ask the Debian archive for something.

# become_root: fill "sudo" with what must stand before a privileged command
sudo=()
become_root() {
	((EUID)) || return 0
	command -v sudo >/dev/null || die "not root, and there is no sudo: run as root: $*"
	sudo=(sudo)
	sudo -v || die "sudo refused; run as root: $*"
}

apt_get() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

update_lists() {
	become_root "apt-get update"
	step "updating apt's package lists" "$build/log/apt-update.log" apt_get update
}

# known_to_apt PACKAGE: whether the machine's apt can fetch it
known_to_apt() { [[ $(apt-cache policy "$1") =~ Candidate:\ [0-9] ]]; }
