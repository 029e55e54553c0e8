"""The table of a dataset: one row per (source picture, variant), failures included."""

import csv
import io
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.read_file import open_text

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("ok", "no_face", "many_faces", "too_small", "unreadable", "rejected")
ATTRIBUTE_PREFIX = "attr_"
# A name on disk need not be UTF-8. Such bytes pass through unchanged in both directions.
ENCODING_ERRORS = "surrogateescape"


@dataclass(frozen=True)
class ManifestRow:
    """One row of ``manifest.csv``; the fields are its columns, in order.

    Attributes
    ----------
    key : str
        ``<source stem>_<variant, 2 digits>``: the name of the row's files without extension.
    source, source_sha256 : str
        Path inside the source folder (POSIX) and hash of the file; the hash is "" where it could not be read.
    variant : int
        Which mask of this picture, from 0.
    split, identity : str
        Official split and identity, "" when unknown.
    status, reason : str
        One of `STATUSES`, and in words why it is not ``ok``.
    masked, map, clean : str
        Paths relative to the dataset (POSIX); "" unless the status is ``ok``.
    width, height : int or None
        Size of the three pictures in pixels.
    faces : int or None
        How many faces of the picture wear a mask.
    template, family, worn, colour, texture : str
        What the largest face wears, and how.
    coverage, lower_face_coverage : float or None
        Shares in [0, 1] of the picture and of the lower face that the mask covers.
    yaw, pitch, roll : float or None
        Pose of the largest face in degrees.
    landmark_source : str
        Where its 68 points come from.
    support : tuple of int or None
        Half-open box x0, y0, x1, y1 in pixels that holds every strap and shadow pixel.
    recipe : str
        Compact JSON from which `unmask.datagen.render.triplet.replay` rebuilds the picture.
    attributes : tuple of int
        0 or 1 per attribute of the source, () when unknown.
    """

    key: str
    source: str
    source_sha256: str
    variant: int
    split: str = ""
    identity: str = ""
    status: str = "ok"
    reason: str = ""
    masked: str = ""
    map: str = ""
    clean: str = ""
    width: int | None = None
    height: int | None = None
    faces: int | None = None
    template: str = ""
    family: str = ""
    worn: str = ""
    colour: str = ""
    texture: str = ""
    coverage: float | None = None
    lower_face_coverage: float | None = None
    yaw: float | None = None
    pitch: float | None = None
    roll: float | None = None
    landmark_source: str = ""
    support: tuple[int, int, int, int] | None = None
    recipe: str = ""
    attributes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"status {self.status!r} is not one of {', '.join(STATUSES)}")

    def to_cells(self) -> list[str]:
        """Return the row as the texts that stand in the file, attributes last."""
        cells = [_to_text(name, getattr(self, name)) for name in COLUMNS]
        return cells + [str(value) for value in self.attributes]

    @classmethod
    def from_cells(cls, cells: Sequence[str]) -> "ManifestRow":
        """Rebuild a row from `to_cells`; ValueError where a text does not fit its column."""
        if len(cells) < len(COLUMNS):
            raise ValueError(f"{len(cells)} cells where at least {len(COLUMNS)} are needed")
        if not all(isinstance(cell, str) for cell in cells):  # of a journal
            raise ValueError("a cell that is no text")
        values = {name: _FROM_TEXT.get(name, str)(text) for name, text in zip(COLUMNS, cells, strict=False)}
        # A source without attributes for this picture has empty cells there.
        attributes = tuple(int(text) for text in cells[len(COLUMNS) :] if text != "")
        return cls(**values, attributes=attributes)


COLUMNS = tuple(field.name for field in fields(ManifestRow) if field.name != "attributes")
_INTEGERS = ("variant", "width", "height", "faces")
_SHARES = ("coverage", "lower_face_coverage")
_ANGLES = ("yaw", "pitch", "roll")


def _to_text(name: str, value: object) -> str:
    if value is None:
        return ""
    if name in _SHARES:
        return f"{value:.5f}"
    if name in _ANGLES:
        return f"{value:.2f}"
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _integer(text: str) -> int | None:
    return int(text) if text else None


def _number(text: str) -> float | None:
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):  # it would be equal, or near, to nothing, and so pass every comparison
        raise ValueError(f"{text!r} is no number")
    return value


def _box(text: str) -> tuple[int, int, int, int] | None:
    if not text:
        return None
    x0, y0, x1, y1 = map(int, text.split(" "))
    return x0, y0, x1, y1


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(_INTEGERS, _integer),
    **dict.fromkeys(_SHARES + _ANGLES, _number),
    "variant": int,
    "support": _box,
}


