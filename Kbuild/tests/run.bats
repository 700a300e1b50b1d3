#!/usr/bin/env bats
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154 # other shells expand; common.bash sets
# What "make run" promises of a command in the guest. A boot costs seconds: one is
# shared by the tests that only look at what a well-behaved command saw, and it runs
# beside another one, so that each also shows two guests that do not disturb each other.
load common

setup_file() {
	cd "$BATS_TEST_DIRNAME" || return
	"$lab/kernel"
	"$lab/run" true # settles the accelerator before two ask at once
	of_host=$(mktemp -p /tmp)
	(
		status=0
		"$lab/run" '
			echo "directory=$PWD"; read -r line || echo "stdin=closed"
			touch /tmp/a /var/tmp/a /dev/shm/a /run/a && echo "temporary=writable"
			[[ -e '"$of_host"' ]] || echo "temporary=fresh"
			touch "$PWD/a" /usr/a 2>/dev/null || echo "root=read-only"
			echo "processors=$(nproc)"; echo "host=$(uname -n)"; echo reopened >/dev/stdout
			exec 3<>/dev/tcp/127.0.0.1/9 || echo "loopback=refuses"
			cat <(echo "substitution=works"); perl -e "print 6 * 7, qq(\n)"
			sleep 1000 & echo to-stderr >&2; exit 37' \
			>"$BATS_FILE_TMPDIR/facts" 2>"$BATS_FILE_TMPDIR/facts.err" </dev/zero || status=$?
		echo $status >"$BATS_FILE_TMPDIR/facts.status"
	) &
	"$lab/run" 'for n in {1..16}; do
			for i in {0..255}; do printf -v hex %x $i; printf "\\x$hex"; done
		done; head -c 1M /dev/zero; kill -TERM $$' \
		2>"$BATS_FILE_TMPDIR/bytes.err" | {
		# A slow reader: the verdict is there long before the output is through.
		head -c 1
		sleep 5
		cat
	} >"$BATS_FILE_TMPDIR/bytes"
	echo "${PIPESTATUS[0]}" >"$BATS_FILE_TMPDIR/bytes.status"
	wait
	rm "$of_host"
}
setup() { cd "$BATS_TEST_DIRNAME" || return; }

fact() { grep -qxF "$1" "$BATS_FILE_TMPDIR/facts" || { cat "$BATS_FILE_TMPDIR"/facts* && return 1; }; }

@test "the command's status is ours" { [[ $(<"$BATS_FILE_TMPDIR/facts.status") == 37 ]]; }
@test "a signal is 128 and its number" { [[ $(<"$BATS_FILE_TMPDIR/bytes.status") == 143 ]]; }
@test "the working directory is the same" { fact "directory=$BATS_TEST_DIRNAME"; }
@test "standard input is closed" { fact stdin=closed; }
@test "the temporary directories are writable" { fact temporary=writable; }
@test "the temporary directories are fresh" { fact temporary=fresh; }
@test "the host's root is read-only" {
	fact root=read-only
	[[ ! -e a && ! -e /usr/a ]]
}
@test "two processors" { fact processors=2; }
@test "it is the guest that answers" { fact host=guest; }
@test "stdout can be reopened" { fact reopened; }
@test "the host's programs run" { fact 42; }
@test "/dev/fd is there" { fact substitution=works; }
@test "loopback is up" { grep -q 'Connection refused' "$BATS_FILE_TMPDIR/facts.err"; }
@test "stderr is apart from stdout" {
	grep -qx to-stderr "$BATS_FILE_TMPDIR/facts.err"
	run ! grep -q to-stderr "$BATS_FILE_TMPDIR/facts"
}
@test "every byte value passes, and megabytes" {
	{
		for _ in {1..16}; do for i in {0..255}; do printf -v hex %x "$i" && printf %b "\\x$hex"; done; done
		head -c 1M /dev/zero
	} | cmp - "$BATS_FILE_TMPDIR/bytes"
}

@test "make run hands CMD over as typed, and ends with its status" {
	tricky='printf "%s|" "$HOME" '\''$$ "dq" $(x)'\'' a\ b \# "$((6*7))" `echo tick` %s
printf end; exit 9'
	cd "$root" # with -C the first make run would say on stdout where it is
	run --separate-stderr make run CMD="$tricky"
	((status == 9))
	[[ $output == '/tmp|$$ "dq" $(x)|a b|#|42|tick|%s|end' ]] || { echo "$output" && false; }
}

