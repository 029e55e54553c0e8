"""A dataset to look through: its triplets filtered by what is known of them, a page at a time."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import Inside

from .built_pictures import read_file
from .built_rows import BuiltRow, families_of, find_manifest, read_rows_as
from .manifest import RowReader, read_attribute_names
from .manifest_row import ManifestRow

Span = tuple[float, float]
EVERYTHING: Span = (-math.inf, math.inf)
WITHOUT = "-"  # before the name of an attribute that pictures must not have


@dataclass(frozen=True, slots=True)
class WallRow(BuiltRow):
    """What the wall shows and filters by; of the largest face where there are several."""

    template: str
    family: str
    worn: str
    coverage: float
    yaw: float
    pitch: float
    roll: float
    attributes: tuple[int, ...]


@dataclass(frozen=True)
class WallFilter:
    """Which triplets are wanted: those that fit every field; an empty one asks for nothing.

    Attributes
    ----------
    families, worn, splits : tuple of str
        Any of these. A picture with several faces has the families of all of them.
    attributes : tuple of str
        All of these: ``Male``, or ``-Male`` for pictures without. What is unknown is neither.
    coverage : (low, high)
        Shares of the picture, in [0, 1].
    yaw, pitch, roll : (low, high)
        Degrees.
    """

    families: tuple[str, ...] = ()
    worn: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    coverage: Span = EVERYTHING
    yaw: Span = EVERYTHING
    pitch: Span = EVERYTHING
    roll: Span = EVERYTHING


class Wall:
    """The triplets of a built dataset.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UserError
        Naming ``data``, when it is no dataset, an empty one, or files are missing or lie outside of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        manifest = find_manifest(folder)
        self.attribute_names = read_attribute_names(manifest)
        self.rows = read_rows_as(folder, _row)
        self._by_number = {row.number: row for row in self.rows}
        self._reader = RowReader(manifest)
        self._inside = Inside(folder)

    @cached_property
    def facets(self) -> Mapping[str, Mapping[str, int]]:
        """Values of ``families``, ``worn``, ``splits`` and ``attributes``, with how many triplets have each."""
        rows = self.rows
        names = self.attribute_names
        return {
            "families": dict(sorted(Counter(name for row in rows for name in row.families).items())),
            "worn": dict(Counter(row.worn for row in rows).most_common()),
            "splits": dict(sorted(Counter(row.split for row in rows if row.split).items())),
            "attributes": {
                name: sum(row.attributes[place] for row in rows if row.attributes)
                for place, name in enumerate(names)
            },
        }

    def select(self, wanted: WallFilter) -> list[WallRow]:
        """Return the rows that fit, in the manifest's order.

        Raises
        ------
        ArgumentError
            Naming ``attributes``, for one that the dataset does not have.
        """
        marks = [self._mark(name) for name in wanted.attributes]
        return [row for row in self.rows if _fits(row, wanted, marks)]

    def _mark(self, text: str) -> tuple[int, int]:
        """Column of an attribute, and the value that is asked for."""
        name = text.removeprefix(WITHOUT)
        if name not in self.attribute_names:
            known = ", ".join(self.attribute_names) or "none"
            raise ArgumentError("attributes", f": unknown {name!r}; the dataset has {known}")
        return self.attribute_names.index(name), int(name == text)

    def row(self, number: int) -> WallRow:
        """Return a row by its number in the manifest; KeyError where no triplet has it."""
        return self._by_number[number]

    def whole_row(self, number: int) -> ManifestRow:
        """Return all that the manifest says of it; KeyError as `row`, UserError where the file has changed."""
        try:
            return self._reader.read(self.row(number).number)
        except UserError as error:
            raise ArgumentError("data", f": {error.marked}") from error

    def read(self, number: int, kind: str) -> bytes:
        """Return the file of a triplet's picture.

        Parameters
        ----------
        number : int
        kind : str
            ``masked``, ``map`` or ``clean``.

        Raises
        ------
        KeyError
            As `row`.
        UserError
            When it cannot be read, or a link that leads out of the dataset has taken its place.
        """
        row = self.row(number)
        name = {"masked": row.masked, "map": row.map, "clean": row.clean}[kind]
        self._inside(name, f"`data` row {row.key}")
        return read_file(self.folder, name)


def _row(manifest: Path, row: ManifestRow, number: int) -> WallRow:
    numbers = [row.coverage, row.yaw, row.pitch, row.roll]
    coverage, yaw, pitch, roll = (math.nan if value is None else value for value in numbers)
    return WallRow(
        row.key,
        row.source,
        row.split,
        row.identity,
        row.masked,
        row.map,
        row.clean,
        families_of(manifest, row),
        number,
        row.template,
        row.family,
        row.worn,
        coverage,
        yaw,
        pitch,
        roll,
        row.attributes,
    )


def _fits(row: WallRow, wanted: WallFilter, marks: Sequence[tuple[int, int]]) -> bool:
    return (
        (not wanted.families or not row.families.isdisjoint(wanted.families))
        and (not wanted.worn or row.worn in wanted.worn)
        and (not wanted.splits or row.split in wanted.splits)
        and all(row.attributes and row.attributes[place] == value for place, value in marks)
        and _within(row.coverage, wanted.coverage)
        and _within(row.yaw, wanted.yaw)
        and _within(row.pitch, wanted.pitch)
        and _within(row.roll, wanted.roll)
    )


def _within(value: float, span: Span) -> bool:
    return span == EVERYTHING or span[0] <= value <= span[1]
