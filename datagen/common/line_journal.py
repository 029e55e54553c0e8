"""An append-only file of lines, for what is finished so far: it survives being killed."""

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from .errors import UserError


class LineJournal:
    """The lines of a file, read once and then added to.

    Parameters
    ----------
    path : Path
        Made where it is missing; one process at a time has it open.
    take : callable
        Gets each line and its position; ValueError where it is none of ours. That one and what follows are cut
        off: a kill or a full disk tore it.
    """

    def __init__(self, path: Path, take: Callable[[bytes, int], None]) -> None:
        self._path = path
        # Unbuffered, so that a failed write leaves nothing behind that closing would try to write again.
        self._tail: IO[bytes] = path.open("ab", buffering=0)
        self._head: IO[bytes] = path.open("rb")
        try:
            good = self._take_all(take)
            if self._tail.seek(0, os.SEEK_END) > good:
                self._tail.truncate(good)
                # what was read ahead is no longer what the file holds, and would be given for what is added now
                self._head.close()
                self._head = path.open("rb")
        except BaseException:
            self.close()
            raise

    def _take_all(self, take: Callable[[bytes, int], None]) -> int:
        good = 0
        for line in self._head:
            try:
                if not line.endswith(b"\n"):
                    break
                take(line, good)
            except UserError:
                raise
            except ValueError:
                break
            good += len(line)
        return good

    def append(self, lines: Sequence[bytes]) -> int:
        """Add whole lines in one write; returns the position of the first."""
        position = self._tail.seek(0, os.SEEK_END)
        data = b"".join(lines)
        if self._tail.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        return position

    def read(self, position: int) -> bytes:
        """Return the line at a position."""
        self._head.seek(position)
        return self._head.readline()

    def clear(self) -> None:
        """Remove every line."""
        self._tail.truncate(0)

    def close(self) -> None:
        """Close the file and leave it, so that the same command resumes."""
        self._head.close()
        self._tail.close()

    def remove(self) -> None:
        """Close and delete the file: everything is done."""
        self.close()
        self._path.unlink()
