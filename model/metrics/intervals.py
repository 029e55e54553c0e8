"""How sure a mean over pictures is, and whether two means differ: by resampling, because scores are skewed.

Intervals are studentised bootstraps (Efron & Tibshirani 1993, section 12.5): each resample is measured in its own
standard error. Of 2,000 simulated data sets, nominal 95 % intervals hold the true mean in (percentile intervals)
    n                                   30             100            1000
    normal (PSNR)                       95.0 (93.2) %  95.1 (94.4) %  96.2 (95.8) %
    beta(12, 1) (IoU)                   95.1 (92.7) %  95.0 (94.0) %  94.6 (94.4) %
    1 - 0.05 log-normal(0, 0.8) (IoU)   93.2 (89.7) %  94.8 (93.7) %  94.8 (94.6) %
    log-normal(0, 0.5)                  94.0 (91.8) %  95.0 (94.8) %  95.2 (95.2) %
    log-normal(0, 1)                    92.6 (87.3) %  94.1 (92.4) %  94.2 (94.4) %
    one in fifty a failure              72.0 (64.8) %  86.9 (86.4) %  95.6 (94.0) %
No method mends the last line: thirty such scores often hold no failure at all. BCa intervals are between the two.

Variants of one face and pictures of one person are alike: whole clusters of them are drawn, and errors are those of
clusters (docs/evaluation.md has the coverage).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from unmask.datagen.pictures.arrays import F64, Bools

from .clusters import Codes, cluster_codes, cluster_moments, ratios_and_spreads, sums_by_cluster

DRAWS = 2000
LEVEL = 0.95
_CHUNK = 1_000_000  # numbers in memory at a time: 8 MB
_TOO_FEW = 10  # fewer clusters than this have too few different resamples: Student's t instead
# A resample whose standard error is below this share of the data's lacks the very values that make the data spread
# (one failure among thirty). Without a floor it would stretch the interval without end; this one costs no coverage.
_LEAST_ERROR = 0.4


@dataclass(frozen=True)
class Interval:
    """A mean and its interval.

    Attributes
    ----------
    mean, low, high : float
        NaN where there are too few values.
    n, clusters : int
        Values behind it, and the clusters that they come in.
    """

    mean: float
    low: float
    high: float
    n: int
    clusters: int


@dataclass(frozen=True)
class Difference:
    """Mean difference of pairs, its interval, and how likely one as large is by chance.

    Attributes
    ----------
    mean, low, high : float
        Ours minus theirs; NaN where there are too few pairs.
    n, clusters : int
        Pairs, and the clusters that they come in.
    p : float
        Two-sided; NaN where there are too few pairs.
    """

    mean: float
    low: float
    high: float
    n: int
    clusters: int
    p: float


def bootstrap_mean(
    values: ArrayLike,
    clusters: Codes | None = None,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the mean of values (n,) and its interval; see `bootstrap_means`."""
    column = np.asarray(values, np.float64).reshape(-1, 1)
    return bootstrap_means(column, clusters, draws=draws, level=level, seed=seed)[0]


def bootstrap_means(
    table: ArrayLike,
    clusters: Codes | None = None,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
    limits: ArrayLike | None = None,
) -> list[Interval]:
    """Return the mean of each column and its studentised bootstrap interval.

    An interval ends where the column's values end. Below 10 clusters it is Student's, which covers too little where
    scores are skewed, and may reach beyond the values, but not beyond ``limits``.

    Parameters
    ----------
    table : (n, k)
        Numbers; NaN where a picture has no such score, which leaves it out of that column only.
    clusters : intp (n,), optional
        Equal for pictures that belong together, which are drawn together; without it each stands by itself.
    draws : int
        Resamples.
    level : float
        In (0, 1).
    seed : int
        A column's interval depends on its own values and this number, not on the other columns.
    limits : (2, k), optional
        Least and largest value that a column's scores can have.

    Returns
    -------
    list of Interval
        k of them; NaN limits with fewer than two clusters, all equal to the mean where values are all the same.
    """
    numbers = np.asarray(table, np.float64)
    codes = cluster_codes(clusters, len(numbers))
    least, most = np.array([[-np.inf], [np.inf]]) if limits is None else np.asarray(limits, np.float64)
    least, most = (np.broadcast_to(ends, numbers.shape[1:]) for ends in (least, most))
    intervals: list[Interval] = [Interval(np.nan, np.nan, np.nan, 0, 0)] * numbers.shape[1]
    for columns, rows in by_gaps(numbers):
        there = np.unique(codes[rows], return_inverse=True)[1]
        found = _dense_intervals(numbers[rows][:, columns], there, draws, level, seed)
        for column, interval in zip(columns, found, strict=True):
            low, high = max(interval.low, float(least[column])), min(interval.high, float(most[column]))
            intervals[column] = replace(interval, low=low, high=high)  # NaN stays
    return intervals


def share_interval(hits: ArrayLike, clusters: Codes | None = None, *, level: float = LEVEL) -> Interval:
    """Return a share and its interval, which has a width where all or none are hit.

    Wilson's, for as many independent pictures as would know the share as well as these clusters do (Korn & Graubard
    1998).

    Parameters
    ----------
    hits : bool (n,)
    clusters, level
        As of `bootstrap_means`.
    """
    values = np.asarray(hits, np.float64)
    n, codes = len(values), cluster_codes(clusters, len(values))
    count = len(np.unique(codes))
    if n == 0:
        return Interval(np.nan, np.nan, np.nan, 0, 0)
    share = float(values.mean())
    error = float(_standard_errors(values[:, None], np.unique(codes, return_inverse=True)[1])[0])
    alone = share * (1 - share) / error**2 * (n / (n - 1)) if count > 1 and error > 0 else count
    z = float(stats.norm.ppf((1 + level) / 2))
    known = float(min(alone, n))
    middle, reach = (
        share + z**2 / (2 * known),
        z * np.sqrt(share * (1 - share) / known + z**2 / (4 * known**2)),
    )
    low, high = ((middle + sign * reach) / (1 + z**2 / known) for sign in (-1, 1))
    # rounding would leave a share of none or all beside its end
    low, high = 0.0 if share == 0 else max(low, 0.0), 1.0 if share == 1 else min(high, 1.0)
    return Interval(share, float(low), float(high), n, count)


