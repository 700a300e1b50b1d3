#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# What the library must not call.
bats_require_minimum_version 1.5.0

library=${LIBRARY:-$BATS_TEST_DIRNAME/../../build/userspace-demo/libclofork.a}
openers='(open|openat|creat|fopen|freopen|opendir|popen|tmpfile|mkstemp|mkostemp|posix_openpt|shm_open)'

# spawn.cpp opens cgroup.procs, without a mark: its child is to have it.
@test "the C library opens nothing that is to be marked: musl's wipes the mark" {
	run -0 nm -A --undefined-only "$library"
	[[ $output == *" U syscall"* ]] # the list is there
	run -1 grep -vF spawn.cpp.o <(grep -E " U _*$openers(64)?(_2)?\$" <<<"$output")
}

# exports LIBRARY COMPILER
exports() {
	diff <(nm -D --defined-only "$1" | awk '{ print $3 }' | sort) \
		<("$2" -E -P -x c -D'FUNCTION(name)=name' "$BATS_TEST_DIRNAME/../preload/functions.def" | xargs -n1 | sort)
}

@test "the preloaded library exports what it stands in for, and nothing else" {
	built=$BATS_TEST_DIRNAME/../../build/userspace-demo/preload
	exports "$built/libclofork-preload.so" gcc
	exports "$built/libclofork-preload-musl.so" musl-gcc
}

@test "an object that calls an inline function of its own is told from one that does not" {
	cd "$BATS_TEST_TMPDIR"
	echo 'inline int f() { return 1; } int g() { return f(); }' >inline.cpp
	g++ -O0 -c inline.cpp -o called.o
	g++ -O2 -c inline.cpp -o inlined.o
	run -1 "$BATS_TEST_DIRNAME/child_path_test" called.o
	[[ $output == *"# _Z1fv"* ]]
	run -0 "$BATS_TEST_DIRNAME/child_path_test" inlined.o
}

@test "the child's path needs no other object in a debug build either" {
	cmake -G "Unix Makefiles" -S "$BATS_TEST_DIRNAME/.." -B "$BATS_TEST_TMPDIR" \
		-DCMAKE_BUILD_TYPE=Debug -DBUILD_TESTING=OFF -DCLOFORK_IO_URING=OFF
	make -C "$BATS_TEST_TMPDIR" src/child_path.cpp.o
	"$BATS_TEST_DIRNAME/child_path_test" "$BATS_TEST_TMPDIR/CMakeFiles/clofork_objects.dir/src/child_path.cpp.o"
}
