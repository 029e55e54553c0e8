"""One process at a time in a folder: a lock that ends with the process, however that ends."""

import errno
import os
from contextlib import suppress
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from .errors import UserError

LOCK_NAME = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP)  # some network file systems: two at work are then not noticed


def take_lock(folder: Path, who: str) -> BaseFileLock:
    """Lock a folder for this process, until `give_back` or the end of the process, however that ends.

    Raises
    ------
    UserError
        Beginning with ``who``, when another process, or another part of this one, holds it.
    """
    path = folder / LOCK_NAME
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        holder = ""
        with suppress(OSError):
            holder = path.read_text(encoding="ascii", errors="replace")[:20].strip()
        process = f" (process {holder})" if holder else ""
        raise UserError(f"{who}{process} is writing to this folder") from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    with suppress(OSError):
        path.write_text(f"{os.getpid()}\n", encoding="ascii")
    return lock


def give_back(lock: BaseFileLock) -> None:
    """Let others work in the folder; a process that waits at the removed file notices that it is gone."""
    with suppress(OSError):
        Path(lock.lock_file).unlink()
    lock.release()
