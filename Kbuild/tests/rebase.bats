#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # other shells expand; common.bash sets
# A series is carried to a new base, as far as git can alone and further with a person.
load common

# A lab with a base, 9.1, and a series of four patches; and 9.2, an own tree like it
setup() {
	place=$BATS_TEST_TMPDIR/lab
	stock=$place/build/9.1/source/stock own=$BATS_TEST_TMPDIR/linux
	from=$place/kernel-patches/linux-9.1.y to=$place/kernel-patches/linux-9.2.y
	repository=$place/build/9.2/rebase
	export GIT_CONFIG_GLOBAL=/dev/null FROM=9.1 TO=9.2 KERNEL_SRC=$own
	export GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=a@localhost GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@localhost
	mkdir -p "$place"/{Kbuild,room/checks} "$stock"/{fs,mm} "$from"
	cp "$lab"/{rebase-series,rebase-survey,lib.sh,architectures,apt.sh,source,kernel,apply-series} "$place/Kbuild"
	printf '#!/bin/sh\n' | tee "$place/Kbuild/packages" >"$place/room/checks/nothing"
	chmod +x "$place"/Kbuild/packages "$place"/room/checks/nothing
	printf '6.12 linux-source-6.12 -\n9.1 linux-source-9.1 -\n' >"$place/Kbuild/bases"
	make_tree "$stock" 1
	echo 'linux-source-9.1 9.1.1' >"$stock.inputs"
	make_series
	cp -r "$stock" "$own"
	sed -i 's/^PATCHLEVEL = 1/PATCHLEVEL = 2/' "$own/Makefile"
}

make_tree() {
	local name
	printf 'VERSION = 9\nPATCHLEVEL = %s\nSUBLEVEL = 1\nmrproper:\n' "$2" >"$1/Makefile"
	echo '*.c diff=cpp' >"$1/.gitattributes"
	touch "$1/Kconfig"
	for name in first second third; do
		printf 'int %s(int n)\n{\n\tint a = n;\n\n\tprepare(a);\n\ta++;\n\tuse(a);\n\tfinish(a);\n\n\treturn a;\n}\n\n' $name
	done | tee "$1/fs/file.c" >"$1/mm/memory.c"
	echo 'int other;' >"$1/fs/other.c"
}

in_author() { git -C "$BATS_TEST_TMPDIR/author" "$@"; }

# patch SUBJECT SED-SCRIPT FILE
patch() {
	sed -i "$2" "$BATS_TEST_TMPDIR/author/$3"
	in_author add -A
	in_author commit -q --date='2026-11-23 16:48:35 +0100' -m "$1" -m 'Because.'
}

make_series() {
	cp -r "$stock" "$BATS_TEST_TMPDIR/author"
	in_author init -q
	in_author add -A
	in_author commit -qm base
	patch 'fs: use it well' '/^int second/,/^}/s/use(a)/use_well(a)/' fs/file.c
	patch 'fs: finish it well' '/^int second/,/^}/s/finish(a)/finish_well(a)/' fs/file.c
	patch 'mm: prepare' '/^int third/,/^}/s/prepare(a)/prepare_well(a)/' mm/memory.c
	echo 'int added;' >"$BATS_TEST_TMPDIR/author/fs/added.c"
	patch 'fs: add' '' fs/added.c
	in_author format-patch -q --zero-commit --no-signature --numbered --abbrev=9 --stat --cover-letter -o "$from" HEAD~4
	sed -i 's/^\*\*\* BLURB HERE \*\*\*/It is about files.\n\nThe series applies to Linux 9.1.1./; s/\*\*\* SUBJECT HERE \*\*\*/files/' "$from"/0000-*
	{
		printf '# SPDX-License-Identifier: MIT\n# For linux-9.1.y, in order.\n'
		(cd "$from" && ls ./000[1-9]*) | sed 's,./,,'
	} >"$from/series"
}

rebase_series() { "$place/Kbuild/rebase-series"; }
everything() { find "$own" -printf '%P %m %s %T@ %C@\n' | sort; }

# The own tree's line that the first patch changes is another there.
conflict() { sed -i '/^int second/,/^}/s/use(a)/use(a, 0)/' "$own/fs/file.c"; }

# resolve FROM TO FILE...: what a person does who writes TO where the new base has FROM
resolve() {
	git -C "$repository" checkout --ours fs/file.c
	sed -i "/^int second/,/^}/s/$1/$2/" "$repository/fs/file.c"
	git -C "$repository" add fs/file.c "${@:3}"
	GIT_EDITOR=true git -C "$repository" rebase --continue
}

@test "onto the same files: the same patches, byte for byte, and again" {
	before=$(everything)
	run -0 rebase_series
	contains "4 clean"
	for patch in "$from"/000[1-9]*; do cmp "$patch" "$to/${patch##*/}"; done
	sed 's/Linux 9\.1\.1/Linux 9.2.1/' "$from"/0000-* | diff - "$to"/0000-*
	sed 's/linux-9\.1\.y/linux-9.2.y/' "$from/series" | diff - "$to/series"
	[[ $(everything) == "$before" ]]
	cp -r "$to" "$BATS_TEST_TMPDIR/first"
	run -0 rebase_series
	diff -r "$to" "$BATS_TEST_TMPDIR/first"
}

