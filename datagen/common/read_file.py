"""Small files that a person names: read where they are regular files, of a size to expect, in their folder."""

import errno
import io
import os
import stat
from pathlib import Path

TEXT_BYTES = 1 << 20  # of a template's JSON, a recipe or a configuration
PICTURE_BYTES = 1 << 28  # of a layer or a picture of cloth
CARD_BYTES = 1 << 26  # of what the toolkit says about a folder of its own


def read_file(path: Path, most_bytes: int, within: Path | None = None) -> bytes:
    """Return the bytes of a regular file: no pipe or device, which could be waited for without end.

    Parameters
    ----------
    path : Path
        The file; links are followed.
    most_bytes : int
        A larger file is refused.
    within : Path, optional
        Folder out of which neither ``..`` nor a link may lead.

    Raises
    ------
    OSError
        When it cannot be read or is refused; ``strerror`` says why in words.
    """
    try:
        # realpath, because Path.resolve meets a loop of links with another exception
        if within is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(within)):
            raise OSError(errno.EPERM, "it leads outside its folder", str(path))
        with open_file(path) as file:
            size = os.fstat(file.fileno()).st_size
            # not the most, which would be set aside for every file; one more, in case that it grows
            data = file.read(size + 1) if size <= most_bytes else None
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if data is None or len(data) > most_bytes:
        raise OSError(errno.EFBIG, f"larger than {most_bytes >> 20} MiB", str(path))
    return data


def read_whole(path: Path) -> bytes:
    """Return the bytes of a regular file of any size; OSError, also for a pipe or a device."""
    with open_file(path) as file:
        return file.read()


def open_file(path: Path) -> io.BufferedReader:
    """Open a regular file of any size for reading; OSError, also for a pipe or a device."""
    try:
        file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    except ValueError as error:  # a NUL byte in its name
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
