"""The table of a training: one row per report, appended at once, cut back on resume."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import UserError

STEP = "step"
Cell = int | float | str | None


class LogFile:
    """A CSV file with fixed columns.

    Parameters
    ----------
    path : Path
        The file; made by the first row.
    columns : sequence of str
        The first one is ``step``, the number of the optimiser's step, which grows from row to row.
    """

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        if not columns or columns[0] != STEP or len(set(columns)) != len(columns):
            raise ValueError(f"columns {list(columns)}: expected different ones beginning with {STEP!r}")
        self.path = path
        self.columns = tuple(columns)

    def append(self, row: Mapping[str, Cell]) -> None:
        """Add a row; it is in the file when this returns.

        Parameters
        ----------
        row : mapping
            ``step`` and any of the other columns; what is left out or None is an empty cell. Numbers keep nine
            digits, which is every digit of a float32.

        Raises
        ------
        ValueError
            When a key is no column, or ``step`` is missing.
        UserError
            When the file system refuses.
        """
        unknown = set(row) - set(self.columns)
        if unknown or row.get(STEP) is None:
            raise ValueError(f"row of {self.path.name}: unknown {sorted(unknown)}, step {row.get(STEP)}")
        cells = [_text(row.get(name)) for name in self.columns]
        try:
            with self.path.open("ab", buffering=0) as file:
                lines = [self.columns, cells] if file.tell() == 0 else [cells]
                # One call: a kill leaves a row or a torn end, which `truncate_after` drops, and nothing else.
                data = b"".join(map(_line, lines))
                if file.write(data) != len(data):
                    raise UserError(_refused(self.path, "No space left on device"))
        except OSError as error:
            raise UserError(_refused(self.path, error.strerror or str(error))) from error

    def truncate_after(self, step: int) -> None:
        """Drop the rows after ``step`` and a row that a kill has torn, so that a resumed run does not repeat them.

        Parameters
        ----------
        step : int
            Of the checkpoint that the run goes on from; 0 empties the table.

        Raises
        ------
        UserError
            When the file is not a table of these columns.
        """
        kept = [row for row in self._rows() if int(row[0]) <= step]
        data = b"".join(map(_line, [self.columns, *kept]))
        try:
            if self.path.exists() and self.path.read_bytes() != data:
                write_atomic(self.path, data)
        except OSError as error:
            raise UserError(_refused(self.path, error.strerror or str(error))) from error

    def read(self) -> list[dict[str, Cell]]:
        """Return the whole rows, numbers as int or float, empty cells as None; errors as for `truncate_after`."""
        return _named(self.columns, self._rows())

    def _rows(self) -> list[list[str]]:
        header, rows = _read(self.path)
        if header and header != self.columns:
            raise UserError(f"{self.path}: its columns are not those of this training; remove or rename it")
        return rows


def read_log(path: Path) -> list[dict[str, Cell]]:
    """Return the whole rows of a table whatever its columns are, numbers as int or float, empty cells as None.

    No rows where there is no file. Raises UserError where it cannot be read or is no such table.
    """
    header, rows = _read(path)
    if header and header[0] != STEP:
        raise UserError(f"{path}: not written by this toolkit (its first column is not {STEP!r})")
    return _named(header, rows)


def _read(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return (), []
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    whole = data[: data.rfind(b"\n") + 1].decode("utf-8", "replace")
    if not whole:
        return (), []  # killed in the middle of the header
    header, *rows = csv.reader(io.StringIO(whole, newline=""))
    for index, row in enumerate(rows):
        if len(row) != len(header) or not row[0].isdecimal():
            # nulls after a power cut; what follows cannot be trusted either
            return tuple(header), rows[:index]
    return tuple(header), rows


def _named(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[dict[str, Cell]]:
    return [{name: _cell(text) for name, text in zip(columns, row, strict=True)} for row in rows]


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _text(value: Cell) -> str:
    if value is None:
        return ""
    return format(value, ".9g") if isinstance(value, float) else str(value)


def _cell(text: str) -> Cell:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text or None


def _refused(path: Path, what: str) -> str:
    return f"`run` {path.parent}: cannot write {path.name} ({what})"
