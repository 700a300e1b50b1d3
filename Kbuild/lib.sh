# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is for the scripts
# Sourced by every script of the lab: its settings, where things lie, and how it speaks.
# Everything said goes to stderr: stdout belongs to the command in the guest.
set -euo pipefail
# The front door's make must not reach the kernel's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

lab=$(realpath "${BASH_SOURCE[0]%/*}")
root=${lab%/*}
build=$root/build

say() { printf '%s\n' "$*" >&2; }

# 125: the lab failed, not the command in the guest.
die() {
	say "lab: $*"
	exit 125
}

# number NAME DEFAULT: a setting that must be a positive integer
number() {
	local -n value=$1
	value=${value:-$2}
	[[ $value =~ ^[1-9][0-9]{0,8}$ ]] || die "$1=$value is not a positive whole number"
}

number JOBS "$(nproc)"
number SMP 2
number TIMEOUT 600
MEM=${MEM:-1G}
[[ $MEM =~ ^[1-9][0-9]*[MG]$ ]] || die "MEM=$MEM is not a size such as 1G or 512M"
KERNEL=${KERNEL:-patched}
[[ $KERNEL =~ ^(stock|patched|debug|kcsan)$ ]] ||
	die "KERNEL=$KERNEL is unknown; there are stock, patched, debug and kcsan"

# What "architectures" says of ARCH; "foreign" is empty for the machine's own.
ARCH=${ARCH:-x86_64}
read -r _ cross debian emulator image_in_tree < <(awk -v a="$ARCH" '$1 == a' "$lab/architectures") ||
	die "ARCH=$ARCH is unknown; there are $(sed '/^#/d; s/ .*//' "$lab/architectures" | paste -sd' ')"
[[ $cross != - ]] || cross=
foreign=${cross:+$ARCH}
image_name=${image_in_tree##*/}
# guests: the architectures that have one
guests() { awk '!/^#/ && NF > 2 { print $1 }' "$lab/architectures"; }
guest=$build/${foreign:+$debian/}guest

# version_of TREE: VERSION.PATCHLEVEL.SUBLEVEL of a kernel tree
version_of() {
	sed -nE '1,5s/^(VERSION|PATCHLEVEL|SUBLEVEL) *= *([0-9]+)$/\2/p' "$1/Makefile" | paste -sd.
}

if [[ -n ${KERNEL_SRC:-} ]]; then
	[[ -f $KERNEL_SRC/Kconfig && -f $KERNEL_SRC/Makefile ]] ||
		die "KERNEL_SRC=$KERNEL_SRC is not a kernel tree"
	KERNEL_SRC=$(realpath "$KERNEL_SRC")
	BASE=${BASE:-$(version_of "$KERNEL_SRC" | cut -d. -f1,2)}
	work=$build/$BASE-own-$(sha256sum <<<"$KERNEL_SRC" | cut -c1-12)
else
	BASE=${BASE:-6.12}
	grep -q "^${BASE//./\\.} " "$lab/bases" ||
		die "BASE=$BASE is unknown; there are $(sed -n 's/^\([0-9.]*\) .*/\1/p' "$lab/bases" | paste -sd' ')"
	work=$build/$BASE
fi
series=${LAB_SERIES:-$root/kernel-patches/linux-$BASE.y}
# LAB_VARIANT=NAME: kernels with config/NAME.config too, each in $work/NAME-FLAVOUR
variant=${LAB_VARIANT:-$foreign}
variant=${variant:+$variant-}

# inputs_match FILE TEXT: whether an artefact's record says it was made from TEXT
inputs_match() { [[ -f $1 && $(<"$1") == "$2" ]]; }

# git_apply TREE ARGUMENT...: git apply to files that are in no repository; found above
# them, the project's own would have it apply nothing
git_apply() { GIT_CEILING_DIRECTORIES=$(dirname "$1") git -C "$1" apply "${@:2}"; }

# meter TITLE LOG: keep one line of the terminal moving, until killed
meter() {
	local started=$SECONDS
	while kill -0 $$ 2>/dev/null; do
		printf '\r\e[K%s … %d s  %.50s' "$1" $((SECONDS - started)) "$(tail -n1 "$2" | tr -d '\r')" >&2
		sleep 0.3
	done
}

end_meter() {
	kill "$1"
	wait "$1" 2>/dev/null || true
	printf '\r\e[K' >&2
}

# step TITLE LOG COMMAND...: run it with its output in LOG, saying what and how long
step() {
	local title=$1 log=$2 started=$EPOCHREALTIME status meter=
	shift 2
	mkdir -p "${log%/*}"
	: >"$log"
	if [[ -t 2 ]]; then
		meter "$title" "$log" &
		meter=$!
	else
		say "$title …"
	fi
	# Not "|| status=$?": that would switch errexit off inside COMMAND.
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	set -e
	if [[ $meter ]]; then end_meter "$meter"; fi
	if ((status)); then
		tail -n 20 "$log" >&2
		die "$title: failed; the whole log: $log"
	fi
	say "$title: $(elapsed "$started")"
}

# elapsed SINCE: seconds since a value of EPOCHREALTIME
elapsed() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'; }

# need_space MEGABYTES: end now rather than in the middle of a build
need_space() {
	local free
	mkdir -p "$build"
	free=$(df -Pm "$build" | awk 'END { print $4 }')
	((free >= $1)) || die "not enough disk space: $1 MB are needed under $build, $free MB are free"
}
