# SPDX-License-Identifier: MIT
"""What Python's own modules do in a child with descriptors that are close-on-exec."""
import multiprocessing
import os
import subprocess


def run_true(**settings):
    try:
        return subprocess.run(["true"], **settings).returncode
    except OSError as error:
        return os.strerror(error.errno)


def sent_by_child():
    here, there = multiprocessing.get_context("fork").Pipe()
    if os.fork() == 0:
        try:
            there.send("sent")
        finally:
            os._exit(0)
    there.close()
    try:
        return here.recv()
    except EOFError:
        return "EOFError"
    finally:
        os.wait()


print("subprocess:", run_true())
with open("file", "w") as file:
    print("subprocess to a file:", run_true(stdout=file))
print("multiprocessing:", sent_by_child())
