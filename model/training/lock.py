"""One training per run folder: a lock that ends with the process, however that ends."""

import os
import sys
import weakref
from pathlib import Path

from unmask.datagen.common.errors import UserError

LOCK_NAME = ".lock"


class RunLock:
    """The lock of one folder, held from here to `release`, or to the end of the process.

    Parameters
    ----------
    run : Path
        The run's folder, which exists.
    what : str
        How the message calls the folder and the work in it.

    Raises
    ------
    UserError
        When another process, or another object of this one, holds it.
    """

    def __init__(self, run: Path, what: str = "`run` {}: another training") -> None:
        descriptor = os.open(run / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)
        self._release = weakref.finalize(self, os.close, descriptor)
        if sys.platform == "win32":
            return  # no such locks there: two trainings in one folder are then not noticed
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
            self._release()
            who = f" (process {holder})" if holder else ""
            raise UserError(f"{what.format(run)}{who} is writing to this folder") from error
        except OSError:
            return  # a network file system without locks
        _held.add(self)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)

    def release(self) -> None:
        """Let others train here; the file stays, since removing it would let two in."""
        _held.discard(self)
        self._release()


_held: weakref.WeakSet[RunLock] = weakref.WeakSet()


def _let_go() -> None:
    # A forked data worker inherits the descriptor, and outlives a killed parent by seconds: the same command, given
    # again at once, would be refused. Closing the copy does not unlock the parent's.
    for lock in list(_held):
        lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)
