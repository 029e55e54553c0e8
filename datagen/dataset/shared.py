"""What the copies of a dataset in a data loader's processes share: the epoch, and points that one of them found."""

import json
import os
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from ctypes import c_int64
from multiprocessing import parent_process
from multiprocessing.context import get_spawning_popen
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any

import cv2

from unmask.datagen.faces.landmarks import Landmarks


def share_cores() -> None:
    """Keep OpenCV to one thread in a data loader's process, since there is one for each core.

    With 0 it goes without threads. With 1 it would end those that it has, and wait for ever where a fork left none.
    """
    if parent_process() is not None and cv2.getNumThreads() != 1:
        cv2.setNumThreads(0)


class SharedEpoch:
    """A number in memory that a process shares with those that it starts, by fork or by spawn.

    A copy that travels in another way (pickled to a file, `copy.deepcopy`) is a number of its own.
    """

    def __init__(self, epoch: int = 0) -> None:
        self._cell = RawValue(c_int64)
        self.set(epoch)

    def get(self) -> int:
        """Return the epoch."""
        return int(self._cell.value)

    def set(self, epoch: int) -> None:
        """Change it for all processes."""
        if epoch < 0:
            raise ValueError(f"epoch {epoch} is negative")
        self._cell.value = epoch

    def __getstate__(self) -> dict[str, Any]:
        return {"epoch": self.get()} if get_spawning_popen() is None else {"cell": self._cell}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._cell = state["cell"] if "cell" in state else RawValue(c_int64, state["epoch"])


class FoundLandmarks:
    """Points that a process found, for itself and for those that share the object with it as `SharedEpoch` is.

    They are lines of a temporary file, each appended in one write, so that no process waits for another. Each
    keeps in memory where in the file a picture's line is.
    """

    def __init__(self) -> None:
        self._begin(None)

    def _begin(self, path: Path | None) -> None:
        self._places: dict[int, int] = {}
        self._seen_bytes = 0
        if path is None:
            descriptor, name = tempfile.mkstemp(prefix="unmask-landmarks-")
            os.close(descriptor)
            path = Path(name)
            weakref.finalize(self, _remove, path, os.getpid())
        self._path = path

    def get(self, number: int) -> tuple[Landmarks, ...] | None:
        """Return the faces of a picture, () where it has none, None where nobody has looked."""
        try:
            if number not in self._places:
                self._read_on()
            if number not in self._places:
                return None
            with self._path.open("rb") as file:
                file.seek(self._places[number])
                _, faces = json.loads(file.readline())
        except FileNotFoundError:  # somebody tidied the folder of temporary files
            return None
        return tuple(Landmarks.from_quarters(points, source, score) for source, score, points in faces)

    def add(self, number: int, faces: Sequence[Landmarks]) -> None:
        """Tell what a picture shows."""
        told = [number, [(face.source, float(face.score), face.to_quarters()) for face in faces]]
        # After a write that a full disk cut short, the next one begins on a line of its own.
        line = f"\n{json.dumps(told)}\n".encode("ascii")
        with suppress(OSError), self._path.open("ab", buffering=0) as file:  # else they are found once more
            file.write(line)

    def _read_on(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._seen_bytes)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # being written
                with suppress(ValueError):
                    self._places.setdefault(json.loads(line)[0], self._seen_bytes)
                self._seen_bytes += len(line)

    def __getstate__(self) -> dict[str, Path | None]:
        return {"path": None if get_spawning_popen() is None else self._path}

    def __setstate__(self, state: dict[str, Path | None]) -> None:
        self._begin(state["path"])


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:
        path.unlink(missing_ok=True)
