#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # other shells expand; common.bash sets
# A series is applied strictly, to a copy.
load common

# A tree of one file with three functions that look alike, as drivers do
setup() {
	tree=$BATS_TEST_TMPDIR/tree
	series=$BATS_TEST_TMPDIR/series
	mkdir -p "$tree/fs" "$series"
	printf 'VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 9\n' >"$tree/Makefile"
	echo '*.c diff=cpp' >"$tree/.gitattributes"
	for name in first second third; do
		printf 'int %s(int n)\n{\n\tint a = n;\n\n\tprepare(a);\n\ta++;\n\tuse(a);\n\tfinish(a);\n\n\treturn a;\n}\n\n' $name
	done >"$tree/fs/file.c"
	make_patch 0001-use.patch '/^int second/,/^}/s/use(a)/use_well(a)/'
	echo 0001-use.patch >"$series/series"
}

# make_patch NAME SED-SCRIPT: a patch that edits fs/file.c so
make_patch() {
	local repository=$BATS_TEST_TMPDIR/author
	rm -rf "$repository"
	cp -a "$tree" "$repository"
	git -C "$repository" init -q
	git -C "$repository" add -A
	git -C "$repository" -c user.name=a -c user.email=a@localhost commit -qm base
	sed -i "$2" "$repository/fs/file.c"
	git -C "$repository" -c user.name=a -c user.email=a@localhost commit -qam "fs: use it"
	git -C "$repository" format-patch -q -1 --stdout >"$series/$1"
}

apply() { "$lab/apply-series" "$series" "$tree" "$BATS_TEST_TMPDIR/result"; }

@test "applies, and leaves the tree as it was" {
	cp "$tree/fs/file.c" "$BATS_TEST_TMPDIR/before"
	run -0 apply
	cmp "$tree/fs/file.c" "$BATS_TEST_TMPDIR/before"
	grep -q use_well "$BATS_TEST_TMPDIR/result/fs/file.c"
}

@test "applies at an offset within the same function" {
	sed -i '1i /* one more line */' "$tree/fs/file.c"
	run -0 apply
	sed -n '/^int second/,/^}/p' "$BATS_TEST_TMPDIR/result/fs/file.c" | grep -q use_well
}

@test "refuses an offset into another function" {
	sed -i '/^int second/,/^}/s/prepare(a)/prepare_more(a)/' "$tree/fs/file.c"
	run -125 apply
	contains "0001-use.patch applies to Linux 6.12.9 in another function"
	contains "fs/file.c: int second(int n)"
	[[ ! -e $BATS_TEST_TMPDIR/result ]]
}

@test "refuses fuzz, naming patch, file and version" {
	sed -i 's/return a;/return a + 1;/' "$tree/fs/file.c"
	run -125 apply
	contains "0001-use.patch does not apply to fs/file.c of Linux 6.12.9"
	[[ ! -e $BATS_TEST_TMPDIR/result ]]
}

@test "needs no git identity of the user's" {
	HOME=/nonexistent XDG_CONFIG_HOME=/nonexistent run -0 env -u GIT_AUTHOR_NAME "$lab/apply-series" "$series" "$tree"
}

@test "names a patch that is missing" {
	echo 0002-gone.patch >>"$series/series"
	run -125 apply
	contains "series names 0002-gone.patch, which is not there"
}
