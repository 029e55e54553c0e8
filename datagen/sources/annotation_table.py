"""The rows of CelebA's annotation files, in the official text form or as comma-separated tables."""

from collections.abc import Callable, Iterator, KeysView, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UserError

_ROWS_AT_ONCE = 256  # so few lists that the garbage collector does not look through them
_NAME_COLUMNS = ("image_id", "image", "filename", "file")


class AnnotationTable:
    """The rows of one file, with the header apart."""

    def __init__(self, path: Path, notes: list[str]) -> None:
        self.path = path
        self.header: list[str] = []
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read: {error}") from error
        self._all_lines = text.splitlines()
        self.lines = [line for line in self._all_lines if line and not line.isspace()]
        self._separator = "," if self.lines and "," in self.lines[0] else None
        announced = self._take_head()
        if announced not in (None, len(self.lines)):
            notes.append(f"{path.name} announces {announced} rows and has {len(self.lines)}")

    def _take_head(self) -> int | None:
        """Take the official files' number of rows, which is returned, and the names of the columns."""
        announced = None
        if self.lines and self.lines[0].strip().isdecimal():
            announced = int(self.lines.pop(0))
        cells = self._split(self.lines[0]) if self.lines else [""]
        named = cells[0].lower() in _NAME_COLUMNS
        # Rows start with a picture's name, which need not have an extension, and go on with numbers.
        if named or (self.lines and "." not in cells[0] and not any(map(_is_number, cells))):
            self.lines.pop(0)
            self.header = cells[1:] if named else cells
        return announced

    def _split(self, line: str) -> list[str]:
        words = line.split()
        if self._separator is None:
            return words
        if len(words) == 1:
            return words[0].split(self._separator)
        return [value.strip() for value in line.split(self._separator)]

    def rows(self, width: int, is_wrong: Callable[[str], str]) -> Iterator[tuple[list[str], list[list[str]]]]:
        """Yield the picture keys and the ``width`` values of some rows at a time: all would take much memory.

        Parameters
        ----------
        is_wrong : callable
            Says what is wrong with a value, or nothing; it is asked once for all that are equal.

        Raises
        ------
        UserError
            For the first row that is wrong.
        """
        seen: set[str] = set()
        for start in range(0, len(self.lines), _ROWS_AT_ONCE):
            lines = self.lines[start : start + _ROWS_AT_ONCE]
            rows = list(map(str.split if self._separator is None else self._split, lines))
            names = [row.pop(0) for row in rows]
            wrong = {value: words for value in set(chain.from_iterable(rows)) if (words := is_wrong(value))}
            widths, before = set(map(len, rows)), len(seen)
            seen.update(names)
            if wrong or widths != {width} or len(seen) < before + len(names):
                raise self._first_error(width, wrong)
            yield _keys(names), rows

    def _first_error(self, width: int, wrong: dict[str, str]) -> UserError:
        numbers = [number for number, line in enumerate(self._all_lines, 1) if line.strip()]
        seen: set[str] = set()
        for number, line in zip(numbers[-len(self.lines) :], self.lines, strict=True):
            name, *values = self._split(line)
            words = [wrong[value] for value in values if value in wrong]
            if len(values) != width:
                words = [f"{len(values)} values after the name where {width} are needed"]
            elif name in seen:
                words = [f"{name} is there twice"]
            if words:
                return UserError(f"{self.path}: line {number}: {words[0]}")
            seen.add(name)
        raise AssertionError("no row is wrong")

    def official_bits(self, width: int) -> tuple[list[str], NDArray[np.bool_]] | None:
        """Keys and values of rows of 1 and -1 as the official file has them, bool (rows, width), else None.

        There each value but the first takes three places, so that all are looked at together, ten times faster
        than one by one.
        """
        places = 3 * (width - 1)
        if places == 0 or not self.lines:
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
    return [picture_key(name) if "/" in name else name.rpartition(".")[0] or name for name in names]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
