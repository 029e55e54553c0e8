"""What a manifest says about a dataset: counts, the pose grid, attributes, and every cell that is empty."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.dataset.manifest_row import ManifestRow

COUNTED = ("status", "family", "template", "texture", "worn", "split", "landmark_source")
# Degrees; the middle cell holds faces that look straight into the camera.
YAW_EDGES = (-37.5, -22.5, -7.5, 7.5, 22.5, 37.5)
PITCH_EDGES = (-22.5, -7.5, 7.5, 22.5)
_RECIPE_WEIGHTS = {"family": "families", "worn": "worn.states", "texture": "texture.kinds"}


def count_rows(rows: Sequence[ManifestRow], build: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Count the manifest's rows by status, and those with status ok by what they wear.

    What the build's recipe allows but no row has stands there with 0.

    Parameters
    ----------
    rows : sequence of ManifestRow
        All of them.
    build : mapping
        Content of ``build.json``.

    Returns
    -------
    dict
        Column -> value -> rows, the most frequent first.
    """
    made = [row for row in rows if row.status == "ok"]
    counts: dict[str, dict[str, int]] = {}
    for column in COUNTED:
        found = Counter(
            str(getattr(row, column)) or "unknown" for row in (rows if column == "status" else made)
        )
        for value in _allowed(column, build):
            found.setdefault(value, 0)
        counts[column] = dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
    return counts


def _allowed(column: str, build: Mapping[str, Any]) -> list[str]:
    """Return the values that the recipe of the build gives a weight above 0."""
    config = build.get("config", {})
    recipe = config.get("recipe")
    weights = recipe.get(_RECIPE_WEIGHTS.get(column, ""), {}) if isinstance(recipe, dict) else {}
    chosen = config.get("families") if column == "family" else None
    if not isinstance(weights, dict):
        return []
    # a damaged build.json may have anything for a weight
    given = [name for name, weight in weights.items() if isinstance(weight, int | float) and weight > 0]
    return [name for name in given if chosen is None or name in chosen]


def cross_count(
    rows: Iterable[ManifestRow], counts: Mapping[str, Mapping[str, int]], first: str, second: str
) -> dict[str, dict[str, int]]:
    """Count rows by two columns; every value of `count_rows` has its line and its column."""
    table = {a: dict.fromkeys(counts[second], 0) for a in counts[first]}
    for row in rows:
        if row.status == "ok":
            table[getattr(row, first) or "unknown"][getattr(row, second) or "unknown"] += 1
    return table


def empty_cells(table: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Name the cells of a `cross_count` that are 0, ``kn95 + chin``; a line all empty is ``kn95 + any``."""
    names: list[str] = []
    for first, line in table.items():
        if not any(line.values()):
            names.append(f"{first} + any")
        else:
            names += [f"{first} + {second}" for second, count in line.items() if not count]
    return names


def pose_grid(rows: Iterable[ManifestRow]) -> NDArray[np.int64]:
    """Count the ok rows by pitch and yaw of their largest face: (5, 7), `PITCH_EDGES` by `YAW_EDGES`."""
    grid = np.zeros((len(PITCH_EDGES) + 1, len(YAW_EDGES) + 1), np.int64)
    for row in rows:
        if row.status == "ok" and row.yaw is not None and row.pitch is not None:
            grid[np.searchsorted(PITCH_EDGES, row.pitch), np.searchsorted(YAW_EDGES, row.yaw)] += 1
    return grid


def interval_names(edges: Sequence[float]) -> list[str]:
    """Name the intervals between edges: ``below -7.5``, ``-7.5 to 7.5``, ``above 7.5``."""
    inner = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}", *inner, f"above {edges[-1]:g}"]


def empty_poses(grid: NDArray[np.int64]) -> list[str]:
    """Name the empty cells of a `pose_grid`: ``yaw above 37.5, pitch -7.5 to 7.5``."""
    yaws, pitches = interval_names(YAW_EDGES), interval_names(PITCH_EDGES)
    return [f"yaw {yaws[x]}, pitch {pitches[y]}" for y, x in np.argwhere(grid == 0)]


def attribute_table(
    rows: Iterable[ManifestRow], names: Sequence[str], families: Iterable[str]
) -> tuple[int, dict[str, dict[str, int]]]:
    """Count the ok rows that have each attribute, by family.

    Returns
    -------
    int
        Ok rows whose attributes are known.
    dict
        Attribute -> family -> rows that have it.
    """
    table = {name: dict.fromkeys(families, 0) for name in names}
    known = 0
    for row in rows:
        if row.status != "ok" or len(row.attributes) != len(names) or not names:
            continue
        known += 1
        for name, value in zip(names, row.attributes, strict=True):
            table[name][row.family or "unknown"] += value
    return known, table
