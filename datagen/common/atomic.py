"""Files that are either whole or not there, and write failures said in one line."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from .errors import ArgumentError

PART = ".part"


def write_atomic(path: str | Path, data: bytes) -> None:
    """Write ``data`` under the temporary name ``<path>.part`` and rename it.

    Parameters
    ----------
    path : str or Path
        The file to make; one that is there is replaced.
    data : bytes
        All of its content.

    Raises
    ------
    OSError
        Whatever the file system says; the temporary file is then removed where that is possible.
    """
    part = f"{path}{PART}"
    try:
        # Unbuffered, because the whole content is one call: this is on the per-picture path.
        with open(part, "wb", buffering=0) as file:  # noqa: PTH123 - Path.open costs 10 us more per file
            written = file.write(data)
            while written is not None and written < len(data):  # a full disk may take only the start
                written += file.write(data[written:]) or 0
        os.replace(part, path)  # noqa: PTH105
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)  # a failing write, unlike a failing open, does not say which file
        raise


@contextmanager
def writing_lines(path: Path) -> Iterator[TextIO]:
    """Open ``<path>.part`` for text that is too long for memory, and rename it when the block ends well.

    Line ends are written as given; bytes of names that are not UTF-8 pass through.

    Raises
    ------
    OSError
        Whatever the file system says; after any error the temporary file is removed where that is possible.
    """
    part = Path(f"{path}{PART}")
    try:
        with part.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
        part.replace(path)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def writing_to(out: Path, argument: str = "out") -> Iterator[None]:
    """Turn an ``OSError`` inside the block into a one-line ``ArgumentError`` about ``argument``."""
    try:
        yield
    except OSError as error:
        what = error.strerror or str(error)
        name = f" ({Path(os.fsdecode(error.filename)).name})" if error.filename else ""
        words = f"{out}: cannot write{name}: {what}; mend that and the same command resumes"
        raise ArgumentError(argument, words) from error
