"""How much memory a process has had, and want of it as the system, numpy, OpenCV and torch tell of it."""

import errno
import sys
from pathlib import Path

from .errors import UserError

# Share of the shell's limit beyond which an error that nobody expects is taken for want of memory: libraries say so
# in many ways, or forget to.
_NEAR = 0.85
# What torch's allocators, OpenCV, the dynamic linker and the system call it.
_SIGNS = (
    "not enough memory",
    "out of memory",
    "insufficient memory",
    "allocate memory",
    "start new thread",
    "failed to map segment",
    "bad_alloc",
    "could not create a primitive",  # oneDNN's
)


def is_want_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory left, or no room for a thread's."""
    if (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    ):  # torch's is not imported here
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    text = str(error).lower()
    return any(sign in text for sign in _SIGNS)


def limit_bytes() -> int | None:
    """Return how much memory the shell lets this process have (``ulimit -v``), None where it does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def is_near_limit() -> bool:
    """Whether this process has had most of what the shell lets it have."""
    limit = limit_bytes()
    if limit is None:
        return False
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        peak_kb = next(line.split()[1] for line in status.splitlines() if line.startswith("VmPeak:"))
    except (OSError, StopIteration):
        return False
    return int(peak_kb) * 1024 > _NEAR * limit


def check_limit(least_mb: int) -> None:
    """Raise UserError where the shell lets this process have less: libraries end it without a word then."""
    limit = limit_bytes()
    if limit is not None and limit < least_mb * 1e6:
        there = limit / 1e6
        raise UserError(
            f"out of memory: {there:.0f} MB are allowed, {least_mb} needed; raise the limit, ulimit -v"
        )


def peak_rss_mb() -> float:
    """Return the largest resident size of this process so far in MB, 0.0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0.0
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes there, kilobytes elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
