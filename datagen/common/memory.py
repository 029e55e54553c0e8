"""Want of memory as the system, numpy, OpenCV and torch tell of it."""

import errno

# What torch's allocators, OpenCV, the dynamic linker and the system call it.
_SIGNS = (
    "not enough memory",
    "out of memory",
    "insufficient memory",
    "allocate memory",
    "start new thread",
    "failed to map segment",
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
