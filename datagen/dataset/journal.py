"""What is finished so far: an append-only file of JSON lines that survives being killed."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.json_text import NUMBER, Each, Maybe, misfit, parse_json
from unmask.datagen.common.line_journal import LineJournal
from unmask.datagen.faces.landmarks import Landmarks

from .manifest_row import ManifestRow
from .rows import check_paths

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
    def from_json(cls, content: Any) -> Self:
        """Rebuild a record from a parsed line; ValueError where it is no record."""
        if not isinstance(content, list) or len(content) != 5:
            raise ValueError("no record of a picture")
        source, stem, sha256, faces, rows = content
        wrong = misfit([source, stem, sha256], [str]) or misfit(faces, Maybe([list])) or misfit(rows, [[str]])
        if wrong:
            raise ValueError("a record with parts of other kinds")
        landmarks = None if faces is None else tuple(map(_face, faces))
        return cls(source, stem, sha256, landmarks, tuple(map(ManifestRow.from_cells, rows)))


def _face(content: list[Any]) -> Landmarks:
    source, score, quarters = content
    if misfit(source, str) or misfit(score, NUMBER) or misfit(quarters, [int]):
        raise ValueError("no points of a face")
    return Landmarks.from_quarters(quarters, source=source, score=score)


def read_variants(out: Path) -> dict[str, int]:
    """Return how many variants each finished source picture has by the journal of a folder, which is only read.

    What `Journal` would cut off is left out; without a journal there is nothing.
    """
    found: dict[str, int] = {}
    with suppress(FileNotFoundError, ValueError), (out / JOURNAL_NAME).open("rb") as file:
        for line in file:
            content = parse_json(line)
            if isinstance(content, list):
                record = SourceRecord.from_json(content)
                found[record.source] = len(record.rows)
    return found


class Journal:
    """The open journal of one dataset folder, indexed by source name.

    Only names, stems and file positions are kept in memory; rows stay on disk until they are wanted. What pictures
    will be called is noted before they are made: a kill leaves no file that nobody knows.

    Parameters
    ----------
    out : Path
        The dataset's folder, which exists and is locked.

    Raises
    ------
    UserError
        When a row names a file outside the dataset.
    """

    def __init__(self, out: Path) -> None:
        self._path = out / JOURNAL_NAME
        self._where: dict[str, int] = {}
        self._stems: dict[str, str] = {}
        self._begun: dict[str, list[str]] = {}
        self._inside = Inside(out)
        self._lines = LineJournal(self._path, self._take)

    def _take(self, line: bytes, position: int) -> None:
        content = parse_json(line)
        if isinstance(content, dict):
            if misfit(content, Each([str])):
                raise ValueError("names of files that are no texts")
            self._begun |= content
            for name in self.begun_files():
                self._inside(str(name), str(self._path))
            return
        record = SourceRecord.from_json(content)
        for row in record.rows:
            check_paths(row, self._inside, self._path)
        if "/" in record.stem or "\0" in record.stem:
            raise UserError(f"{self._path}: the stem {record.stem!r} of {record.source} is no file's name")
        self._index(record, position)

    def _index(self, record: SourceRecord, position: int) -> None:
        self._where[record.source] = position
        self._stems[record.source] = record.stem
        self._begun.pop(record.source, None)

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

    def begin(self, files: Mapping[str, Sequence[str]]) -> None:
        """Note the files that will be made of each source."""
        self._begun |= {source: list(names) for source, names in files.items()}
        self._lines.append([json.dumps(files, separators=(",", ":")).encode("ascii") + b"\n"])

    def begun_files(self) -> list[str]:
        """Return what `begin` noted for sources that no record follows."""
        return [name for names in self._begun.values() for name in names]

    def append(self, records: Iterable[SourceRecord]) -> None:
        """Add records, the last one of a name being the one that counts, in one write."""
        known = list(records)
        lines = [record.to_json().encode("ascii") + b"\n" for record in known]
        position = self._lines.append(lines)
        for record, line in zip(known, lines, strict=True):
            self._index(record, position)
            position += len(line)

    def get(self, source: str) -> SourceRecord | None:
        """Read one record back, None where the source is not finished."""
        position = self._where.get(source)
        return None if position is None else SourceRecord.from_json(parse_json(self._lines.read(position)))

    def __iter__(self) -> Iterator[SourceRecord]:
        """Yield every record, sorted by source name."""
        for source in sorted(self._where):
            record = self.get(source)
            if record is not None:
                yield record

    def clear(self) -> None:
        """Forget everything."""
        self._lines.clear()
        for known in (self._where, self._stems, self._begun):
            known.clear()

    def close(self) -> None:
        """Close the file and leave it, so that the same command resumes."""
        self._lines.close()

    def remove(self) -> None:
        """Delete the file: the dataset is complete."""
        self._lines.remove()
