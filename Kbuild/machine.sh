# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # boot uses what is set here, and sets the accelerator
# Sourced by boot: what differs between the machines of the architectures. The names of
# virtio's devices do not: for each machine qemu takes them to mean those of its own bus.
console=(-serial file:console)
case $ARCH in
x86_64)
	# The boot must not panic over the timer's first ticks, when the processor stands still.
	machine=q35 cpu=max parameters="console=ttyS0 no_timer_check"
	# A kernel that sees ERMS copies and clears with rep movsb and stosb, which TCG
	# emulates byte by byte: writing a file then takes more than twice as long.
	[[ $accelerator == kvm ]] || cpu+=,-erms,-fsrm
	;;
arm64)
	# Pointer authentication with the architecture's own algorithm is slow under TCG.
	# memfd_secret() needs rodata=full, which later than 6.12 is the default.
	machine=virt cpu=max,pauth-impdef=on parameters="console=ttyAMA0 rodata=full"
	;;
s390)
	# Of its two consoles the one of lines, which is ttyS0 there, is no -serial of qemu's.
	machine=s390-ccw-virtio cpu=max parameters=console=ttyS0
	# shellcheck disable=SC2054 # the commas are qemu's
	console=(-chardev file,id=console,path=console -device sclplmconsole,chardev=console)
	;;
esac
