"""What is finished so far: an append-only file of JSON lines that survives being killed."""

import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.faces.landmarks import Landmarks

from .manifest import ManifestRow

JOURNAL_NAME = ".journal.jsonl"


@dataclass(frozen=True)
class SourceRecord:
    """Everything a build knows about one finished source picture.

    Attributes
    ----------
    source, stem, sha256 : str
        Name, key without variant, and hash of the file ("" where it could not be read).
    landmarks : tuple of Landmarks or None
        Every face that was found, largest first; None where the picture could not be decoded.
    rows : tuple of ManifestRow
        One per variant, in order.
    """

    source: str
    stem: str
    sha256: str
    landmarks: tuple[Landmarks, ...] | None
    rows: tuple[ManifestRow, ...]

    def to_json(self) -> str:
        """Return one line of compact ASCII JSON, so that any file name survives."""
        faces = None
        if self.landmarks is not None:
            faces = [[face.source, face.score, face.to_quarters()] for face in self.landmarks]
        rows = [row.to_cells() for row in self.rows]
        return json.dumps([self.source, self.stem, self.sha256, faces, rows], separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Rebuild a record; ValueError where the line is torn or is no record."""
        try:
            source, stem, sha256, faces, rows = json.loads(line)
            landmarks = None
            if faces is not None:
                landmarks = tuple(Landmarks.from_quarters(q, source=s, score=score) for s, score, q in faces)
            return cls(source, stem, sha256, landmarks, tuple(map(ManifestRow.from_cells, rows)))
        except (TypeError, KeyError) as error:
            raise ValueError(str(error)) from error


class Journal:
    """The open journal of one dataset folder: locked against a second build, indexed by source name.

    Only names, stems and file positions are kept in memory; rows stay on disk until they are wanted.

    Parameters
    ----------
    out : Path
        The dataset's folder, which exists.

    Raises
    ------
    UserError
        When another build is writing to the folder.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / JOURNAL_NAME
        # Unbuffered, so that a failed write leaves nothing behind that closing would try to write again.
        self._tail: IO[bytes] = self._path.open("ab", buffering=0)
        self._head: IO[bytes] = self._path.open("rb")
        self._where: dict[str, int] = {}
        self._stems: dict[str, str] = {}
        try:
            self._lock(out)
            self._load()
        except BaseException:
            self.close()
            raise

    def _lock(self, out: Path) -> None:
        if sys.platform == "win32":
            return  # no such locks there: two builds in one folder are then not noticed
        import fcntl

        try:
            fcntl.flock(self._tail, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ArgumentError("out", f"{out}: another build is writing to this folder") from error
        except OSError:
            return  # a network file system without locks

    def _load(self) -> None:
        good = 0
        for line in self._head:
            try:
                record = SourceRecord.from_json(line.decode("ascii"))
            except ValueError:
                break  # torn by a kill or a full disk; what follows it cannot be trusted either
            if not line.endswith(b"\n"):
                break
            self._index(record, good)
            good += len(line)
        if self._tail.seek(0, os.SEEK_END) > good:
            self._tail.truncate(good)

    def _index(self, record: SourceRecord, position: int) -> None:
        self._where[record.source] = position
        self._stems[record.source] = record.stem

    def __len__(self) -> int:
        return len(self._where)

    def __contains__(self, source: str) -> bool:
        return source in self._where

    def stem(self, source: str) -> str | None:
        """Return the stem that a finished source has, None where it is not finished."""
        return self._stems.get(source)

    def stems(self) -> set[str]:
        """Return every stem in use."""
        return set(self._stems.values())

    def append(self, records: Iterable[SourceRecord]) -> None:
        """Add records, the last one of a name being the one that counts, in one write."""
        position = self._tail.seek(0, os.SEEK_END)
        lines = []
        for record in records:
            lines.append(record.to_json().encode("ascii") + b"\n")
            self._index(record, position)
            position += len(lines[-1])
        data = b"".join(lines)
        if self._tail.write(data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def get(self, source: str) -> SourceRecord | None:
        """Read one record back, None where the source is not finished."""
        position = self._where.get(source)
        if position is None:
            return None
        self._head.seek(position)
        return SourceRecord.from_json(self._head.readline().decode("ascii"))

    def __iter__(self) -> Iterator[SourceRecord]:
        """Yield every record, sorted by source name."""
        for source in sorted(self._where):
            record = self.get(source)
            if record is not None:
                yield record

    def clear(self) -> None:
        """Forget everything."""
        self._tail.truncate(0)
        self._where.clear()
        self._stems.clear()

    def close(self) -> None:
        """Release the lock and leave the file, so that the same command resumes."""
        self._head.close()
        self._tail.close()

    def remove(self) -> None:
        """Release the lock and delete the file: the dataset is complete."""
        self._path.unlink()
        self.close()
