"""Where the 68 points of a face stand in a row of somebody's table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.table import NAME_COLUMNS, decimal_number, is_row_number_column

from .face_mesh import MESH_COUNTS, MESH_OF_68
from .landmarks import POINT_COUNT, look_like_faces

_NUMBERS = 2 * POINT_COUNT
# x0, x_0, point_x_0 and 0_x, p0_x, landmark_0_x; z is depth, which some tables have
_POINT_NAME = re.compile(
    r"(?:[a-z]*_)?(?P<axis>[xyz])_?(?P<number>\d+)|[a-z]*_?(?P<first>\d+)_?(?P<second>[xyz])"
)
_LARGEST_SHARE = 2.0  # a face that is seen reaches no farther beyond its picture
_SURE = 0.5  # share of the rows that must have the geometry of a face


@dataclass(frozen=True)
class PointColumns:
    """Columns of a table of points.

    Attributes
    ----------
    width : int
        How many cells a row has.
    name : int
        The column with the picture's name.
    points : tuple of int
        The 136 columns of x0, y0, x1, y1, ...
    """

    width: int
    name: int
    points: tuple[int, ...]

    def read(self, cells: Sequence[str]) -> tuple[str, NDArray[np.float64]]:
        """Return the picture's name and its points, (68, 2) in pixels; ValueError where it is no such row."""
        if len(cells) != self.width:
            raise ValueError(f"{len(cells)} values where {self.width} are needed")
        numbers = [cells[column] for column in self.points]
        try:
            points = np.array(numbers, np.float64)
        except ValueError:
            points = np.array([decimal_number(number) for number in numbers])
        return cells[self.name], check_pixels(points.reshape(POINT_COUNT, 2))


def check_pixels(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (68, 2) points; ValueError where they cannot be in pixels, but are shares of a picture's sides."""
    if not np.isfinite(points).all() or np.abs(points).max() > 1e6:
        raise ValueError("a coordinate is not a number of pixels")
    if np.abs(points).max() <= _LARGEST_SHARE and (points % 1).any():
        raise ValueError(
            "points from 0 to 1 where pixels are needed (JSON may have width and height beside them)"
        )
    return points


def named_columns(header: Sequence[str]) -> PointColumns | None:
    """Find the columns by their names, in whatever order they are; None where the names do not tell.

    Points are numbered from 0 or from 1. Of the 468 or 478 of MediaPipe's mesh those are taken that are the 68.
    """
    names = [name.strip().lower() for name in header]
    found: dict[tuple[int, str], int] = {}
    for column, name in enumerate(names):
        match = _POINT_NAME.fullmatch(name)
        if match:
            axis, number = match["axis"] or match["second"], match["number"] or match["first"]
            if found.setdefault((int(number), axis), column) != column:
                return None
    others = [column for column in range(len(names)) if column not in found.values()]
    found = {key: column for key, column in found.items() if key[1] != "z"}
    first = min((number for number, _ in found), default=0)
    count = len(found) // 2
    if first > 1 or set(found) != {(first + number, axis) for number in range(count) for axis in "xy"}:
        return None
    if count != POINT_COUNT and count not in MESH_COUNTS:
        return None
    chosen = range(POINT_COUNT) if count == POINT_COUNT else MESH_OF_68
    wanted = [(first + number, axis) for number in chosen for axis in "xy"]
    naming = _name_column(names, others)
    return None if naming is None else PointColumns(len(names), naming, tuple(found[key] for key in wanted))


def _name_column(names: Sequence[str], others: Sequence[int]) -> int | None:
    for name in ("source", *NAME_COLUMNS):
        if [names[column] for column in others].count(name) == 1:
            return names.index(name)
    telling = [column for column in others if not is_row_number_column(names[column])]
    if not telling and len(others) == 1:  # pandas does not name the column of an index
        return others[0]
    return telling[0] if len(telling) == 1 else None


def is_bare_row(cells: Sequence[str]) -> bool:
    """Tell whether a first row is a face already: a name, perhaps a row number before it, and 136 numbers."""
    if len(cells) not in (_NUMBERS + 1, _NUMBERS + 2):
        return False
    try:
        for cell in cells[-_NUMBERS:]:
            decimal_number(cell)
    except ValueError:
        return False
    return True


def bare_columns(rows: Sequence[Sequence[str]]) -> PointColumns:
    """Find the columns of a table without a header: x, y of each point, or all x before all y.

    Parameters
    ----------
    rows : sequence of rows
        Some of the table, for which `is_bare_row` holds. The order in which the points are faces is theirs.

    Raises
    ------
    ValueError
        When neither order, or both, give faces.
    """
    width = len(rows[0])
    start = width - _NUMBERS
    pairs = PointColumns(width, start - 1, tuple(range(start, width)))
    halves = np.arange(start, width).reshape(2, POINT_COUNT)
    grouped = PointColumns(width, start - 1, tuple(halves.T.ravel().tolist()))
    faces = [order for order in (pairs, grouped) if _share_of_faces(order, rows) > _SURE]
    if len(faces) != 1:
        raise ValueError(
            "no header says whether x and y alternate, and the points look like faces either way"
            if faces
            else "no header names the columns, and the points do not look like faces"
        )
    return faces[0]


def _share_of_faces(order: PointColumns, rows: Sequence[Sequence[str]]) -> float:
    points = []
    for cells in rows:
        try:
            points.append(order.read(cells)[1])
        except ValueError:  # the table's reader says in which line
            continue
    return float(look_like_faces(np.array(points, np.float32)).mean()) if points else 1.0
