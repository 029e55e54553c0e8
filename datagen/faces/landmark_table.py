"""The landmark cache: faces by picture, written beside a dataset and readable as ``--landmarks``."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.read_file import TEXT_BYTES, open_file, read_file
from unmask.datagen.common.table import decimal_number, read_rows, whole_number

from .landmark_files import is_points_file, pts_files, read_points
from .landmarks import LANDMARK_SOURCES, POINT_COUNT, Landmarks, quantise
from .point_columns import PointColumns, bare_columns, is_bare_row, named_columns

CACHE_COLUMNS = ["source", "source_sha256", "face", "landmark_source", "score", "points"]
_GUESSED_ROWS = 200  # so many faces tell the order of points that no header names
NO_FACE = -1  # `face` of the one row that says that a picture was searched and shows none

_EXPECTED = f"the columns must be {','.join(CACHE_COLUMNS)} or source,x0,y0,...,x67,y67"

_Quarters = NDArray[np.int32]  # 136 coordinates: a tenth of the memory of a Landmarks object
_Face = tuple[str, float, _Quarters]


class LandmarkTable:
    """Faces by picture and by the hash of the file, which is "" where they hold for any file of that name."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._faces: dict[str, dict[str, list[_Face]]] = {}

    @classmethod
    def read(cls, path: Path) -> "LandmarkTable":
        """Read the toolkit's own table, or one with columns source, x0, y0, ..., x67, y67 in pixels.

        In the latter several rows may name one picture: one row per face. Columns are known by their names,
        in any order and numbered from 0 or 1; without a header, by the order that gives faces. A name
        without an extension stands for the picture that has it. JSON, .pts files and folders of them are read
        as well, and MediaPipe's mesh in place of the 68 points.

        Raises
        ------
        UserError
            When the file is not there or malformed; the message names the file and the line.
        """
        table = cls(Path(path))
        table._fill()
        return table

    def get(self, name: str, sha256: str) -> list[Landmarks] | None:
        """Return the faces of a picture, [] where it has none, None where the table does not know this file.

        Parameters
        ----------
        name : str
            ``SourceFace.name``.
        sha256 : str
            Of the file; a row that states another one is not used.
        """
        known = self._of(name)
        faces = known.get(sha256, known.get(""))
        return None if faces is None else [_landmarks(face) for face in faces]

    def entries(self, name: str) -> list[tuple[str, tuple[Landmarks, ...]]]:
        """Return all that is known of a picture: (hash, faces) pairs, those with a hash first."""
        known = self._of(name)
        ordered = sorted(known.items(), key=lambda item: item[0] == "")
        return [(sha256, tuple(_landmarks(face) for face in faces)) for sha256, faces in ordered]

    def covers(self, names: Iterable[str]) -> int:
        """Return how many of the pictures the table names.

        Raises
        ------
        UserError
            When a name without an extension may mean two of them.
        """
        exact = [name for name in names if self._of(name)]
        short: dict[str, str] = {}
        for name in exact:
            key = self._key_of(name)
            if key != name:
                other = short.setdefault(key, name)
                if other != name:
                    which = f"{key!r} may mean {other} or {name}"
                    raise UserError(f"{self._path or 'the landmarks'}: {which}: give it its extension")
        return len(exact)

    def __len__(self) -> int:
        return len(self._faces)

    def _of(self, name: str) -> dict[str, list[_Face]]:
        return self._faces.get(self._key_of(name), {})

    def _key_of(self, name: str) -> str:
        """What the table calls a picture: its name, without extension or, as a number, without leading zeros."""
        if name in self._faces:
            return name
        stem = _without_extension(name)
        if stem not in self._faces and stem.isdecimal():
            return stem.lstrip("0") or "0"
        return stem

    def _fill(self) -> None:
        path = self._path or Path()
        if is_points_file(path):
            for name, faces in read_points(path):
                self._of_any_file(name).extend(map(_supplied, faces))
            return
        rows = read_rows(path)
        number, header = next(rows, (1, []))
        add, rows = self._reader(number, header, rows)
        for number, row in rows:
            try:
                add(row)
            except ValueError as error:
                raise UserError(f"{self._path}: line {number}: {error}") from error

    def _reader(
        self, number: int, header: list[str], rows: Iterator[tuple[int, list[str]]]
    ) -> tuple[Callable[[Sequence[str]], None], Iterator[tuple[int, list[str]]]]:
        """Return what takes a row, and the rows."""
        header = [name.strip() for name in header]
        if set(CACHE_COLUMNS) <= set(header):
            return self._cached_reader(header), rows
        columns = named_columns(header)
        if columns is None and is_bare_row(header):
            first = [(number, header), *islice(rows, _GUESSED_ROWS)]
            try:
                columns = bare_columns([row for _, row in first])
            except ValueError as error:
                raise UserError(f"{self._path}: {error}: {_EXPECTED}") from error
            rows = chain(first, rows)
        if columns is None:
            raise UserError(f"{self._path}: {_EXPECTED}")
        supplied = columns
        return lambda row: self._add_supplied(row, supplied), rows

    def _cached_reader(self, header: list[str]) -> Callable[[Sequence[str]], None]:
        pick = itemgetter(*map(header.index, CACHE_COLUMNS))

        def add(row: Sequence[str]) -> None:
            if len(row) != len(header):
                raise ValueError(f"{len(row)} values where {len(header)} are needed")
            self._add_cached(pick(row))

        return add

    def _add_cached(self, row: Sequence[str]) -> None:
        name, sha256, number, source, score, points = row
        faces = self._faces.setdefault(name, {}).setdefault(sha256, [])
        face = whole_number(number)
        if face == NO_FACE:
            if faces or points:
                raise ValueError(f"{name} has a row without a face (-1) and one with a face")
            return
        if face != len(faces):
            raise ValueError(f"face {face} of {name} where face {len(faces)} is due")
        if source not in LANDMARK_SOURCES:
            raise ValueError(f"{source!r} is not one of {', '.join(LANDMARK_SOURCES)}")
        numbers = points.split(" ")
        if len(numbers) != 2 * POINT_COUNT:
            raise ValueError(f"{len(numbers)} coordinates where {2 * POINT_COUNT} are needed")
        try:
            quarters = np.array(numbers, dtype=np.int32)
        except OverflowError:
            raise ValueError("a coordinate is not a number of quarter pixels") from None
        faces.append((source, decimal_number(score), quarters))

    def _add_supplied(self, row: Sequence[str], columns: PointColumns) -> None:
        name, points = columns.read(row)
        self._of_any_file(name).append(_supplied(points))

    def _of_any_file(self, name: str) -> list[_Face]:
        """The faces that hold for any file of a name, as somebody else wrote it."""
        name = name.replace("\\", "/").removeprefix("./")
        return self._faces.setdefault(name, {}).setdefault("", [])