def write_manifest(path: Path, rows: Iterable[ManifestRow], attribute_names: Sequence[str] = ()) -> None:
    r"""Write the manifest under a temporary name and rename it.

    The same rows give the same bytes: UTF-8, ``\n`` at line ends, names quoted where they need it. A row
    without attributes gets empty cells.

    Parameters
    ----------
    path : Path
        The file to make.
    rows : iterable of ManifestRow
        In the order they shall have; they are not kept in memory.
    attribute_names : sequence of str
        Names of the attributes, without ``attr_``.
    """
    width = len(COLUMNS) + len(attribute_names)
    with writing_lines(path) as file:
        file.write(csv_line([*COLUMNS, *(ATTRIBUTE_PREFIX + name for name in attribute_names)]))
        for row in rows:
            cells = row.to_cells()
            file.write(csv_line(cells + [""] * (width - len(cells))))


def read_attribute_names(path: Path) -> tuple[str, ...]:
    """Return the attribute names that the manifest's header has, without ``attr_``."""
    header, _ = next(_csv_rows(path), ([], 0))
    _check_header(path, header)
    return tuple(name.removeprefix(ATTRIBUTE_PREFIX) for name in header[len(COLUMNS) :])


def iterate_manifest(path: Path) -> Iterator[ManifestRow]:
    """Read the manifest row by row.

    Raises
    ------
    UserError
        Naming the file and the line, when it is no manifest or a row is malformed.
    """
    lines = _csv_rows(path)
    header, _ = next(lines, ([], 0))
    _check_header(path, header)
    for cells, line in lines:
        if len(cells) != len(header):
            raise UserError(f"{path}: line {line}: {len(cells)} cells under {len(header)} columns")
        try:
            yield ManifestRow.from_cells(cells)
        except ValueError as error:
            raise UserError(f"{path}: line {line}: {error}") from error


class RowReader:
    """Rows of a manifest by their number, read when they are asked for.

    Parameters
    ----------
    path : Path
        It must not change from now on.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places = [0]
        quotes = place = 0
        with path.open("rb") as file:
            for line in file:
                place += len(line)
                quotes += line.count(b'"')
                if quotes % 2 == 0:  # else the line ends inside of a quoted name
                    self._places.append(place)

    def read(self, number: int) -> ManifestRow:
        """Return a row, the first one after the header being number 0; UserError where the file has changed."""
        try:
            first, end = self._places[number + 1 : number + 3]
            with self._path.open("rb") as file:
                file.seek(first)
                text = file.read(end - first).decode("utf-8", ENCODING_ERRORS)
            _allow_long_cells()
            return ManifestRow.from_cells(next(csv.reader(io.StringIO(text, newline=""), strict=True)))
        except (OSError, ValueError, StopIteration, csv.Error) as error:
            raise UserError(f"{self._path}: row {number} cannot be read again: {error}") from error


def read_manifest(path: Path) -> "pd.DataFrame":
    """Read the manifest as a table.

    Returns
    -------
    pandas.DataFrame
        One row per (source, variant). Text columns hold "" where there is nothing; whole numbers are
        ``Int64``, shares and angles ``float64`` (missing unless the status is ``ok``), attributes ``Int8``.

    Raises
    ------
    UserError
        When the file is missing or is no manifest.
    """
    import pandas as pd

    attributes = [ATTRIBUTE_PREFIX + name for name in read_attribute_names(path)]
    numeric = [*_INTEGERS, *_SHARES, *_ANGLES, *attributes]
    types = (
        dict.fromkeys(COLUMNS, "str") | dict.fromkeys(_INTEGERS, "Int64") | dict.fromkeys(attributes, "Int8")
    )
    types |= dict.fromkeys(_SHARES + _ANGLES, "float64")
    try:
        return pd.read_csv(
            path,
            dtype=types,
            keep_default_na=False,  # a picture may be called NA.jpg and a colour "null"
            na_values={name: [""] for name in numeric},
            encoding_errors=ENCODING_ERRORS,
        )
    except (ValueError, TypeError, OverflowError) as error:  # which of them, depends on the column
        raise UserError(f"{path}: {error}") from error


def _allow_long_cells() -> None:
    # A picture with many faces has a recipe longer than the module's default limit of 131072 characters.
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def _csv_rows(path: Path) -> Iterator[tuple[list[str], int]]:
    _allow_long_cells()
    try:
        with open_text(path) as file:
            reader = csv.reader(file, strict=True)
            for cells in reader:
                yield cells, reader.line_num
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table: {error}") from error


def _check_header(path: Path, header: Sequence[str]) -> None:
    if tuple(header[: len(COLUMNS)]) != COLUMNS:
        wrong = next((a for a, b in zip(COLUMNS, [*header, *COLUMNS], strict=False) if a != b), COLUMNS[0])
        raise UserError(f"{path}: not a manifest of this toolkit: column {wrong!r} is not where it belongs")
    twice = next((name for name, count in Counter(header).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{path}: column {twice!r} is there twice")
