"""The rows of CelebA's annotation files, in the official text form and as whatever tables people made of them."""

import csv
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import TableForm, read_text, sniff_table

from .annotation_head import is_header, is_row_number, lacks_first_name, name_column

_ROWS_AT_ONCE = 256  # so few lists that the garbage collector does not look through them

Meaning = TypeVar("Meaning")


class AnnotationTable:
    """The rows of one file, with the header apart.

    Parameters
    ----------
    path : Path
        As `TableForm` has them, one line for each row. A first line with the number of rows, a header, and columns
        with row numbers may be there.
    notes : list of str
        What is odd without being wrong is added here.
    content : bytes, optional
        Of a file that lies in a zip file; ``path`` names it then, and is not opened.

    Attributes
    ----------
    header : list of str
        Names of the columns after the one with the picture's name; empty without a header.
    lines : list of str
        The rows.

    Raises
    ------
    UserError
        Naming the file, when it cannot be read.
    """

    def __init__(self, path: Path, notes: list[str], content: bytes | None = None) -> None:
        self.path = path
        self.header: list[str] = []
        form = sniff_table(path, content)
        text = read_text(path, form, content)
        self._split = _splitter(path, form, quoted='"' in text)
        self._all_lines = text.splitlines()
        self.lines = [line for line in self._all_lines if line and not line.isspace()]
        self._first_line = 1 + form.declared
        self._order: tuple[int, ...] | None = None  # of name and values; None where they stand so
        self._width = 0
        announced = self._take_head()
        if announced not in (None, len(self.lines)):
            notes.append(f"{path.name} announces {announced} rows and has {len(self.lines)}")

    def _take_head(self) -> int | None:
        """Take the official files' number of rows, which is returned, and the names of the columns."""
        announced = None
        if self.lines and self.lines[0].strip().isdecimal():
            announced = int(self.lines.pop(0))
        first = [self._split(line) for line in self.lines[:2]]
        names: list[str] = []
        if first and is_header(first[0], first[1:]):
            names = first.pop(0)
            self.lines.pop(0)
            if first and lacks_first_name(names, first[0]):
                names.insert(0, "")
        row = first[0] if first else names
        self._width = len(names) or len(row)
        name = name_column(names, row)
        columns = [
            column
            for column in range(self._width)
            if column != name and not is_row_number(column, name, names)
        ]
        self.header = [names[column] for column in columns] if names else []
        self._set_order((name, *columns))
        return announced

    def _set_order(self, order: tuple[int, ...]) -> None:
        self._order = None if order == tuple(range(self._width)) else order

    def choose(self, names: Sequence[str]) -> None:
        """Keep the column with one of the names, where there are several columns and a header.

        Raises
        ------
        UserError
            When none of them is there.
        """
        if len(self.header) > 1:
            lowered = [name.lower() for name in self.header]
            found = [lowered.index(name) for name in names if name in lowered]
            if not found:
                what = f"{len(self.header)} columns after the name, none of them called {names[0]!r}"
                raise UserError(f"{self.path}: {what}")
            self._keep(found[:1])

    def leave_out(self, names: Sequence[str]) -> None:
        """Leave out the columns of these names: another list's, in a table that was joined."""
        numbers = [number for number, name in enumerate(self.header) if name.lower() not in names]
        if len(numbers) < len(self.header):
            self._keep(numbers)

    def order(self, names: Sequence[str]) -> None:
        """Bring the columns into the order of the names, where a header has all of them."""
        lowered = [name.lower() for name in self.header]
        if set(names) <= set(lowered):
            self._keep([lowered.index(name) for name in names])

    def _keep(self, numbers: Sequence[int]) -> None:
        name, *columns = self._order or range(self._width)
        self.header = [self.header[number] for number in numbers]
        self._set_order((name, *(columns[number] for number in numbers)))

    def rows(
        self, width: int, meaning: Callable[[str], Meaning]
    ) -> Iterator[tuple[list[str], list[list[Meaning]]]]:
        """Yield the picture keys and the ``width`` values of some rows at a time: all would take much memory.

        Rows whose values are all empty, as tables joined with others have them, are left out.

        Parameters
        ----------
        meaning : callable
            Says what a text stands for, or raises ValueError with what is wrong; it is asked once for all that are
            equal.

        Raises
        ------
        UserError
            For the first row that is wrong.
        """
        seen: set[str] = set()
        known: dict[str, Meaning] = {}
        for start in range(0, len(self.lines), _ROWS_AT_ONCE):
            rows = list(map(self._split, self.lines[start : start + _ROWS_AT_ONCE]))
            if set(map(len, rows)) != {self._width} or self._values != width:
                raise self._first_error(width, {})
            if self._order is not None:
                rows = [[row[column] for column in self._order] for row in rows]
            names = [row.pop(0) for row in rows]
            texts = set(chain.from_iterable(rows))
            before = len(seen)
            seen.update(names)
            if "" in texts:
                some = [number for number, row in enumerate(rows) if any(row)]
                kept, rows = [names[number] for number in some], [rows[number] for number in some]
                texts = set(chain.from_iterable(rows))
            else:
                kept = names
            wrong = _learn(known, sorted(texts - known.keys()), meaning)
            if wrong or len(seen) < before + len(names):
                raise self._first_error(width, wrong)
            yield _keys(kept), [[known[text] for text in row] for row in rows]

    @property
    def _values(self) -> int:
        return len(self._order or range(self._width)) - 1

    def _first_error(self, width: int, wrong: dict[str, str]) -> UserError:
        numbers = [number for number, line in enumerate(self._all_lines, self._first_line) if line.strip()]
        left_out = self._width - 1 - self._values
        seen: set[str] = set()
        for number, line in zip(numbers[-len(self.lines) :], self.lines, strict=True):
            cells = self._split(line)
            if len(cells) != self._width or self._values != width:
                there = len(cells) - 1 - left_out
                words = [f"{there} values after the name where {width} are needed"]
            else:
                name, *values = cells if self._order is None else [cells[column] for column in self._order]
                words = [wrong[value] for value in values if value in wrong] if any(values) else []
                if not words and name in seen:
                    words = [f"{name} is there twice"]
                seen.add(name)
            if words:
                return UserError(f"{self.path}: line {number}: {words[0]}")
        raise AssertionError("no row is wrong")

    def official_bits(self, width: int) -> tuple[list[str], NDArray[np.bool_]] | None:
        """Keys and values of rows of 1 and -1 as the official file has them, bool (rows, width), else None.

        There each value but the first takes three places, so that all are looked at together, ten times faster
        than one by one.
        """
        places = 3 * (width - 1)
        if places == 0 or not self.lines or self._order is not None:
            return None
        tails = "".join([line[-places:] for line in self.lines])
        if len(tails) != len(self.lines) * places or not tails.isascii():
            return None
        names: list[str] = []
        first: list[str] = []
        for start in range(0, len(self.lines), _ROWS_AT_ONCE):
            heads = [line[:-places].split() for line in self.lines[start : start + _ROWS_AT_ONCE]]
            if set(map(len, heads)) != {2}:
                return None
            names += [name for name, _ in heads]
            first += [value for _, value in heads]
        letters = np.frombuffer(tails.encode(), np.uint8).reshape(-1, width - 1, 3)
        space, sign, digit = np.moveaxis(letters, 2, 0)
        minus, blank = sign == ord("-"), ord(" ")
        official = (digit == ord("1")) & (minus | (sign == blank)) & (space == blank)
        if not official.all() or not {"1", "-1"}.issuperset(first) or len(set(names)) < len(names):
            return None
        return _keys(names), np.column_stack([[value == "1" for value in first], ~minus])


