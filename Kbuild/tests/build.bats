#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # other shells expand; common.bash sets
# What is built is built once, and an own kernel tree is only read.
load common

# without_compiler COMMAND...: run it where the compilers only leave a mark that they ran
without_compiler() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	for tool in gcc cc1 ccache; do
		printf '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/gcc --version\ntouch "%s/compiled"\nexit 1\n' \
			"$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bin/$tool"
	done
	chmod +x "$BATS_TEST_TMPDIR"/bin/*
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 "$@"
	[[ ! -e $BATS_TEST_TMPDIR/compiled ]]
}

@test "a second build starts no compiler" {
	"$lab/kernel"
	without_compiler "$lab/kernel"
	[[ ! $output ]]
}

@test "what a series says and tests is in no image" {
	export KERNEL=patched
	"$lab/kernel"
	cp -r "$root/kernel-patches/linux-6.12.y" "$BATS_TEST_TMPDIR/series"
	sed -i 's/^Subject: .*/&, with more words/' "$BATS_TEST_TMPDIR"/series/*.patch
	sed -i '/^+/s/close-on-fork/Close-on-fork/' "$BATS_TEST_TMPDIR"/series/*-selftests-*.patch
	LAB_SERIES=$BATS_TEST_TMPDIR/series without_compiler "$lab/kernel"
	"$lab/kernel" # the tree as it was
}

@test "stock and patched have the same configuration" {
	KERNEL=patched "$lab/kernel" stock patched
	cmp "$root"/build/6.12/{stock,patched}/obj/.config
}

@test "a symbol that the kernel refuses is named" {
	printf 'CONFIG_NO_SUCH_THING=y\n' >"$BATS_TEST_TMPDIR/wrong.config"
	mkdir "$BATS_TEST_TMPDIR/objects"
	run -125 "$lab/configure" "$root/build/6.12/source/stock" "$BATS_TEST_TMPDIR/objects" "$BATS_TEST_TMPDIR/wrong.config"
	contains "refuses CONFIG_NO_SUCH_THING=y"
}

@test "a symbol may have a later name, if that has the value" {
	fragment=$BATS_TEST_TMPDIR/renamed.config
	mkdir "$BATS_TEST_TMPDIR/objects"
	printf '# renamed: CONFIG_NO_SUCH_THING CONFIG_MULTIUSER\nCONFIG_NO_SUCH_THING=y\nCONFIG_MULTIUSER=y\n' >"$fragment"
	run -0 "$lab/configure" "$root/build/6.12/source/stock" "$BATS_TEST_TMPDIR/objects" "$fragment"
	printf '# renamed: CONFIG_NO_SUCH_THING CONFIG_MULTIUSER\nCONFIG_NO_SUCH_THING=m\nCONFIG_MULTIUSER=y\n' >"$fragment"
	run -125 "$lab/configure" "$root/build/6.12/source/stock" "$BATS_TEST_TMPDIR/objects" "$fragment"
	contains "refuses CONFIG_NO_SUCH_THING=m"
}

# A tree with what the lab asks of one, and a mrproper that says where it ran
own_tree() {
	own=$BATS_TEST_TMPDIR/"own tree"
	mkdir -p "$own/fs"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\nmrproper:\n\trm -f fs/file.o\n' >"$own/Makefile"
	touch "$own/Kconfig" "$own/fs/file.c" "$own/fs/file.o"
	chmod -R a-w "$own"
}
everything() { find "$1" -printf '%P %m %s %T@ %C@\n' | sort; }

teardown() {
	if [[ ${own_work-} ]]; then rm -rf "$own_work"; fi
	chmod -R u+w "$BATS_TEST_TMPDIR"
}

@test "KERNEL_SRC is copied, cleaned there, and not written to" {
	own_tree
	before=$(everything "$own")
	export KERNEL_SRC=$own
	own_work=$(bash -c '. "$1/lib.sh" && echo "$work"' - "$lab")
	[[ $own_work == "$root"/build/6.12-own-* ]]
	run -0 "$lab/source"
	[[ -f $own_work/source/stock/fs/file.c && ! -e $own_work/source/stock/fs/file.o ]]
	[[ $(everything "$own") == "$before" ]]
	# Again: nothing to do. After a change: a new copy.
	run -0 "$lab/source"
	[[ ! $output ]]
	chmod u+w "$own/fs/file.c"
	echo changed >"$own/fs/file.c"
	run -0 "$lab/source"
	grep -q changed "$own_work/source/stock/fs/file.c"
}