@test "shifted lines and a moved file need nobody" {
	sed -i '1i /* one more line */' "$own/fs/file.c"
	mkdir "$own/mm/deep"
	{ cat "$own/mm/memory.c"; seq -f 'int v%.0f;' 45; } >"$own/mm/deep/virtual.c"
	rm "$own/mm/memory.c"
	run -0 rebase_series
	contains "mm/memory.c is taken for mm/deep/virtual.c, 39 % the same"
	contains "3  clean, near others  mm: prepare"
	grep -q '^+++ b/mm/deep/virtual.c' "$to"/0003-*
	grep -q 'mm/deep/virtual.c | 2 +-' "$to"/0000-*
}

@test "a function by another name is pointed at" {
	sed -i 's/int third(int n)/int last(int n)/' "$own/mm/memory.c"
	run -0 rebase_series
	contains "3  clean, near others  mm: prepare"
	contains "3 clean; 1 clean, near others"
}

@test "the survey goes on past a conflict, and says what hangs on it" {
	conflict
	run -1 rebase_series
	contains "1  needs a person      fs: use it well"$'\n'"       fs/file.c:19: int second(int n)"
	contains "2  hangs on those      fs: finish it well"
	contains "3  clean               mm: prepare"
	contains "4  clean               fs: add"
	contains "stopped at patch 1 of 4: fs: use it well"
	contains "conflicts: fs/file.c"
	[[ ! -e $to ]]
	run -0 git -C "$repository" diff --name-only --diff-filter=U
	[[ $output == fs/file.c ]]
}

@test "a file that is gone needs a person, and nothing after it" {
	rm "$own/mm/memory.c"
	run -1 rebase_series
	contains "mm/memory.c is not in Linux 9.2"
	contains "3  needs a person      mm: prepare"$'\n'"       mm/memory.c: not in Linux 9.2"
	contains "4  clean               fs: add"
}

@test "goes on from what a person did, with a file they took in" {
	conflict
	run -1 rebase_series
	echo 'int other_well;' >"$repository/fs/other.c"
	run -1 resolve 'use(a' 'use_well(a' fs/other.c
	run -1 rebase_series # the second patch is beside the first
	contains "stopped at patch 2 of 4: fs: finish it well"
	grep -q 'use_well(a, 0)' "$repository/fs/file.c"
	run -0 resolve 'finish(a' 'finish_well(a'
	run -0 rebase_series
	grep -q '^+	use_well(a, 0);' "$to"/0001-*
	grep -A1 '^-int other;' "$to"/0001-* | grep -qx '+int other_well;'
	run -1 grep -q 'new file' "$to"/0001-*
	cp -r "$to" "$BATS_TEST_TMPDIR/first"
	run -0 rebase_series
	diff -r "$to" "$BATS_TEST_TMPDIR/first"
}

@test "waits for what is not committed" {
	run -0 rebase_series
	echo '/* more */' >>"$repository/fs/file.c"
	run -1 rebase_series
	contains "has what is not committed"
	git -C "$repository" commit -qam 'fs: more'
	run -0 rebase_series
	grep -q 'PATCH 5/5. fs: more' "$to"/0005-*
}

@test "a tree that has changed: begun anew, but not over a person's work" {
	run -0 rebase_series
	sed -i '1i /* one more line */' "$own/fs/file.c"
	run -0 rebase_series
	grep -q '^@@ -17,' "$to"/0001-*
	git -C "$repository" commit -q --amend --allow-empty -m 'fs: add it'
	sed -i '1i /* and one more */' "$own/fs/file.c"
	run -125 rebase_series
	contains "to begin afresh, losing it: rm -rf build/9.2/rebase"
	[[ $(git -C "$repository" log -1 --format=%s) == 'fs: add it' ]]
}

@test "a patch that the new base has is left out" {
	sed -i '/^int third/,/^}/s/prepare(a)/prepare_well(a)/' "$own/mm/memory.c"
	run -0 rebase_series
	contains "3  there already       mm: prepare"
	[[ $(grep -c '^0' "$to/series") == 3 ]]
	grep -q '^Subject: .PATCH 0/3. files' "$to"/0000-*
	run -1 grep -q 'mm: prepare' "$to"/0000-*
}

@test "never overwrites a series that it did not write" {
	run -0 rebase_series
	echo '# by hand' >>"$to/series"
	run -125 rebase_series
	contains "kernel-patches/linux-9.2.y is there, and not as this command wrote it"
	[[ $(tail -n1 "$to/series") == '# by hand' ]]
}

@test "shows what a room's checks find in the new tree, and still is done" {
	printf '#!/bin/sh\ncat "$TREE/fs/added.c"; ls "$SERIES/series"; exit 1\n' >"$place/room/checks/nothing"
	run -0 rebase_series
	contains "A person must see to what room/checks/nothing finds:"$'\n'"int added;"$'\n'"$to/series"
}

# refused NAME=VALUE TEXT
refused() {
	run -125 env "$1" "$place/Kbuild/rebase-series"
	contains "$2"
	[[ ! -e $repository ]]
}

@test "settings that cannot be" {
	refused TO= "say from which base to which"
	refused TO=9.1 "FROM and TO are both 9.1"
	refused TO=../x "TO=../x is not a version"
	refused TO=9.3 "is Linux 9.2.1, not 9.3"
	refused FROM=8.9 "FROM=8.9 is not in Kbuild/bases"
	refused KERNEL_SRC= "TO=9.2 is not in Kbuild/bases: set KERNEL_SRC"
}
