#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The library as others meet it: installed, and linked by a project outside this tree in
# each of the ways that there are.
bats_require_minimum_version 1.5.0

setup_file() {
	root=$(realpath "$BATS_TEST_DIRNAME/../..")
	scratch=$root/build/install-test
	prefix=$scratch/moved
	export root scratch prefix
	rm -rf "$scratch"
	mkdir -p "$scratch"
	DESTDIR=$scratch/root cmake --install "$root/build/userspace-demo" --prefix /opt/clofork >"$scratch/install.log"
	mv "$scratch/root/opt/clofork" "$prefix" # nothing may know where it was
	cp -r "$BATS_TEST_DIRNAME/consumer" "$scratch/consumer"
}

teardown_file() { rm -rf "$scratch"; }

configure() {
	cmake -S "$scratch/consumer" -B "$scratch/$1" -DCMAKE_PREFIX_PATH="$prefix" "${@:2}"
}
build() {
	configure "$@" && cmake --build "$scratch/$1" -j2
}

# speaks PROGRAM: it works
speaks() {
	run -0 "$1" "$BATS_TEST_TMPDIR/hello"
	[[ $output == spoken ]]
}

# needs_library PROGRAM: whether it is linked to the shared one
needs_library() { readelf -d "$1" | grep -qF 'Shared library: [libclofork.so.1]'; }

@test "find_package, the static library" {
	build static -DCLOFORK_KIND=static
	speaks "$scratch/static/consumer"
	run ! needs_library "$scratch/static/consumer"
}

@test "find_package, the shared library, by another compiler" {
	build shared -DCLOFORK_KIND=shared -DCMAKE_CXX_COMPILER=clang++
	speaks "$scratch/shared/consumer"
	needs_library "$scratch/shared/consumer"
}

@test "find_package takes what BUILD_SHARED_LIBS says, else shared first" {
	cat >"$scratch/consumer/which.cmake" <<-'END'
		find_package(clofork REQUIRED)
		get_target_property(type clofork::clofork TYPE)
		message("type ${type}")
	END
	which() { configure which -DCMAKE_PROJECT_INCLUDE="$scratch/consumer/which.cmake" "$@" 2>&1; }
	run -0 which -DBUILD_SHARED_LIBS=OFF
	[[ $output == *"type STATIC_LIBRARY"* ]]
	run -0 which -DBUILD_SHARED_LIBS=ON
	[[ $output == *"type SHARED_LIBRARY"* ]]
	run -0 which -UBUILD_SHARED_LIBS
	[[ $output == *"type SHARED_LIBRARY"* ]]
}

@test "find_package says what it does not have" {
	run ! configure none "-DCLOFORK_KIND=static;shared"
	[[ $output == *"the components are static and shared, one of them"* ]]
	mv "$prefix/lib/cmake/clofork/clofork-static-targets.cmake" "$scratch/aside"
	run ! configure none -DCLOFORK_KIND=static
	mv "$scratch/aside" "$prefix/lib/cmake/clofork/clofork-static-targets.cmake"
	[[ $output == *"the static library is not installed"* ]]
	sed -i 's/find_package(clofork 1.0/find_package(clofork 2.0/' "$scratch/consumer/CMakeLists.txt"
	run ! configure none
	sed -i 's/find_package(clofork 2.0/find_package(clofork 1.0/' "$scratch/consumer/CMakeLists.txt"
	[[ $output == *"version: 1."* ]]
}

@test "add_subdirectory, and nothing is built but what is linked" {
	build inside -DCLOFORK_SOURCE="$root/userspace-demo" -DCMAKE_BUILD_TYPE=Debug
	speaks "$scratch/inside/consumer"
	run -0 find "$scratch/inside" -name '*.so*' -o -name clofork-probe
	[[ ! $output ]]
}

link() {
	local flags
	flags=$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config "$@" --cflags --libs clofork)
	# shellcheck disable=SC2086 # they are words
	c++ -std=c++20 -Wall -Wextra -Werror ${STATIC:-} -o "$scratch/by-pkg-config" \
		"$scratch/consumer/main.cpp" $flags
}

@test "pkg-config, the shared library" {
	link
	LD_LIBRARY_PATH=$prefix/lib speaks "$scratch/by-pkg-config"
	needs_library "$scratch/by-pkg-config"
}

@test "pkg-config, a program that is static altogether" {
	STATIC=-static link --static
	speaks "$scratch/by-pkg-config"
	run -0 readelf -d "$scratch/by-pkg-config"
	[[ $output == *"no dynamic section"* ]]
}

@test "each public header is complete, and has no warning with hidden visibility" {
	for header in "$scratch"/moved/include/clofork/*.h; do
		clang++ -std=c++20 -Wall -Wextra -Werror -fvisibility=hidden -fsyntax-only \
			-I "$prefix/include" -x c++ - <<<"#include <clofork/${header##*/}>"
	done
}

@test "libclofork(3) and the page on the library name each public header" {
	for header in "$scratch"/moved/include/clofork/*.h; do
		grep -F "clofork/${header##*/}" "$prefix/share/man/man3/libclofork.3"
		[[ $header == */export.h ]] || grep -F "\`\`clofork/${header##*/}\`\`" "$root/Documentation/library.rst"
	done
}

@test "another compiler builds both libraries without a warning" {
	cmake -S "$root/userspace-demo" -B "$scratch/clang" -DBUILD_TESTING=OFF \
		-DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
	cmake --build "$scratch/clang" -j2 --target clofork clofork_shared
}

@test "the shared library exports no name but its own" {
	run -0 nm -D --defined-only --demangle --with-symbol-versions "$prefix/lib/libclofork.so"
	[[ $output == *" clofork::spawn(clofork::command const&)@@CLOFORK_1"* ]]
	run -1 grep -vE ' (A CLOFORK_1|. clofork::[^@]*@@CLOFORK_1)$' <<<"$output"
}

@test "the example of libclofork(3) is a program, as a reader copies it" {
	mandoc "$prefix/share/man/man3/libclofork.3" | col -bx | sed -n '/^EXAMPLES/,/^SEE ALSO/p' |
		sed -n '/^ *#include/,/^       }$/p' >"$scratch/example.cpp"
	# shellcheck disable=SC2046 # they are words
	c++ -std=c++20 -Wall -Wextra -Werror -static -o "$scratch/example" "$scratch/example.cpp" \
		$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --static --cflags --libs clofork)
	run -0 "$scratch/example"
	[[ $output == spawned ]]
}
