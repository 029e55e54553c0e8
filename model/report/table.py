"""Tables of the page: heads, cells in plain text, and scores with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

from unmask.model.metrics.table import Score, write_number

from .content import ScoreInterval
from .names import capital

BEST, ARROWS = "\N{BLACK STAR}", {"high": " \N{UPWARDS ARROW}", "low": " \N{DOWNWARDS ARROW}"}


@dataclass(frozen=True)
class Head:
    """The head of a column: its title, small print below, and whether it holds numbers."""

    title: str
    below: str = ""
    is_number: bool = True


@dataclass(frozen=True)
class Cell:
    """A cell of a table, in plain text.

    Attributes
    ----------
    text, below : str
        What it says, and small print below.
    value : float or None
        What a column of numbers sorts by.
    mark : str
        A sign behind the text, which is then bold.
    """

    text: str
    below: str = ""
    value: float | None = None
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows; the page's script makes ``sortable`` ones sort."""

    label: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = False


@dataclass(frozen=True)
class Column:
    """One score of every row; ``title`` stands in place of its name, ``below`` is small print."""

    score: Score
    found: Sequence[ScoreInterval | None]
    below: str = ""
    title: str = ""

    def head(self) -> Head:
        """Name the score, its unit, and which way is better."""
        title = self.title or capital(self.score.words).removesuffix(" distance") + self.score.comma_unit
        return Head(title + ARROWS.get(self.score.better, ""), self.below)

    def cells(self) -> list[Cell]:
        """Write the values with their intervals; the best are marked."""
        means = [item.mean if item else None for item in self.found]
        best = best_rows(means, self.score.better, self.score.digits)
        return [
            Cell(
                self.score.write(item.mean), item.range(self.score.digits), item.mean, BEST if is_best else ""
            )
            if item
            else Cell("-")
            for item, is_best in zip(self.found, best, strict=True)
        ]


def scores_table(label: str, corner: str, names: Sequence[str], columns: Sequence[Column]) -> Table | None:
    """Put columns side by side, without rows and columns of which nothing is known; None where nothing is left."""
    columns = [column for column in columns if any(column.found)]
    lines = zip(names, *(column.cells() for column in columns), strict=True)
    rows = [[Cell(name), *cells] for name, *cells in lines if any(cell.text != "-" for cell in cells)]
    heads = [Head(corner, is_number=False), *(column.head() for column in columns)]
    return Table(label, heads, rows) if rows else None


def best_rows(values: Sequence[float | None], better: str, digits: int) -> list[bool]:
    """Tell which of a column's values are its best as they are written; none when fewer than two are known."""
    known = [round(value, digits) for value in values if value is not None]
    if len(known) < 2 or better not in ("high", "low"):
        return [False] * len(values)
    best = max(known) if better == "high" else min(known)
    return [value is not None and round(value, digits) == best for value in values]


def count_cell(count: float | None) -> Cell:
    """Write a number of pictures."""
    return Cell("-" if count is None else write_number(count, 0), value=count)
