# SPDX-License-Identifier: MIT
"""usage: write_and_run.py IMAGE DIRECTORY THREADS ROUNDS subprocess|posix_spawn|fork

Threads that each write an executable, close it and run it in the way named. Prints how
many of the rounds ended in ETXTBSY, or in a child that could not say why it failed.
"""
import errno
import itertools
import os
import subprocess
import sys
import threading

if len(sys.argv) != 6:
    sys.exit(__doc__)
image = open(sys.argv[1], "rb").read()
directory, threads, rounds = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
busy = []  # an append is one step to other threads
failed = []
played = itertools.count()


def run_with_subprocess(path):
    return subprocess.run([path]).returncode


def run_with_posix_spawn(path):
    child = os.posix_spawn(path, [path], {})
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_with_fork(path):
    child = os.fork()
    if child == 0:
        try:
            os.execv(path, [path])
        except OSError as error:
            os._exit(255 if error.errno == errno.ETXTBSY else 254)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


run = {
    "subprocess": run_with_subprocess,
    "posix_spawn": run_with_posix_spawn,
    "fork": run_with_fork,
}[sys.argv[5]]


def is_busy(path):
    try:
        status = run(path)
    except OSError as error:
        if error.errno != errno.ETXTBSY:
            raise
        return True
    # 255: where the pipe for its errno is gone, subprocess knows no more.
    if status not in (0, 255):
        raise RuntimeError(f"{path} ended with status {status}")
    return status == 255


def play():
    try:
        while (round := next(played)) < rounds:
            path = f"{directory}/{round}"
            with open(path, "wb") as file:
                file.write(image)
                os.chmod(file.fileno(), 0o755)
            if is_busy(path):
                busy.append(round)
            os.unlink(path)
    except Exception as error:
        failed.append(error)


players = [threading.Thread(target=play) for _ in range(threads)]
for player in players:
    player.start()
for player in players:
    player.join()
if failed:
    sys.exit(f"write_and_run.py: {failed[0]}")
print(len(busy))