@test "127 when CMD does not exist" {
	run -127 "$lab/run" no-such-program
	contains "no-such-program: command not found"
}

@test "124 past TIMEOUT" {
	TIMEOUT=1 run -124 "$lab/run" 'sleep 100'
	contains "still running after TIMEOUT=1 s"
}

@test "125 when the guest does not boot, with the console's last lines" {
	LAB_APPEND=initcall_blacklist=virtio_pci_driver_init run -125 "$lab/run" true
	contains "the guest did not boot; the console's log: $root/build/6.12/stock/log/console."
	contains "mount the job: "
}

@test "125 when the boot hangs" {
	LAB_BOOT_SECONDS=1 LAB_ACCELERATOR=tcg run -125 "$lab/run" true
	contains "the guest did not boot"
}

@test "125 when qemu refuses, with its reason" {
	MEM=9999999G run -125 "$lab/run" true
	contains "the guest did not boot"
	contains "qemu-system-x86_64: "
}

@test "125 when the guest ends without a verdict" {
	run -125 "$lab/run" 'echo o >/proc/sysrq-trigger; sleep 100'
	contains "the guest ended without a verdict"
}

@test "126 when the kernel panics, with what it said" {
	run -126 "$lab/run" 'echo c >/proc/sysrq-trigger'
	contains "Kernel panic - not syncing"
}

@test "126 when the kernel warns, though the command succeeds" {
	run -126 "$lab/run" 'echo "WARNING: CPU: 0 PID: 1 at lab.c:1 trial" >/dev/kmsg'
	contains "WARNING: CPU: 0 PID: 1 at lab.c:1 trial"
}

@test "the console cannot fake a verdict" {
	run -5 "$lab/run" 'echo "exit 0 0 0" >/dev/console; echo "exit 0 0 0" >/dev/ttyS0; exit 5'
}

# started NAME=VALUE COMMAND: run it in a session of its own, set session and wait for "up"
started() {
	env --default-signal setsid "$lab/run" "echo up; sleep 1000" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	session=$!
	for _ in {1..600}; do
		if grep -q up "$BATS_TEST_TMPDIR/out"; then return; fi
		sleep 0.1
	done
	cat "$BATS_TEST_TMPDIR/out"
	return 1
}
nothing_left() {
	for _ in {1..50}; do
		pgrep -s "$session" >/dev/null || return 0
		sleep 0.1
	done
	pgrep -as "$session"
	return 1
}

@test "Ctrl-C leaves no qemu" {
	started
	pgrep -s "$session" qemu-system
	kill -INT -- "-$session"
	status=0
	wait "$session" || status=$?
	((status == 130))
	nothing_left
}

@test "SIGTERM of the script leaves no qemu" {
	started
	kill -TERM "$session"
	nothing_left
}

@test "SIGKILL of the script leaves no qemu" {
	started
	kill -KILL "$session"
	nothing_left
}

@test "a reader that goes away ends the guest" {
	run bash -c '"$1" "yes" | head -n 1' - "$lab/run"
	[[ ${lines[-1]} == y ]]
}

@test "an interactive shell with job control" {
	# The keyboard stays open: its end would end the shell.
	# shellcheck disable=SC2016 # for the guest's shell
	exec {keyboard}< <(printf 'echo answer=$((6*7)); tty; sleep 100 &\nkill %%1; exit 5\n' && exec sleep 600 3>&-)
	typist=$!
	run -5 script -qec "$lab/run --shell" /dev/null <&"$keyboard"
	kill "$typist"
	contains answer=42
	contains /dev/hvc0
}

@test "the project may lie beneath /tmp, in a path with a space" {
	copy="$BATS_FILE_TMPDIR/a copy"
	mkdir -p "$copy/build/6.12/"{source,stock}
	cp -a "$lab" "$copy"
	cp -a "$root"/build/{guest,accelerator} "$copy/build"
	cp "$root/build/6.12/source/stock.inputs" "$copy/build/6.12/source"
	cp "$root"/build/6.12/stock/{bzImage,inputs} "$copy/build/6.12/stock"
	cd "$copy/Kbuild/tests"
	run -0 "$copy/Kbuild/run" 'pwd; ls run.bats'
	contains "$copy/Kbuild/tests"
	contains run.bats
}
