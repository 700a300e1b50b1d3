#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# The Debian packages: made, installed in a directory beside a copy of the machine's package
# database, so that their dependencies are looked for, and used from there.
bats_require_minimum_version 1.5.0

setup_file() {
	root=$(realpath "$BATS_TEST_DIRNAME/../..")
	scratch=$root/build/deb-test
	packages=$root/build/deb/clofork
	libraries=$scratch/root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
	export root scratch packages libraries
	rm -rf "$scratch"
	mkdir -p "$scratch/root" "$scratch/database"/{info,updates,triggers}
	cp /var/lib/dpkg/status "$scratch/database"
	cp /var/lib/dpkg/triggers/File "$scratch/database/triggers"
	"$root/Kbuild/deb" programs 2>"$scratch/deb.log" || {
		cat "$scratch/deb.log" >&2
		return 1
	}
}

teardown_file() { rm -rf "$scratch"; }

# No trigger: ldconfig's would run in that directory, which has no shell.
into_scratch() {
	fakeroot dpkg --admindir="$scratch/database" --instdir="$scratch/root" --log=/dev/null \
		--force-script-chrootless --no-triggers "$@"
}

@test "the packages are there, and are installed with what they depend on" {
	into_scratch --install "$packages"/{libclofork1,libclofork-dev,clofork-tools}_*.deb
	# shellcheck disable=SC2016 # dpkg-query expands it
	run -0 dpkg-query --admindir="$scratch/database" -Wf '${db:Status-Abbrev}' libclofork1 libclofork-dev clofork-tools
	[[ $output == "ii ii ii " ]]
}

@test "the development package needs its own library" {
	run ! into_scratch --remove libclofork1
	[[ $output == *"libclofork-dev"*" depends on libclofork1 (= "* ]]
}

@test "a program is built from the packages by CMake, and runs with the library" {
	cmake -S "$BATS_TEST_DIRNAME/consumer" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$scratch/root/usr" -DCLOFORK_KIND=shared
	cmake --build "$scratch/consumer"
	run -0 env LD_LIBRARY_PATH="$libraries" "$scratch/consumer/consumer" "$BATS_TEST_TMPDIR/hello"
	[[ $output == spoken ]]
}

@test "a program is built from the packages by pkg-config" {
	flags=$(PKG_CONFIG_PATH=$libraries/pkgconfig pkg-config --cflags --libs clofork)
	# shellcheck disable=SC2086 # they are words
	c++ -std=c++20 -o "$scratch/program" "$BATS_TEST_DIRNAME/consumer/main.cpp" $flags
	run -0 env LD_LIBRARY_PATH="$libraries" "$scratch/program" "$BATS_TEST_TMPDIR/hello"
	[[ $output == spoken ]]
}

@test "the tools run with the packaged library" {
	run -127 "$scratch/root/usr/bin/clofork-probe"
	run -0 env LD_LIBRARY_PATH="$libraries" "$scratch/root/usr/bin/clofork-probe" --json
	[[ $(jq -r .kernel <<<"$output") == "$(uname -r)" ]]
	run -2 env LD_LIBRARY_PATH="$libraries" "$scratch/root/usr/bin/etxtbsy-race" --rounds 0
}

@test "the library to be preloaded is there, for any program" {
	run -0 env LD_PRELOAD="$libraries/clofork/libclofork-preload.so" CLOFORK_PRELOAD=all true
	[[ $output == "libclofork-preload.so: CLOFORK_PRELOAD is to be "* ]]
	[[ -f $scratch/root/usr/share/man/man1/libclofork-preload.1.gz ]]
}

# What pkg-config finds here is of the packages in Build-Depends alone.
@test "the packages are configured with what Build-Depends names" {
	mkdir "$scratch/pkgconfig"
	sed -n 's/^Build-Depends: //p' "$root/userspace-demo/debian/control" | sed 's/([^)]*)//g; s/,/\n/g' |
		xargs dpkg -L | sed -n '/\.pc$/p' | xargs cp -t "$scratch/pkgconfig"
	run ! env PKG_CONFIG_LIBDIR="$scratch/pkgconfig" pkg-config fuse3
	run -0 env PKG_CONFIG_LIBDIR="$scratch/pkgconfig" cmake -S "$root/userspace-demo" -B "$scratch/lean" -DBUILD_TESTING=OFF
	[[ $output == *"flush-once not built: needs libfuse 3"* ]]
	run ! env PKG_CONFIG_LIBDIR="$scratch/pkgconfig" cmake -S "$root/userspace-demo" -B "$scratch/lean" -DBUILD_TESTING=ON
	[[ $output == *"-DBUILD_TESTING=OFF builds"*"without"* ]]
}

# options: the long ones in what is read
options() { sed 's/\\-/-/g' | grep -oE -- '--[a-z][a-z-]*' | sort -u; }

@test "each tool has a page, with the options that it says it has" {
	for tool in "$scratch"/root/usr/bin/*; do
		page=$scratch/root/usr/share/man/man1/${tool##*/}.1.gz
		diff <(LD_LIBRARY_PATH=$libraries "$tool" --help | options) <(zcat "$page" | options)
	done
}