def _supplied(points: NDArray[np.float64]) -> _Face:
    return "supplied", 0.0, np.rint(quantise(points.ravel()) * 4).astype(np.int32)


def _without_extension(name: str) -> str:
    folder, slash, file = name.rpartition("/")
    return folder + slash + (file.rpartition(".")[0] or file)


def points_sha256(path: Path) -> str:
    """Return the hash, in hex, of a file, or folder, of known points; OSError where it cannot be read."""
    if not path.is_dir():
        with open_file(path) as table:
            return hashlib.file_digest(table, "sha256").hexdigest()
    digest = hashlib.sha256()
    for file in pts_files(path):
        digest.update(os.fsencode(file.relative_to(path)) + b"\0" + read_file(file, TEXT_BYTES))
    return digest.hexdigest()


def write_landmark_table(path: Path, rows: Iterable[tuple[str, str, Sequence[Landmarks]]]) -> None:
    """Write the table in the order of the rows; equal rows give equal bytes.

    Parameters
    ----------
    path : Path
        Written as ``<path>.part`` and renamed when complete.
    rows : iterable of (name, sha256, faces)
        One per picture; without faces it gets one row with ``face`` -1.

    Raises
    ------
    OSError
        Whatever the file system says; the temporary file is removed where that is possible.
    """
    with writing_lines(path) as file:
        file.write(csv_line(CACHE_COLUMNS))
        for name, sha256, faces in rows:
            if not faces:
                file.write(csv_line([name, sha256, str(NO_FACE), "", "", ""]))
            for number, face in enumerate(faces):
                points = " ".join(map(str, face.to_quarters()))
                file.write(
                    csv_line([name, sha256, str(number), face.source, repr(float(face.score)), points])
                )


def _landmarks(face: _Face) -> Landmarks:
    source, score, quarters = face
    return Landmarks.from_quarters(quarters, source, score)