def paired_difference(
    ours: ArrayLike,
    theirs: ArrayLike,
    clusters: Codes | None = None,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """Compare two systems on the pictures that both have a score for.

    Parameters
    ----------
    ours, theirs : (n,)
        Scores of the same pictures in the same order; NaN where there is none.
    clusters, draws, level, seed
        As of `bootstrap_means`.

    Returns
    -------
    Difference
        p is about ``1 - level`` or less where the interval leaves 0 out; at least ``2 / (draws + 1)``.
    """
    gaps = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    there = np.isfinite(gaps)
    codes = np.unique(cluster_codes(clusters, len(gaps))[there], return_inverse=True)[1]
    gaps = gaps[there]
    interval = bootstrap_mean(gaps, codes, draws=draws, level=level, seed=seed)
    error = _standard_errors(gaps[:, None], codes)[0]
    if interval.clusters < 2:
        p = np.nan
    elif error == 0:
        p = 1.0 if interval.mean == 0 else 2 / (draws + 1)
    elif interval.clusters < _TOO_FEW:
        p = float(2 * stats.t.sf(abs(interval.mean) / error, interval.clusters - 1))
    else:
        drawn = _studentised(gaps[:, None], codes, draws, seed)[:, 0]
        p = _two_sided(drawn, interval.mean / error)
    return Difference(interval.mean, interval.low, interval.high, interval.n, interval.clusters, float(p))


def by_gaps(numbers: F64) -> list[tuple[list[int], Bools]]:
    """Part the columns of a table (n, k) by which rows have a number: columns, and their rows as bool (n,)."""
    known = np.isfinite(numbers)
    columns: dict[bytes, list[int]] = {}
    for column in range(numbers.shape[1]):
        columns.setdefault(known[:, column].tobytes(), []).append(column)
    return [(group, known[:, group[0]]) for group in columns.values()]


def _dense_intervals(values: F64, codes: Codes, draws: int, level: float, seed: int) -> list[Interval]:
    n, clusters = len(values), int(codes.max(initial=-1)) + 1
    if n == 0:
        return [Interval(np.nan, np.nan, np.nan, 0, 0)] * values.shape[1]
    least, most = values.min(axis=0), values.max(axis=0)
    # Rounding would put the mean of equal values beside them.
    means = np.clip(values.mean(axis=0), least, most)
    if clusters < 2:
        return [Interval(float(mean), np.nan, np.nan, n, clusters) for mean in means]
    errors = _standard_errors(values, codes)
    tails = ((1 - level) / 2, (1 + level) / 2)
    if clusters < _TOO_FEW:
        reach = stats.t.ppf(tails[1], clusters - 1) * errors
        low, high = means - reach, means + reach
    else:
        below, above = np.quantile(_studentised(values, codes, draws, seed), tails, axis=0)
        low = np.maximum(means - above * errors, least)
        high = np.minimum(means - below * errors, most)
    return [
        Interval(float(a), float(b), float(c), n, clusters) for a, b, c in zip(means, low, high, strict=True)
    ]


def _standard_errors(values: F64, codes: Codes) -> F64:
    """Standard errors of the means of columns (n, k); exactly 0 where all values are the same."""
    n, clusters = len(values), int(codes.max(initial=-1)) + 1
    if clusters < 2:
        return np.full(values.shape[1], np.nan)
    sums, sizes = sums_by_cluster(values, codes, clusters), np.bincount(codes)[:, None]
    beyond = sums - values.mean(axis=0) * sizes
    errors = np.sqrt((beyond**2).sum(axis=0) * (clusters / (clusters - 1))) / n
    # what is left by rounding where every cluster has the same mean
    return np.where(errors > 1e-12 * np.abs(values).max(axis=0), errors, 0.0)


def _studentised(values: F64, codes: Codes, draws: int, seed: int) -> F64:
    """How far the mean of each resample is from the data's, in the resample's own standard errors: (draws, k)."""
    errors = _standard_errors(values, codes)
    scaled = (values - values.mean(axis=0)) / np.where(errors > 0, errors, 1)
    moments = cluster_moments(scaled, codes)
    clusters, k = len(moments), values.shape[1]
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, k))
    at_a_time = max(1, _CHUNK // clusters)
    for start in range(0, draws, at_a_time):
        part = drawn[start : start + at_a_time]
        counts = np.empty((len(part), clusters))
        for row, picks in zip(counts, rng.integers(0, clusters, (len(part), clusters)), strict=True):
            row[:] = np.bincount(picks, minlength=clusters)
        sums = counts @ moments
        means, spreads = ratios_and_spreads(sums)
        variance = spreads / sums[:, 3 * k, None] * (clusters / (clusters - 1))
        part[:] = means / np.sqrt(np.maximum(variance, _LEAST_ERROR**2))
    return drawn


def _two_sided(drawn: F64, seen: float) -> float:
    """Twice the share of draws at least as far out as what was seen, on its nearer side."""
    nearer = min(int((drawn <= seen).sum()), int((drawn >= seen).sum()))
    return min(1.0, 2 * (nearer + 1) / (len(drawn) + 1))
