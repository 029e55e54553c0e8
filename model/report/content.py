"""What the page ``report.html`` is drawn from: the evaluation's tables, summary and pictures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from unmask.datagen.pictures.arrays import F64, U8
from unmask.model.metrics.table import write_number

SMALL = 30  # a group of fewer people or source pictures, or one whose rest is fewer, says nothing
MODULES = ("pipe", "edit")  # systems that are ours, the one that matters most first
_HEADLINES = ("pipe_mask_psnr", "edit_mask_psnr", "map_pipeline_iou", "map_iou", "map_false_alarm")


@dataclass(frozen=True, eq=False)
class GalleryRow:
    """One picture as every stage shows it.

    Attributes
    ----------
    key : str
        The picture's key; may hold any character.
    caption : str
        Its scores in words.
    images : tuple of uint8 (h, w, 3) or (h, w)
        RGB pictures and maps, one for each column of the gallery.
    """

    key: str
    caption: str
    images: tuple[U8, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """Some pictures of one module, chosen by one rule.

    Attributes
    ----------
    module : str
        "map" or "edit".
    title, what : str
        Of the gallery, as "Worst", and how its pictures were chosen.
    columns : tuple of str
        What each image of a row shows.
    rows : tuple of GalleryRow
    """

    module: str
    title: str
    what: str
    columns: tuple[str, ...]
    rows: tuple[GalleryRow, ...]


@dataclass(frozen=True)
class ScoreInterval:
    """A mean with its bootstrap interval, which is None where nothing was drawn.

    Attributes
    ----------
    mean : float
    low, high : float or None
    n : int or None
        Number of pictures.
    """

    mean: float
    low: float | None
    high: float | None
    n: int | None = None

    def range(self, digits: int) -> str:
        """Write the interval as "28.41 to 28.80"; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"{write_number(self.low, digits)} to {write_number(self.high, digits)}"


@dataclass(frozen=True)
class System:
    """Something that was scored: its prefix in column names, and its name in words."""

    id: str
    name: str

    @property
    def is_module(self) -> bool:
        """True of our networks, False of the baselines."""
        return self.id in MODULES


@dataclass(frozen=True, eq=False)
class EvalReport:
    """Everything that the page shows.

    Attributes
    ----------
    summary : mapping
        The content of ``summary.json``; any part may be missing.
    table, breakdown : pandas.DataFrame
        ``metrics.csv`` and ``breakdown.csv``.
    galleries : tuple of Gallery
    comparison : mapping or None
        Our scores beside another report's: "other", "pictures", "verdict" and "rows".
    examples : Gallery or None
        A few pictures from the best to the worst, for the first screen.
    """

    summary: Mapping[str, Any]
    table: pd.DataFrame
    breakdown: pd.DataFrame
    galleries: tuple[Gallery, ...] = ()
    comparison: Mapping[str, Any] | None = None
    examples: Gallery | None = None

    def section(self, name: str) -> Mapping[str, Any]:
        """One part of the summary; empty where it is missing or null."""
        found = self.summary.get(name)
        return found if isinstance(found, Mapping) else {}

    def systems(self) -> list[System]:
        """Scored systems, our modules first."""
        found = [System(str(item["id"]), str(item["name"])) for item in self.summary.get("systems") or []]
        ranks = {name: rank for rank, name in enumerate(MODULES)}
        return sorted(found, key=lambda system: ranks.get(system.id, len(ranks)))

    def main_system(self) -> System | None:
        """Return the module that the headline is about: both together, else the Editing Module; None without."""
        return next((s for s in self.systems() if s.is_module and self.mean(f"{s.id}_psnr")), None)

    def mean(self, column: str) -> ScoreInterval | None:
        """Mean of a column of ``metrics.csv`` over pictures; None where it is unknown."""
        found = self.section("means").get(column)
        mean = number(found.get("mean")) if isinstance(found, Mapping) else None
        if not isinstance(found, Mapping) or mean is None:
            return None
        count = number(found.get("n"))
        return ScoreInterval(
            mean, number(found.get("low")), number(found.get("high")), None if count is None else int(count)
        )

    def values(self, column: str) -> F64:
        """Return a column of ``metrics.csv`` as float64 (n,), NaN where empty; all NaN when it is missing."""
        if column not in self.table:
            return np.full(len(self.table), np.nan)
        return np.asarray(pd.to_numeric(self.table[column], errors="coerce"), np.float64)

    def headline_metric(self) -> str | None:
        """Return the column that groups are judged by first; None when nothing was broken down."""
        there = self.broken_down()
        return next((name for name in _HEADLINES if name in there), there[0] if there else None)

    def broken_down(self) -> list[str]:
        """Columns that ``breakdown.csv`` has groups of, in its order."""
        return [str(name) for name in self.breakdown["metric"].unique()] if len(self.breakdown) else []

    @property
    def clustered_by(self) -> str:
        """What pictures are drawn together by, in words: "people", "source pictures"."""
        return str(self.section("data").get("clustered_by") or "source pictures")

    @property
    def is_clustered(self) -> bool:
        """Whether some pictures belong together."""
        clusters = number(self.section("data").get("clusters"))
        return clusters is not None and clusters < len(self.table)

    @property
    def many_pictures(self) -> str:
        """How many pictures there are, and of how many people: "396 pictures of 90 people"."""
        clusters = number(self.section("data").get("clusters"))
        of = f" of {int(clusters or 0):,} {self.clustered_by}" if self.is_clustered else ""
        return f"{len(self.table):,} pictures{of}"

    @property
    def level_percent(self) -> str:
        """The level of all intervals, as "95 %"."""
        bootstrap = self.section("settings").get("bootstrap")
        level = number(bootstrap.get("level")) if isinstance(bootstrap, Mapping) else None
        return f"{100 * (0.95 if level is None else level):g} %"


def number(value: object) -> float | None:
    """Return a finite number as float, and None for anything else: empty, NaN, infinite, text."""
    if value is None or isinstance(value, (bool, np.bool_, str)):
        return None
    try:
        found = float(value)  # type: ignore[arg-type]  # anything may stand in a summary
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def is_true(value: object) -> bool:
    """Read a flag of ``breakdown.csv``, or a group, which may have become text or a number on its way."""
    return str(value).strip().lower() in ("true", "1", "1.0", "yes")
