"""For whom and on which masks scores are worse: each group's mean against the rest, tested and adjusted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F64, Bools
from unmask.model.metrics import differences, intervals
from unmask.model.metrics.clusters import Codes, cluster_codes

from .groups import Grouping

FEWEST = 10  # fewer clusters get no interval: it would reach beyond what a score can be
SMALL = 30  # groups with fewer clusters are shown, never judged
LEVEL = 0.05
COLUMNS = (
    "metric", "kind", "name", "group", "n", "clusters", "mean", "low", "high",
    "rest_n", "rest_clusters", "rest_mean", "gap", "p", "p_adjusted", "significant", "small", "worst",
)  # fmt: skip
_FLAGS = ("significant", "small", "worst")
_WORST_KEYS = ("metric", "kind", "name", "group", "n", "clusters", "mean", "gap", "p_adjusted")
_DIGITS = 6


@dataclass(frozen=True)
class Metric:
    """A column of scores, and whether more of it is better."""

    name: str
    higher_is_better: bool


def break_down(
    table: pd.DataFrame,
    metrics: Sequence[Metric],
    groupings: Sequence[Grouping],
    clusters: Codes | None = None,
    *,
    seed: int = 0,
    draws: int = intervals.DRAWS,
    shuffles: int = differences.SHUFFLES,
) -> pd.DataFrame:
    """Compare each group with the rest of its grouping.

    Parameters
    ----------
    table : DataFrame
        Rows of ``metrics.csv``; a picture counts for a score where that is a number.
    metrics : sequence of Metric
        Columns of `table`.
    groupings : sequence of Grouping
        Of the same rows, those of one kind together.
    clusters : intp (n,), optional
        Equal for rows that belong together (`unmask.model.evaluation.clusters.find_clusters`).
    seed, draws, shuffles : int
        As of `bootstrap_means` and `difference_ps`.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`; one row for each metric and group that has pictures. ``gap`` is the group's mean minus
        that of the pictures in the grouping's other groups. ``p`` and ``p_adjusted`` are NaN where group or rest
        has fewer than `SMALL` clusters. ``p_adjusted`` is Benjamini and Hochberg's over all groups of one metric
        and kind, two groups that are each other's rest counted once. ``worst`` marks, for each metric and kind,
        the significant group whose gap is largest in the bad direction, if any.
    """
    values = np.array(table[[metric.name for metric in metrics]], np.float64)
    values[~np.isfinite(values)] = np.nan
    codes = cluster_codes(clusters, len(values))
    tested = _test_groups(values, groupings, codes, seed, shuffles)
    rows = [
        row
        for index, grouping in enumerate(groupings)
        for code in range(len(grouping.groups))
        for row in _group_rows(values, metrics, grouping, code, codes, tested[index][code], (draws, seed))
    ]
    found = pd.DataFrame(rows, columns=[*COLUMNS, "counts"])
    place = {metric.name: index for index, metric in enumerate(metrics)}
    found = found.sort_values("metric", key=lambda names: names.map(place), kind="stable", ignore_index=True)
    _judge(found, {metric.name: metric.higher_is_better for metric in metrics})
    return found[list(COLUMNS)]


def worst_groups(breakdown: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows marked as worst as ``summary.json`` has them, numbers with six significant digits."""
    found = breakdown.loc[breakdown["worst"].astype(bool), list(_WORST_KEYS)]
    return [
        {key: _plain(value) for key, value in zip(_WORST_KEYS, row, strict=True)}
        for row in found.itertuples(index=False, name=None)
    ]


def breakdown_csv(breakdown: pd.DataFrame) -> str:
    """Return the content of ``breakdown.csv``: six significant digits, flags as 0 and 1, empty where not known."""
    flags = breakdown.astype(dict.fromkeys(_FLAGS, int))
    return flags.to_csv(index=False, float_format=f"%.{_DIGITS}g", lineterminator="\n")


def _test_groups(
    values: F64, groupings: Sequence[Grouping], codes: Codes, seed: int, shuffles: int
) -> list[F64]:
    """The p of each group and score, (groups, k) for each grouping; NaN where a side is small."""
    tested = [np.full((len(grouping.groups), values.shape[1]), np.nan) for grouping in groupings]
    for columns, scored in intervals.by_gaps(values):
        # What has the same pictures is tested at one go: shuffling is what takes time.
        pools: dict[bytes, list[tuple[int, int]]] = {}
        for index, grouping in enumerate(groupings):
            known = scored & (grouping.codes >= 0)
            for code in range(1 if len(grouping.groups) == 2 else len(grouping.groups)):
                member = grouping.codes == code
                sides = [_count(codes[known & side]) for side in (member, ~member)]
                if min(sides) >= SMALL:
                    pools.setdefault(known.tobytes(), []).append((index, code))
        for pool, groups in pools.items():
            known = np.frombuffer(pool, np.bool_)
            members = np.stack([groupings[index].codes[known] == code for index, code in groups], axis=1)
            found = differences.difference_ps(
                values[known][:, columns], members, codes[known], shuffles=shuffles, seed=seed
            )
            for (index, code), p in zip(groups, found, strict=True):
                tested[index][code, columns] = p
    for p in tested:
        if len(p) == 2:
            p[1] = p[0]  # each is the other's rest
    return tested


def _group_rows(
    values: F64,
    metrics: Sequence[Metric],
    grouping: Grouping,
    code: int,
    clusters: Codes,
    tested: F64,
    resampling: tuple[int, int],
) -> Iterator[dict[str, Any]]:
    """Rows of one group, one for each metric that it has pictures for."""
    draws, seed = resampling
    member = grouping.codes == code
    rest = (grouping.codes >= 0) & ~member
    means = intervals.bootstrap_means(values[member], clusters[member], draws=draws, seed=seed)
    for place, (metric, interval) in enumerate(zip(metrics, means, strict=True)):
        other = rest & np.isfinite(values[:, place])
        others = values[other, place]
        rest_mean = float(others.mean()) if len(others) else np.nan
        if interval.n:
            yield {
                "metric": metric.name,
                "kind": grouping.kind,
                "name": grouping.name,
                "group": grouping.groups[code],
                "n": interval.n,
                "clusters": interval.clusters,
                "mean": interval.mean,
                "low": interval.low if interval.clusters >= FEWEST else np.nan,
                "high": interval.high if interval.clusters >= FEWEST else np.nan,
                "rest_n": len(others),
                "rest_clusters": _count(clusters[other]),
                "rest_mean": rest_mean,
                "gap": interval.mean - rest_mean,
                "p": tested[place],
                "small": interval.clusters < SMALL,
                "counts": len(grouping.groups) != 2 or code == 0,
            }


def _count(codes: Codes) -> int:
    return len(np.unique(codes))


def _judge(found: pd.DataFrame, higher_is_better: dict[str, bool]) -> None:
    """Fill in the adjusted p, and which groups are significant and worst."""
    p = found["p"].to_numpy(np.float64)
    gap, counts = found["gap"].to_numpy(np.float64), found["counts"].to_numpy(np.bool_)
    adjusted, worst = np.full(len(found), np.nan), np.zeros(len(found), np.bool_)
    families: dict[tuple[str, str], NDArray[np.int64]] = {
        (str(metric), str(kind)): np.flatnonzero((found["metric"] == metric) & (found["kind"] == kind))
        for metric, kind in dict.fromkeys(zip(found["metric"], found["kind"], strict=True))
    }
    for (metric, _), rows in families.items():
        adjusted[rows] = _adjust(p[rows], counts[rows])
        badness = gap[rows] * (-1 if higher_is_better[metric] else 1)
        badness[~(adjusted[rows] < LEVEL)] = -np.inf
        if badness.max() > 0:
            worst[rows[np.argmax(badness)]] = True
    found["p_adjusted"], found["significant"], found["worst"] = adjusted, adjusted < LEVEL, worst


def _adjust(p: F64, counts: Bools) -> F64:
    """Adjust the p that count; one that does not is its forerunner's twin."""
    adjusted = differences.benjamini_hochberg(np.where(counts, p, np.nan))
    for place in np.flatnonzero(~counts):
        adjusted[place] = adjusted[place - 1]
    return adjusted


def _plain(value: object) -> object:
    """A number that JSON can hold, with six significant digits; text as it is."""
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{_DIGITS}g}")
    return int(value) if isinstance(value, np.integer) else value
