"""How well a similarity parts pairs of one person from pairs of two: ROC, its area, errors and accuracy.

Everything is worked out for many weightings of the pairs at once: all of weight 1 is the result, and the draws of a
bootstrap over people are its interval. A person who is drawn k times gives their own pairs weight k, and a pair of
two people the product of both (Snijders and Borgatti, *Non-parametric standard errors and tests for network
statistics*, Connections 22, 1999).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F64, Bools

DRAWS = 1000
LEVEL = 0.95
FARS = (1e-3, 1e-2)
_CHUNK = 300_000  # numbers in memory at a time
_FEWEST_PEOPLE = 5  # fewer have hardly any different draws: no interval


@dataclass(frozen=True)
class Value:
    """A number and its interval; NaN where there is none."""

    value: float
    low: float = np.nan
    high: float = np.nan


@dataclass(frozen=True, eq=False)
class Curve:
    """What a similarity is worth.

    Attributes
    ----------
    far, tar, threshold : float64 (k,)
        The ROC from no pair accepted to all: shares of accepted pairs of two people and of one; accepted are
        similarities from the threshold on.
    auc, eer, accuracy : Value
        Area below the ROC; error where both kinds err alike; accuracy over folds, both kinds counted alike.
    accuracy_spread : float
        Standard error of the accuracy over folds.
    tar_at : dict of float to Value
        Largest TAR of thresholds whose FAR is not above the key; NaN where there are too few pairs of two people.
    eer_threshold : float
    drawn : float64 (draws, 3 + len(FARS)) or None
        AUC, EER, accuracy and TAR at each of `FARS` of each draw, for `change`.
    """

    far: F64
    tar: F64
    threshold: F64
    auc: Value
    eer: Value
    accuracy: Value
    accuracy_spread: float
    tar_at: dict[float, Value]
    eer_threshold: float
    drawn: F64 | None = None

    def numbers(self) -> dict[str, Value]:
        """Return the numbers by name, in the order of the draws' columns."""
        return {
            "auc": self.auc,
            "eer": self.eer,
            "accuracy": self.accuracy,
            **{f"tar_at_far_{limit:g}": value for limit, value in self.tar_at.items()},
        }


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Pairs in falling order of similarity; equal ones are told apart by none."""

    order: NDArray[np.intp]
    ends: NDArray[np.intp]  # of the runs of equal similarity: first and one behind the last pair
    same: Bools
    fold: NDArray[np.intp]


def draw_weights(
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    same: Bools,
    people: int,
    draws: int = DRAWS,
    seed: int = 0,
) -> F64:
    """Draw people with replacement and weigh their pairs.

    Parameters
    ----------
    left, right : intp (n,)
        Who is in both pictures of each pair, below ``people``.
    same : bool (n,)

    Returns
    -------
    float64 (draws, n)
    """
    counts = np.random.default_rng(seed).multinomial(people, np.full(people, 1 / people), draws)
    drawn = counts.astype(np.float64)
    return np.asarray(np.where(same, drawn[:, left], drawn[:, left] * drawn[:, right]), np.float64)


def measure(similarity: F64, same: Bools, fold: NDArray[np.intp], weights: F64 | None, people: int) -> Curve:
    """Measure how well a similarity does.

    Parameters
    ----------
    similarity : float64 (n,)
        Higher for one person; finite.
    same : bool (n,)
        Both kinds occur.
    fold : intp (n,)
        For the accuracy: each fold is judged with the threshold that is best on the others.
    weights : float64 (draws, n) or None
        Of `draw_weights`; None leaves the intervals out.
    people : int
        Whom the pairs are of; few of them give no interval.
    """
    order = np.argsort(-similarity, kind="stable")
    falling = similarity[order]
    ends = np.concatenate([[0], np.flatnonzero(np.diff(falling)) + 1, [len(falling)]])
    pairs = _Sorted(order, ends, same[order], fold[order])
    once = np.ones((1, len(order)))
    far, tar = (part[0] for part in _rates(pairs, once))
    found = _scores(pairs, once)[0]
    drawn = None
    if weights is not None and people >= _FEWEST_PEOPLE:
        step = max(1, _CHUNK // len(order))
        with np.errstate(invalid="ignore"):  # a draw may hold no pair of one kind
            drawn = np.concatenate(
                [_scores(pairs, weights[at : at + step][:, order]) for at in range(0, len(weights), step)]
            )
    values = [Value(number, *_limits(drawn, column)) for column, number in enumerate(found)]
    strangers = int((~same).sum())
    tar_at = {
        limit: value if strangers * limit >= 1 else Value(np.nan)
        for limit, value in zip(FARS, values[3:], strict=True)
    }
    by_fold = _fold_accuracies(pairs, once)[0]
    by_fold = by_fold[np.isfinite(by_fold)]
    spread = float(by_fold.std(ddof=1) / np.sqrt(len(by_fold))) if len(by_fold) > 1 else np.nan
    threshold = np.concatenate([[np.inf], falling[ends[1:] - 1]])
    middle = int(np.argmax(far >= 1 - tar))
    auc, eer, accuracy, *_ = values
    return Curve(far, tar, threshold, auc, eer, accuracy, spread, tar_at, float(threshold[middle]), drawn)


def change(ours: Curve, theirs: Curve) -> dict[str, Value]:
    """Return what each number of ours is more than theirs, of the same pairs and draws, with its interval."""
    gaps = None if ours.drawn is None or theirs.drawn is None else ours.drawn - theirs.drawn
    found = zip(ours.numbers().items(), theirs.numbers().values(), strict=True)
    return {
        name: Value(one.value - other.value, *_limits(gaps, column))
        for column, ((name, one), other) in enumerate(found)
    }


def _limits(drawn: F64 | None, column: int) -> tuple[float, float]:
    values = np.empty(0) if drawn is None else drawn[:, column]
    values = values[np.isfinite(values)]
    if len(values) < 2:
        return np.nan, np.nan
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _sums(pairs: _Sorted, weights: F64, kind: Bools) -> F64:
    """Weight of the accepted pairs of a kind at each threshold, from none accepted to all: (draws, k)."""
    sums = np.cumsum(np.where(kind, weights, 0.0), axis=1)
    return np.concatenate([np.zeros((len(weights), 1)), sums[:, pairs.ends[1:] - 1]], axis=1)


def _rates(pairs: _Sorted, weights: F64) -> tuple[F64, F64]:
    accepted = [_sums(pairs, weights, kind) for kind in (~pairs.same, pairs.same)]
    far, tar = (sums / sums[:, -1:] for sums in accepted)
    return far, tar


def _scores(pairs: _Sorted, weights: F64) -> F64:
    """AUC, EER, accuracy and TAR at each of `FARS`: (draws, 3 + len(FARS))."""
    far, tar = _rates(pairs, weights)
    auc = ((far[:, 1:] - far[:, :-1]) * (tar[:, 1:] + tar[:, :-1]) / 2).sum(axis=1)
    accuracies = _fold_accuracies(pairs, weights)
    known = np.isfinite(accuracies)
    accuracy = np.where(known, accuracies, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    accuracy[~known.any(axis=1)] = np.nan
    # FAR rises with the threshold's fall, so that the last one that keeps the limit has the largest TAR
    at = [tar[np.arange(len(tar)), (far <= limit + 1e-12).sum(axis=1) - 1] for limit in FARS]
    empty = ~np.isfinite(far[:, -1] + tar[:, -1])
    columns = np.stack([auc, _equal_error(far, tar), accuracy, *at], axis=1)
    columns[empty] = np.nan
    return np.asarray(columns, np.float64)


def _equal_error(far: F64, tar: F64) -> F64:
    """Where FAR and FRR cross, on the line between the two thresholds around it."""
    gap = far - (1 - tar)
    after = np.argmax(gap >= 0, axis=1)
    before, rows = np.maximum(after - 1, 0), np.arange(len(far))
    low, high = gap[rows, before], gap[rows, after]
    share = np.divide(-low, high - low, out=np.zeros(len(far)), where=high > low)
    return np.asarray(far[rows, before] + share * (far[rows, after] - far[rows, before]), np.float64)


def _fold_accuracies(pairs: _Sorted, weights: F64) -> F64:
    """Mean of TAR and 1 - FAR in each fold at the threshold that is best on the others: (draws, folds)."""
    numbers = np.unique(pairs.fold)
    sums = {
        (number, same): _sums(pairs, weights, (pairs.fold == number) & (pairs.same == same))
        for number in numbers
        for same in (True, False)
    }
    whole = {same: _sums(pairs, weights, pairs.same == same) for same in (True, False)}
    rows, found = np.arange(len(weights)), []
    with np.errstate(invalid="ignore", divide="ignore"):
        for number in numbers:
            rates = []
            for same in (True, False):
                others = whole[same] - sums[number, same] if len(numbers) > 1 else whole[same]
                rates.append((others / others[:, -1:], sums[number, same] / sums[number, same][:, -1:]))
            best = np.argmax(rates[0][0] - rates[1][0], axis=1)
            accuracy = (1 + rates[0][1][rows, best] - rates[1][1][rows, best]) / 2
            found.append(accuracy)
    return np.stack(found, axis=1)
