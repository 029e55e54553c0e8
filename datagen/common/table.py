"""Tables as people have them: the one reader of text tables, whatever wrote them.

The separator, a byte order mark and line ends are found out; what a column means is its caller's.
"""

import csv
import io
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import UserError
from .read_file import open_file, read_whole

SEPARATORS = (
    "\t",
    ";",
    "|",
    ",",
)  # in this order where all fit equally: decimal commas stand in tables with `;`
# Columns that name pictures; the first that is there is the one, because a table may have several.
NAME_COLUMNS = (
    "image_id",
    "filename",
    "file_name",
    "image",
    "image_name",
    "file",
    "picture",
    "img",
    "path",
    "name",
)
_SPACES = " "
_DECLARED = re.compile(r"sep=.\r?\n?", re.IGNORECASE)  # a spreadsheet's first line may name the separator
_SNIFFED_BYTES = 1 << 16
_SNIFFED_ROWS = 5
# A name on disk need not be UTF-8. Such bytes pass through unchanged in both directions.
_ENCODING_ERRORS = "surrogateescape"

_ROW_NUMBERS = frozenset(("", "index", "level_0", "idx", "row", "row_number", "no", "no.", "nr", "#"))
_FLAGS = {"1": 1, "0": 0, "-1": 0, "true": 1, "false": 0}


@dataclass(frozen=True)
class TableForm:
    """How a table is written.

    Attributes
    ----------
    separator : str
        Comma, semicolon, tab, bar or, where any number of blanks separates cells, one blank.
    encoding : str
        ``utf-8-sig``, ``utf-16``, or ``utf-16-le`` and ``utf-16-be`` where there is no byte order mark.
    declared : bool
        The first line names the separator (``sep=;``) and is no row.
    cr_alone : bool
        Rows end with a carriage return alone.
    padded : bool
        Blanks stand between a separator and a quoted cell.
    """

    separator: str
    encoding: str
    declared: bool = False
    cr_alone: bool = False
    padded: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether rows can be found by their bytes: UTF-8, a line feed at each end, nothing before the header."""
        return self.encoding == "utf-8-sig" and not self.declared and not self.cr_alone

    @property
    def errors(self) -> str:
        """What becomes of bytes that are no text."""
        return "replace" if self.encoding.startswith("utf-16") else _ENCODING_ERRORS

    def split(self, line: str) -> list[str]:
        """Return the cells of one row, which may run over several lines."""
        return next(self._reader(iter(line.splitlines(keepends=True))), [])

    def rows(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, cells) of every row that is not empty; csv.Error where quotes are wrong."""
        if self.declared:
            next(lines, None)
        reader = self._reader(lines)
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield reader.line_num + self.declared, cells

    def _reader(self, lines: Iterator[str]) -> Any:
        # A picture with many faces has a recipe longer than the module's default limit of 131072 characters.
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        if self.separator != _SPACES:
            blanks = self.padded
            return csv.reader(lines, delimiter=self.separator, skipinitialspace=blanks, strict=True)
        stripped = (line.strip() + "\n" for line in lines)
        return csv.reader(stripped, delimiter=_SPACES, skipinitialspace=True, strict=True)


