# SPDX-License-Identifier: MIT
# shellcheck shell=bash
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

# options_for SUITE DIRECTORY [ARCHITECTURE]: fill "options" with what makes apt see that
# suite alone, at the mirror that the machine's own apt uses, and its packages for a foreign
# architecture too, or with "source" the source packages and no others; its state is in
# DIRECTORY: the machine's configuration stays as it is
options_for() {
	local mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	local architectures type=deb
	architectures=$(dpkg --print-architecture)
	if [[ ${3:-} == source ]]; then type=deb-src; else architectures+=${3:+,$3}; fi
	# shellcheck disable=SC2016 # apt expands it
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
		'Label: Debian' | head -n1)
	[[ $mirror ]] || die "no package source: apt has no Debian mirror set up"
	mkdir -p "$2"/{lists,cache}
	echo "$type [signed-by=$keyring arch=$architectures] $mirror $1 main" >"$2/sources.list"
	options=(-o "Dir::Etc::SourceList=$2/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o "Dir::State::Lists=$2/lists" -o "Dir::Cache=$2/cache" -o "APT::Architectures=$architectures")
	step "reading the package list of $1${3:+ for $3}" "$build/log/apt-update.log" apt-get "${options[@]}" update
}

download() { cd "$1" && apt-get "${options[@]}" download "$2"; }

# fetch_package PACKAGE DIRECTORY: its .deb, alone there, by apt with "options"
fetch_package() {
	rm -rf "$2"
	mkdir -p "$2"
	step "fetching $1" "$build/log/fetch.log" download "$2" "$1"
}

# fetch_source PACKAGE DIRECTORY: its source, unpacked below DIRECTORY, by apt with "options"
download_source() { cd "$1" && apt-get "${options[@]}" source "$2"; }
fetch_source() {
	rm -rf "$2"
	mkdir -p "$2"
	step "fetching the source of $1" "$build/log/fetch.log" download_source "$2" "$1"
}
