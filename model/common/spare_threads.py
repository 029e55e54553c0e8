"""How many threads a network may use, so that a busy machine does not make it ten times as slow.

OpenMP's threads spin while they wait for each other. Where another program has one of their cores, all of them wait
for the one that is not running: a photograph took 24 s with two threads and 3.4 s with one, on two cores with four
other programs at work (benchmarks/busy_machine.py). With ``OMP_WAIT_POLICY=PASSIVE`` they do not spin; the command
lines set it, but in a program only whoever imports torch first can.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

_LOAD = Path("/proc/loadavg")  # its fourth field: tasks that run or could, of all there are


def running_tasks() -> int | None:
    """Tasks of the whole machine that run or wait for a core at this moment, the caller's own among them.

    None where the system does not say (it is no Linux).
    """
    try:
        return int(_LOAD.read_text().split()[3].partition("/")[0])
    except (OSError, IndexError, ValueError):
        return None


@contextmanager
def spare_threads() -> Iterator[None]:
    """Let torch use no more threads inside the block than cores are free, at least one; all where none spins.

    Another number of threads may change results in the last bits of a float.
    """
    passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    asked, running = torch.get_num_threads(), None if passive else running_tasks()
    free = asked if running is None else max(1, min(asked, (os.cpu_count() or 1) + 1 - running))
    if free == asked:
        yield
        return
    torch.set_num_threads(free)
    try:
        yield
    finally:
        torch.set_num_threads(asked)
