"""Lives of the worker that end by SIGKILL, in a process without threads so that it can fork.

Reads lines `milliseconds` from the standard input. For each, a child is born that works the inbox
round and round; it is killed that many milliseconds after it has begun. Answers `killed` or, when
the child ended by itself, its exit code.
"""

import os
import signal
import sys
import threading
import time

from casework.bootstrap import assemble
from casework.environment import clock, current_settings
from casework.worker import Service


def live(ready: int) -> None:
    """Work until killed."""
    service = Service(assemble(current_settings(), clock), threading.Event())
    os.write(ready, b"!")
    while True:
        service.poll()
        service.process()
        service.deliver()


def one_life(milliseconds: float) -> str:
    """Let one child live that long, counted from the moment it begins to work."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            live(writing)
        finally:
            os._exit(3)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    time.sleep(milliseconds / 1000)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return "killed" if os.WIFSIGNALED(status) else str(os.WEXITSTATUS(status))


if __name__ == "__main__":
    for line in sys.stdin:
        print(one_life(float(line)), flush=True)
