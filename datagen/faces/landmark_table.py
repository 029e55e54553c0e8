"""The landmark cache: faces by picture, written beside a dataset and readable as ``--landmarks``."""

import csv
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.read_file import open_text

from .landmarks import LANDMARK_SOURCES, POINT_COUNT, Landmarks, quantise

CACHE_COLUMNS = ["source", "source_sha256", "face", "landmark_source", "score", "points"]
POINT_COLUMNS = list(chain.from_iterable((f"x{i}", f"y{i}") for i in range(POINT_COUNT)))
NO_FACE = -1  # `face` of the one row that says that a picture was searched and shows none

_Quarters = NDArray[np.int32]  # 136 coordinates: a tenth of the memory of a Landmarks object
_Face = tuple[str, float, _Quarters]


class LandmarkTable:
    """Faces by picture and by the hash of the file, which is "" where they hold for any file of that name."""

    def __init__(self) -> None:
        self._faces: dict[str, dict[str, list[_Face]]] = {}

    @classmethod
    def read(cls, path: Path) -> "LandmarkTable":
        """Read the toolkit's own table, or a CSV with columns source, x0, y0, ..., x67, y67 in pixels.

        In the latter several rows may name one picture: one row per face.

        Raises
        ------
        UserError
            When the file is not there or malformed; the message names the file and the line.
        """
        table = cls()
        try:
            with open_text(Path(path), "utf-8-sig") as file:
                table._fill(Path(path), file)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
        except csv.Error as error:
            raise UserError(f"{path}: not a CSV file: {error}") from error
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
        known = self._faces.get(name, {})
        faces = known.get(sha256, known.get(""))
        return None if faces is None else [_landmarks(face) for face in faces]

    def entries(self, name: str) -> list[tuple[str, tuple[Landmarks, ...]]]:
        """Return all that is known of a picture: (hash, faces) pairs, those with a hash first."""
        known = self._faces.get(name, {})
        ordered = sorted(known.items(), key=lambda item: item[0] == "")
        return [(sha256, tuple(_landmarks(face) for face in faces)) for sha256, faces in ordered]

    def covers(self, names: Iterable[str]) -> int:
        """Return how many of the pictures the table names."""
        return sum(name in self._faces for name in names)

    def __len__(self) -> int:
        return len(self._faces)

    def _fill(self, path: Path, file: IO[str]) -> None:
        rows = csv.reader(file)
        header = [column.strip() for column in next(rows, [])]
        if header == CACHE_COLUMNS:
            add = self._add_cached
        elif header == ["source", *POINT_COLUMNS]:
            add = self._add_supplied
        else:
            raise UserError(
                f"{path}: the columns must be {','.join(CACHE_COLUMNS)} or source,x0,y0,...,x67,y67"
            )
        for row in rows:
            if not row:
                continue
            try:
                if len(row) != len(header):
                    raise ValueError(f"{len(row)} values where {len(header)} are needed")
                add(row)
            except ValueError as error:
                raise UserError(f"{path}: line {rows.line_num}: {error}") from error

    def _add_cached(self, row: Sequence[str]) -> None:
        name, sha256, face, source, score, points = row
        faces = self._faces.setdefault(name, {}).setdefault(sha256, [])
        if int(face) == NO_FACE:
            if faces or points:
                raise ValueError(f"{name} has a row without a face (-1) and one with a face")
            return
        if int(face) != len(faces):
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
        faces.append((source, float(score), quarters))

    def _add_supplied(self, row: Sequence[str]) -> None:
        points = np.array(row[1:], dtype=np.float64)
        if not np.isfinite(points).all() or np.abs(points).max() > 1e6:
            raise ValueError("a coordinate is not a number of pixels")
        quarters = np.rint(quantise(points) * 4).astype(np.int32)
        self._faces.setdefault(row[0], {}).setdefault("", []).append(("supplied", 0.0, quarters))


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
