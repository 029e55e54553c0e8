"""How many processors there are to use; imports nothing heavy, since command lines ask."""

import os

MOST_WORKERS = 16  # that are started unasked: each is a process of 200 MB or more


def available_cores() -> int:
    """Return how many processors this process may use: fewer than the machine has in a container or a job."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on this system
        return os.cpu_count() or 1