def sniff_table(path: Path, content: bytes | None = None) -> TableForm:
    """Find out how a table is written, by its first rows; ``content`` is there where it is no file by itself.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    if content is None:
        try:
            with open_file(path) as file:
                head = file.read(_SNIFFED_BYTES)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    else:
        head = content[:_SNIFFED_BYTES]
    encoding = _sniff_encoding(head)
    text = head.decode(encoding, "replace")
    declared = _DECLARED.match(text)
    if declared:
        text = text[declared.end() :]
    separator = _sniff_separator(text, cut=len(head) == _SNIFFED_BYTES)
    # two quotes would be one of a text inside of a cell
    padded = separator != _SPACES and re.search(re.escape(separator) + ' +"(?!")', text) is not None
    return TableForm(separator, encoding, bool(declared), "\r" in text and "\n" not in text, padded)


def _sniff_encoding(head: bytes) -> str:
    """UTF-16 by its byte order mark or, without one, by the zeros of letters that ASCII has; else UTF-8."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    first, second = head[0:2000:2], head[1:2000:2]
    if len(second) > 1 and not any(second):
        return "utf-16-le"
    return "utf-16-be" if len(first) > 1 and not any(first) else "utf-8-sig"


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Read a table row by row; what separates its cells is found out.

    Parameters
    ----------
    path : Path
        Separated by commas, semicolons, tabs, bars or blanks; cells quoted or not; UTF-8 with or without a byte
        order mark, or UTF-16; any line ends. Bytes of names that are not UTF-8 pass through.

    Yields
    ------
    (int, list of str)
        Number of the line, from 1 (the last one of a row that runs over several), and the cells as they
        stand there. Empty lines are left out.

    Raises
    ------
    UserError
        Naming the file, and the line where there is one: it cannot be read or is no table.
    """
    form = sniff_table(path)
    line = 0
    try:
        with io.TextIOWrapper(open_file(path), form.encoding, form.errors, newline="") as file:
            for line, cells in form.rows(file):
                yield line, cells
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table: after line {line}: {error}") from error


def read_text(path: Path, form: TableForm, content: bytes | None = None) -> str:
    """Return the rows of a table as one text, each with a line feed at its end.

    ``content`` is there where it is no file by itself. UserError naming the file where it cannot be read.
    """
    try:
        data = read_whole(path) if content is None else content
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    text = data.decode(form.encoding, form.errors)
    if form.declared:
        text = _DECLARED.sub("", text, count=1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def whole_number(text: str) -> int:
    """Return a whole number, also one that pandas wrote as ``178.0``; ValueError where it is none."""
    try:
        return int(text)
    except ValueError:
        with suppress(ValueError):
            value = decimal_number(text)
            if value.is_integer():
                return int(value)
        raise ValueError(f"{text!r} where a whole number is needed") from None


def decimal_number(text: str) -> float:
    """Return a number with a decimal point or comma; ValueError where it is none."""
    try:
        return float(text)
    except ValueError:
        if text.count(",") == 1 and "." not in text and _is_number(text.replace(",", ".")):
            return float(text.replace(",", "."))
        raise ValueError(f"{text!r} where a number is needed") from None


def flag(text: str) -> int:
    """Return 1 or 0 for 1, 0, -1 (no), ``True``, ``False``, also as ``1.0``; ValueError for what is none."""
    found = _FLAGS.get(text)
    if found is None:
        found = _FLAGS.get(text.strip().lower())
    if found is None:
        with suppress(ValueError):
            found = {1.0: 1, 0.0: 0, -1.0: 0}.get(decimal_number(text))
    if found is None:
        raise ValueError(f"{text!r} where 1 or -1, 1 or 0, True or False is needed")
    return found


def is_row_number_column(header: str) -> bool:
    """Tell whether a column's name is what pandas and R call the numbers of the rows."""
    return header.strip().lower() in _ROW_NUMBERS or header.startswith("Unnamed: ")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _sniff_separator(text: str, cut: bool) -> str:
    """The separator under which the first rows have most cells, and equally many."""
    best = (False, 1, _SPACES)
    lines = text.lstrip("\r\n ").splitlines(keepends=True)
    if lines and lines[0].strip().isdecimal():  # the official lists start with their number of rows
        text = "".join(lines[1:])
    for separator in SEPARATORS:
        counts = _cell_counts(text, separator, cut)
        if not counts or counts[0] == 1:
            continue
        # a header need not name the first column
        even = len(set(counts[1:])) <= 1 and counts[-1] - counts[0] in (0, 1)
        if (even, counts[0]) > best[:2]:
            best = (even, counts[0], separator)
    return best[2]


def _cell_counts(text: str, separator: str, cut: bool) -> list[int]:
    rows = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    counts: list[int] = []
    with suppress(csv.Error):  # who reads the rows says so
        counts.extend(len(row) for row in islice((row for row in rows if row), _SNIFFED_ROWS + 1))
    # what was read may end inside of a row
    return counts[:-1] if cut and len(counts) > 1 else counts[:_SNIFFED_ROWS]
