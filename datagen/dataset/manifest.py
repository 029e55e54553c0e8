"""The table of a dataset: one row per (source picture, variant), failures included."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import (
    TableForm,
    decimal_number,
    flag,
    read_rows,
    read_text,
    sniff_table,
    whole_number,
)

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
        """Rebuild a row from `to_cells`; ValueError where a text does not fit its column.

        Numbers may be written as pandas writes a column that has gaps: ``178.0``.
        """
        if len(cells) < len(COLUMNS):
            raise ValueError(f"{len(cells)} cells where at least {len(COLUMNS)} are needed")
        if not all(isinstance(cell, str) for cell in cells):  # of a journal
            raise ValueError("a cell that is no text")
        values = {}
        for name, text in zip(COLUMNS, cells, strict=False):
            try:
                values[name] = _FROM_TEXT.get(name, str)(text)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return cls(**values, attributes=_attributes(cells[len(COLUMNS) :]))


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
    return whole_number(text) if text else None


def _identity(text: str) -> str:
    """A person's number, which pandas writes as 2880.0 in a column with gaps, or any other name."""
    return re.sub(r"^(\d+)[.,]0+$", r"\1", text)


def _attributes(cells: Sequence[str]) -> tuple[int, ...]:
    # A source without attributes for this picture has empty cells there.
    return tuple(map(flag, cells)) if any(cells) else ()


def _number(text: str) -> float | None:
    if not text:
        return None
    value = decimal_number(text)
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
    "variant": whole_number,
    "identity": _identity,
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
    return _Header.read(path).attribute_names


def iterate_manifest(path: Path) -> Iterator[ManifestRow]:
    """Read the manifest row by row, also one that another program filtered and wrote again.

    Raises
    ------
    UserError
        Naming the file and the line, when it is no manifest or a row is malformed.
    """
    header = _Header.read(path)
    rows = read_rows(path)
    next(rows, None)
    for line, cells in rows:
        try:
            yield header.row(cells)
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
        self._header = _Header.read(path)
        self._places: list[tuple[int, int]] = []  # first byte and the one after the last
        quotes = first = place = 0
        form = self._header.form
        # Rows of another form have no bytes of their own to go back to.
        self._content = None if form.is_plain else read_text(path, form).encode("utf-8", ENCODING_ERRORS)
        with self._open() as file:
            for line in file:
                place += len(line)
                quotes += line.count(b'"')
                if quotes % 2 == 0:  # else the line ends inside of a quoted name
                    if place - first > len(line) or line.strip():
                        self._places.append((first, place))
                    first = place

    def read(self, number: int) -> ManifestRow:
        """Return a row, the first one after the header being number 0; UserError where the file has changed."""
        try:
            first, end = self._places[number + 1]
            with self._open() as file:
                file.seek(first)
                text = file.read(end - first).decode("utf-8", ENCODING_ERRORS)
            return self._header.row(self._header.form.split(text))
        except (OSError, ValueError, IndexError, csv.Error) as error:
            raise UserError(f"{self._path}: row {number} cannot be read again: {error}") from error

    def _open(self) -> BinaryIO:
        return self._path.open("rb") if self._content is None else io.BytesIO(self._content)


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

    header = _Header.read(path)
    attributes = [ATTRIBUTE_PREFIX + name for name in header.attribute_names]
    try:
        table = pd.read_csv(
            path if header.form.is_plain else io.StringIO(read_text(path, header.form)),
            dtype="str",
            sep=header.form.separator,
            keep_default_na=False,  # a picture may be called NA.jpg and a colour "null"
            skipinitialspace=header.form.padded,
            encoding="utf-8-sig",
            encoding_errors=ENCODING_ERRORS,
        ).rename(columns=str.strip)[[*COLUMNS, *attributes]]
    except ValueError as error:
        raise UserError(f"{path}: not a CSV table: {' '.join(str(error).split())}") from error
    readers: list[tuple[str, Callable[[str], Any], Any]]
    readers = [(name, _FROM_TEXT[name], "Int64") for name in _INTEGERS]
    readers += [(name, _FROM_TEXT[name], "float64") for name in _SHARES + _ANGLES]
    readers += [(name, lambda text: flag(text) if text else None, "Int8") for name in attributes]
    readers += [("identity", _identity, "str")]
    for name, read, kind in readers:
        try:
            known = {text: read(text) for text in table[name].unique()}
        except ValueError as error:
            raise UserError(f"{path}: column {name}: {error}") from error
        table[name] = table[name].map(known).astype(kind)
    return table


@dataclass(frozen=True)
class _Header:
    """The first row of a manifest: where its columns stand."""

    form: TableForm
    width: int
    order: (
        tuple[int, ...] | None
    )  # of `COLUMNS` and the attributes; None where they stand as they are written
    attribute_names: tuple[str, ...]

    @classmethod
    def read(cls, path: Path) -> "_Header":
        form = sniff_table(path)
        _, names = next(read_rows(path), (0, []))
        names = [name.strip() for name in names]
        missing = next((name for name in COLUMNS if names.count(name) != 1), None)
        if missing is not None:
            how = "is there twice" if missing in names else "is missing"
            raise UserError(f"{path}: not a manifest of this toolkit: column {missing!r} {how}")
        attributes = [number for number, name in enumerate(names) if name.startswith(ATTRIBUTE_PREFIX)]
        attribute_names = tuple(names[number].removeprefix(ATTRIBUTE_PREFIX) for number in attributes)
        twice = next((name for name in attribute_names if attribute_names.count(name) > 1), None)
        if twice is not None:
            raise UserError(f"{path}: two columns are called {ATTRIBUTE_PREFIX + twice!r}")
        order = tuple(chain(map(names.index, COLUMNS), attributes))
        usual = order == tuple(range(len(names)))
        return cls(form, len(names), None if usual else order, attribute_names)

    def row(self, cells: Sequence[str]) -> ManifestRow:
        """Return a row from the cells as they stand in the file; ValueError where they are none."""
        if len(cells) != self.width:
            raise ValueError(f"{len(cells)} cells under {self.width} columns")
        return ManifestRow.from_cells(cells if self.order is None else itemgetter(*self.order)(cells))
