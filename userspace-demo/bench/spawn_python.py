# SPDX-License-Identifier: MIT
# usage: spawn_python.py DESCRIPTORS RESIDENT_MIB PROGRAM
# For each line on standard input: spawn the program, wait, tell the nanoseconds.
import mmap
import os
import resource
import subprocess
import sys
import time

descriptors, resident_mib = int(sys.argv[1]), int(sys.argv[2])
program = sys.argv[3]
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
for _ in range(3, min(descriptors, hard - 16)):
    os.open("/dev/null", os.O_RDONLY)
if resident_mib:
    memory = mmap.mmap(-1, resident_mib << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for offset in range(0, len(memory), 4096):
        memory[offset] = 1
for _ in sys.stdin:
    start = time.perf_counter_ns()
    if subprocess.call([program]) != 0:
        sys.exit(1)
    print(time.perf_counter_ns() - start, flush=True)
