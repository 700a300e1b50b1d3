# SPDX-License-Identifier: MIT
# The front door: which script does what. "make help" explains.

# Whether this is make -n; asked before MAKEFLAGS is touched below.
dry := $(findstring n,$(firstword -$(MAKEFLAGS)))

settings := BASE ARCH KERNEL SMP MEM TIMEOUT KERNEL_SRC JOBS ROUNDS JAVA_ROUNDS FROM TO FULL LAB_CMD
# CMD goes to the guest's shell as typed: never expanded, not even to pass it on.
LAB_CMD := $(value CMD)
unexport CMD
export $(foreach setting,$(settings),$(if $(value $(setting)),$(setting)))
MAKEOVERRIDES =
MAKEFLAGS += --no-print-directory

.PHONY: help demo demo-foreign test test-long run shell kernel check check-bisect mutate bench deb regress rebase-series check-architectures test-architectures
.SUFFIXES:

help:
	@grep -v '^#' Kbuild/help

demo test kernel check check-bisect mutate bench deb regress check-architectures test-architectures:
	@Kbuild/$@
test-long:
	@Kbuild/test --long

demo-foreign:
	@Kbuild/demo foreign

# Make is replaced by the script, for the sake of its exit status: see become.c.
# Where become is not to be had, the second line serves, and make ends with 2.
run shell rebase-series:
	$(if $(dry),,$(become $(command),$(settings)))
	@$(command)
run: command := Kbuild/run
shell: command := Kbuild/run --shell
rebase-series: command := Kbuild/rebase-series

ifneq ($(filter run shell rebase-series,$(MAKECMDGOALS)),)
-load build/become.so
build/become.so: Kbuild/become.c
	@Kbuild/packages build
	@mkdir -p $(@D)
	@gcc -shared -fPIC -O2 -Wall -Wextra -o $@ $<
endif
