"""The table of a dataset: one row per (source picture, variant), failures included."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import TableForm, flag, read_rows, read_text, sniff_table

from .manifest_row import ANGLES, ATTRIBUTE_PREFIX, COLUMNS, FROM_TEXT, INTEGERS, SHARES, ManifestRow

if TYPE_CHECKING:
    import pandas as pd

# A name on disk need not be UTF-8. Such bytes pass through unchanged in both directions.
ENCODING_ERRORS = "surrogateescape"


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
    readers = [(name, FROM_TEXT[name], "Int64") for name in INTEGERS]
    readers += [(name, FROM_TEXT[name], "float64") for name in SHARES + ANGLES]
    readers += [(name, lambda text: flag(text) if text else None, "Int8") for name in attributes]
    readers += [("identity", FROM_TEXT["identity"], "str")]
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
    order: tuple[int, ...] | None  # of `COLUMNS` and the attributes; None: as they are written
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