class AttributeRows(Mapping[str, tuple[int, ...]]):
    """Attributes by picture, made into a tuple when they are asked for: mostly few of 200,000 pictures are.

    Parameters
    ----------
    keys : list of str
        Of the pictures.
    bits : uint8 or bool (pictures, attributes)
    """

    def __init__(self, keys: list[str], bits: NDArray[Any]) -> None:
        self._rows = dict(zip(keys, range(len(keys)), strict=True))
        self._bits = bits.astype(np.uint8)
        self._shared: dict[tuple[int, ...], tuple[int, ...]] = {}  # equal rows share one tuple

    def with_keys(self, keys: list[str]) -> "AttributeRows":
        """Return the same rows under other keys."""
        return AttributeRows(keys, self._bits)

    def __getitem__(self, key: str) -> tuple[int, ...]:
        row = tuple(self._bits[self._rows[key]].tolist())
        return self._shared.setdefault(row, row)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def keys(self) -> KeysView[str]:
        """As a dict's, and as fast."""
        return self._rows.keys()


def picture_key(name: str) -> str:
    """Return what links a picture with its annotation: its name without folder and extension."""
    file = name.rpartition("/")[2]
    return file.rpartition(".")[0] or file


def _keys(names: list[str]) -> list[str]:
    return [
        picture_key(name.replace("\\", "/"))
        if "/" in name or "\\" in name
        else name.rpartition(".")[0] or name
        for name in names
    ]


def _splitter(path: Path, form: TableForm, *, quoted: bool) -> Callable[[str], list[str]]:
    """Return what makes cells of a line; the csv module is asked only where there are quotes."""

    def split_quoted(line: str) -> list[str]:
        try:
            return list(map(str.strip, form.split(line.strip() if form.separator == " " else line)))
        except csv.Error as error:
            raise UserError(f"{path}: not a CSV table: {error}: {line[:40]!r}") from error

    if quoted:
        return split_quoted
    if form.separator == " ":
        return str.split

    def split(line: str) -> list[str]:
        words = line.split()
        if len(words) == 1 and form.separator != "\t":
            return words[0].split(form.separator)
        return [value.strip() for value in line.split(form.separator)]

    return split


def _learn(
    known: dict[str, Meaning], texts: Sequence[str], meaning: Callable[[str], Meaning]
) -> dict[str, str]:
    """Add what texts stand for, and return what is wrong with the others."""
    wrong = {}
    for text in texts:
        try:
            known[text] = meaning(text)
        except ValueError as error:
            wrong[text] = str(error)
    return wrong
