# SPDX-License-Identifier: MIT
# drain_python.py PROGRAM PROGRAMS BYTES: drain_bench by asyncio.
import asyncio
import json
import resource
import sys
import time

program, programs, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


async def drain(stream):
    total = 0
    while part := await stream.read(65536):
        total += len(part)
    return total


async def run(number):
    half = str(size // 2)
    child = await asyncio.create_subprocess_exec(
        program, str(number), half, half,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE)
    sizes = await asyncio.gather(drain(child.stdout), drain(child.stderr))
    return sum(sizes), await child.wait()


async def main():
    if hasattr(asyncio, "PidfdChildWatcher"):  # else, from 3.12 on, it is the default
        watcher = asyncio.PidfdChildWatcher()
        watcher.attach_loop(asyncio.get_running_loop())
        asyncio.get_event_loop_policy().set_child_watcher(watcher)
    return await asyncio.gather(*(run(number) for number in range(programs)))


_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
start = time.perf_counter()
results = asyncio.run(main())
seconds = time.perf_counter() - start
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "name": "Python asyncio",
    "programs": programs,
    "succeeded": sum(status == 0 for _, status in results),
    "bytes": sum(total for total, _ in results),
    "expected_bytes": programs * size,
    "seconds": seconds,
    "own_cpu_seconds": usage.ru_utime + usage.ru_stime,
    "peak_kib": usage.ru_maxrss,
}))
