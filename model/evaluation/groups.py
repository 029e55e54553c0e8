"""Which pictures are judged together: by what the face shows, what it wears, and how it is turned and lit."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmask.datagen.common.colour import is_hex, parse_hex
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.stats.colour import colour_group

ATTRIBUTE = "attr_"
FRONTAL_DEG, TURNED_DEG = 13.0, 25.0
LEVEL_DEG = 10.0
DEGREE = "\N{DEGREE SIGN}"
_YAW_NAMES = (
    f"beyond {TURNED_DEG:g}{DEGREE} left",
    f"{FRONTAL_DEG:g} to {TURNED_DEG:g}{DEGREE} left",
    f"within {FRONTAL_DEG:g}{DEGREE}",
    f"{FRONTAL_DEG:g} to {TURNED_DEG:g}{DEGREE} right",
    f"beyond {TURNED_DEG:g}{DEGREE} right",
)
_PITCH_NAMES = (
    f"beyond {LEVEL_DEG:g}{DEGREE} down",
    f"within {LEVEL_DEG:g}{DEGREE}",
    f"beyond {LEVEL_DEG:g}{DEGREE} up",
)


@dataclass(frozen=True, eq=False)
class Grouping:
    """One way to part the pictures.

    Attributes
    ----------
    kind : str
        ``attribute``, ``family``, ..., ``crossing``: groupings of one kind are judged together.
    name : str
        The attribute without ``attr_``, the names crossed, or the kind itself.
    groups : tuple of str
        Names of the groups that have pictures, in the order in which they are shown.
    codes : int64 (n,)
        Each picture's group as index into `groups`; -1 where it is not known.
    """

    kind: str
    name: str
    groups: tuple[str, ...]
    codes: NDArray[np.int64]


def make_groupings(table: pd.DataFrame, by: Sequence[str] = ()) -> list[Grouping]:
    """Part the pictures of ``metrics.csv`` in every way that its tags allow.

    Kinds, in this order: ``attribute`` (each one, yes and no), ``family``, ``template``, ``colour`` (the everyday
    name of the mask's colour), ``texture``, ``worn``, ``coverage`` (quarters), ``yaw`` (left and right as in the
    picture), ``lightness`` (quarters of the measured L* of bare skin), and ``crossing`` for what `by` asks for.

    Parameters
    ----------
    table : DataFrame
        Rows of ``metrics.csv``; columns may be missing, values may be empty or NaN.
    by : sequence of str
        What ``--by`` names: attributes or tags, to be crossed with each other.

    Returns
    -------
    list of Grouping
        Those with at least two groups. A picture whose value is not known is in no group.

    Raises
    ------
    UserError
        When `by` has a name that the table does not, or pictures of one group only.
    """
    kinds = [*_attribute_names(table), *_TAGS]
    found = [_group(table, name) for name in kinds if name not in _ONLY_CROSSED]
    groupings = [grouping for grouping in found if grouping is not None and len(grouping.groups) > 1]
    return [*groupings, cross(table, by)] if by else groupings


def cross(table: pd.DataFrame, by: Sequence[str]) -> Grouping:
    """Part the pictures by several names at once: ``Male x Young`` with groups like ``Male yes, Young no``.

    Raises
    ------
    UserError
        As `make_groupings`.
    """
    known = {name.casefold(): name for name in crossable(table)}
    names = list(dict.fromkeys(_known_name(name, known) for name in by))
    parts = [part for part in (_group(table, name) for name in names) if part is not None]
    title = " x ".join(names)
    codes = np.stack([part.codes for part in parts], axis=1)
    used, index = np.unique(codes, axis=0, return_inverse=True)
    whole = (used >= 0).all(axis=1)
    groups = tuple(
        ", ".join(f"{part.name} {part.groups[code]}" for part, code in zip(parts, line, strict=True))
        for line in used[whole]
    )
    if len(groups) < 2:
        raise ArgumentError(
            "by", f"{','.join(by)}: {len(groups) or 'no'} group of pictures, nothing to compare"
        )
    places = np.where(whole, np.cumsum(whole) - 1, -1)
    return Grouping("crossing", title, groups, places[index.reshape(-1)].astype(np.int64))


def crossable(table: pd.DataFrame) -> list[str]:
    """Names that ``--by`` takes for this table: tags and attributes with at least one known value."""
    names = (*_TAGS, *_own_tags(table), *_attribute_names(table))
    return [name for name in names if _group(table, name) is not None]


def _known_name(name: str, known: dict[str, str]) -> str:
    found = known.get(name.strip().removeprefix(ATTRIBUTE).casefold())
    if found is None:
        there = ", ".join(known.values()) or "nothing: no picture has a tag"
        raise ArgumentError("by", f"{name}: no such attribute or tag; there is {there}")
    return found


def _attribute_names(table: pd.DataFrame) -> list[str]:
    return [str(name).removeprefix(ATTRIBUTE) for name in table.columns if str(name).startswith(ATTRIBUTE)]


def _own_tags(table: pd.DataFrame) -> list[str]:
    """Columns of text that are none of the toolkit's: a person's own, by ``--tags``."""
    return [
        str(name)
        for name in table.columns
        if name not in _TAGS
        and name not in _NO_TAGS
        and not str(name).startswith(ATTRIBUTE)
        and not pd.api.types.is_numeric_dtype(table[name])
    ]


def _group(table: pd.DataFrame, name: str) -> Grouping | None:
    """Part the pictures by one attribute or tag; None where the table knows nothing of it."""
    if name in _TAGS and name in table:
        labels, order = _TAGS[name](table[name])
        return _grouping(name, name, labels, order)
    if ATTRIBUTE + name in table:
        numbers = _numbers(table[ATTRIBUTE + name])
        labels = ["yes" if value == 1 else "no" if value == 0 else "" for value in numbers]
        return _grouping("attribute", name, labels, ("yes", "no"))
    if name in _own_tags(table):
        labels, order = _by_word(table[name])
        return _grouping(name, name, labels, order)
    return None


def _grouping(kind: str, name: str, labels: Iterable[str], order: Iterable[str]) -> Grouping | None:
    values = np.asarray(list(labels), object)
    there = set(values)
    groups = tuple(group for group in order if group and group in there)
    index = {group: code for code, group in enumerate(groups)}
    codes = np.array([index.get(value, -1) for value in values], np.int64)
    return Grouping(kind, name, groups, codes) if groups else None


# A name for each picture, "" where unknown; and the names in order.
Labelled = tuple[list[str], Sequence[str]]


def _numbers(column: "pd.Series[str]") -> F64:
    return np.asarray(pd.to_numeric(column, errors="coerce"), np.float64)


def _by_word(column: "pd.Series[str]") -> Labelled:
    labels = ["" if pd.isna(value) else str(value).strip() for value in column]
    return labels, sorted(set(labels))


def _by_colour(column: "pd.Series[str]") -> Labelled:
    labels, _ = _by_word(column)
    names = {text: _colour_name(text) for text in set(labels)}
    return [names[text] for text in labels], sorted(set(names.values()))


def _colour_name(text: str) -> str:
    if not is_hex(text):
        return ""
    rgb = np.array([[parse_hex(text)]], np.float32) / np.float32(255)
    return colour_group(np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), np.float32)[0, 0])


def _quarters(values: F64, words: str) -> Labelled:
    """Cut at the quartiles; equal values stay together, so that there may be fewer than four parts."""
    known = values[np.isfinite(values)]
    if not len(known):
        return [""] * len(values), ()
    edges = np.unique(np.quantile(known, [0, 0.25, 0.5, 0.75, 1]))
    places = np.searchsorted(edges[1:-1], values, side="left")  # an edge belongs to the part below it
    names = _range_names(edges, words)
    return [
        names[place] if np.isfinite(value) else "" for place, value in zip(places, values, strict=True)
    ], names


def _range_names(edges: F64, words: str) -> list[str]:
    """Name the ranges between edges with as many digits as tell all edges apart."""
    if len(edges) == 1:
        return [words.format(*[f"{edges[0]:.1f}"] * 2)]
    for digits in range(1, 6):
        texts = [f"{edge:.{digits}f}" for edge in edges]
        if len(set(texts)) == len(texts):
            break
    return [words.format(low, high) for low, high in pairwise(texts)]


def _by_angle(column: "pd.Series[str]", limits: Sequence[float], names: Sequence[str]) -> Labelled:
    angles = _numbers(column)
    steps = np.searchsorted(limits, np.abs(angles), side="left")
    places = len(limits) + np.where(angles < 0, -steps, steps)
    return [
        names[place] if np.isfinite(angle) else "" for place, angle in zip(places, angles, strict=True)
    ], names


_TAGS: dict[str, Callable[["pd.Series[str]"], Labelled]] = {
    **dict.fromkeys(("family", "template"), _by_word),
    "colour": _by_colour,
    **dict.fromkeys(("texture", "worn"), _by_word),
    "coverage": lambda column: _quarters(100 * _numbers(column), "{} to {} %"),
    # Positive is turned to the picture's right; exactly 13 degrees is still frontal, 25 still below it.
    "yaw": lambda column: _by_angle(column, (FRONTAL_DEG, TURNED_DEG), _YAW_NAMES),
    "lightness": lambda column: _quarters(_numbers(column), "L* {} to {}"),
    # Positive lifts the chin.
    "pitch": lambda column: _by_angle(column, (LEVEL_DEG,), _PITCH_NAMES),
    **dict.fromkeys(("split", "identity"), _by_word),
}
_NO_TAGS = frozenset({"key", "status", "source", "width", "height"})
_ONLY_CROSSED = ("pitch", "split", "identity")  # many or seldom of interest: shown when asked for
