"""Measures of variety: pairwise overlap of maps, Vendi scores, entropies, nearest pairs. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32, F64, Bools


def iou_matrix(maps: Bools) -> F32:
    """Intersection over union of every pair of maps.

    Parameters
    ----------
    maps : bool (n, k)
        One flattened map a row.

    Returns
    -------
    NDArray[np.float32]
        (n, n), in [0, 1], 1 on the diagonal. Two empty maps are equal: 1.
    """
    flat = maps.astype(np.float32)  # products of whole numbers: exact, whatever the order of the sums
    both = flat @ flat.T
    area = flat.sum(axis=1)
    either = area[:, None] + area[None, :] - both
    ratio: F32 = np.divide(both, either, out=np.ones_like(both), where=either > 0)
    return ratio


def centred(maps: Bools) -> Bools:
    """Shift maps (n, h, w) by whole cells so that their centres of gravity meet: shape and size are left.

    What leaves the grid on one side is cut off.
    """
    _, height, width = maps.shape
    area = np.maximum(maps.sum(axis=(1, 2)), 1)
    y = maps.sum(axis=2) @ np.arange(height) / area
    x = maps.sum(axis=1) @ np.arange(width) / area
    moved = np.zeros_like(maps)
    down_by = np.floor(height / 2 - y + 0.5).astype(int)  # not rint, which rounds halves either way
    right_by = np.floor(width / 2 - x + 0.5).astype(int)
    for new, old, dy, dx in zip(moved, maps, down_by, right_by, strict=True):
        down, right = max(dy, 0), max(dx, 0)
        part = old[down - dy : height + min(-dy, 0), right - dx : width + min(-dx, 0)]
        new[down : down + part.shape[0], right : right + part.shape[1]] = part
    return moved


@dataclass(frozen=True)
class PairMean:
    """Mean over all pairs of different items, its standard error (None below 3 items), and how many pairs."""

    mean: float
    standard_error: float | None
    pairs: int


def mean_pairwise(similarity: NDArray[np.floating]) -> PairMean | None:
    """Mean similarity of all n (n - 1) / 2 pairs of different items; None below 2 items.

    Pairs share items, so they are not independent: the standard error is the jackknife's over items,
    ``sqrt((n - 1) / n * sum((m_i - mean(m))**2))`` where m_i is the mean without item i (Efron & Stein 1981).

    Parameters
    ----------
    similarity : (n, n)
        Symmetric.
    """
    count = len(similarity)
    if count < 2:
        return None
    of_item = similarity.sum(axis=1, dtype=np.float64) - np.diag(similarity)
    total = float(of_item.sum())
    mean = total / (count * (count - 1))
    if count < 3:
        return PairMean(mean, None, 1)
    without = (total - 2 * of_item) / ((count - 1) * (count - 2))
    error = float(np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2)))
    return PairMean(mean, error, count * (count - 1) // 2)


def vendi_score(similarity: NDArray[np.floating]) -> float:
    """Effective number of different items among n: 1 where all are the same, n where none is like another.

    ``exp(-sum(l_i * log(l_i)))`` over the eigenvalues l_i of K / n, with 0 log 0 = 0, where K holds the
    similarities: the exponential of their Shannon entropy (Friedman & Dieng, The Vendi Score: A Diversity
    Evaluation Metric for Machine Learning, TMLR 2023, arXiv 2210.02410).

    Parameters
    ----------
    similarity : (n, n)
        Positive semi-definite with ones on the diagonal, such as `iou_matrix` (the Jaccard index is a
        positive definite kernel: Gower 1971; Bouchard, Jousselme & Dore 2013) and `cloth_kernel`.

    Raises
    ------
    ValueError
        When the diagonal is not 1.
    """
    if not np.allclose(np.diag(similarity), 1, atol=1e-4):
        raise ValueError("the similarity of an item with itself must be 1")
    shares = np.linalg.eigvalsh(similarity.astype(np.float64) / len(similarity))
    shares = shares[shares > 0]  # rounding leaves tiny negative ones
    return float(np.exp(-np.sum(shares * np.log(shares))))


def vendi_by_size(similarity: NDArray[np.floating], sizes: Sequence[int]) -> dict[int, float]:
    """Score of the first 25, 50, ... items and of all: it grows with n, so only equal n compare."""
    count = len(similarity)
    wanted = sorted({size for size in sizes if size < count} | {min(count, max(sizes))})
    return {size: vendi_score(similarity[:size, :size]) for size in wanted if size}


def cloth_kernel(cloth: F32, units: F32) -> F32:
    """Similarity of appearance: ``exp(-d**2 / 2)``, d the Euclidean distance in the given units.

    The units are fixed. A bandwidth fitted to the data would divide away the very spread that is measured.

    Parameters
    ----------
    cloth : float32 (n, k)
        `stats_pictures.describe_cloth`.
    units : float32 (k,)
        Difference in each number that counts as one.

    Returns
    -------
    NDArray[np.float32]
        (n, n), in [0, 1].
    """
    scaled = cloth.astype(np.float64) / units
    squared = np.zeros((len(cloth), len(cloth)))
    for column in scaled.T:
        squared += (column[:, None] - column[None, :]) ** 2
    return np.exp(-squared / 2).astype(np.float32)


def entropy_bits(counts: NDArray[np.integer]) -> float:
    """Shannon entropy of a histogram in bits, 0 for an empty one (plug-in estimate, no bias correction)."""
    total = int(counts.sum())
    if not total:
        return 0.0
    shares = counts[counts > 0] / total
    return max(0.0, float(-np.sum(shares * np.log2(shares))))


def nearest_distances(similarity: NDArray[np.floating]) -> F64:
    """Each item's distance, 1 - similarity, to the item most like it; (n,), empty below 2 items."""
    if len(similarity) < 2:
        return np.zeros(0)
    others = similarity.astype(np.float64)
    np.fill_diagonal(others, -np.inf)
    return np.asarray(1 - others.max(axis=1), dtype=np.float64)


def nearest_pairs(similarity: NDArray[np.floating], count: int) -> list[tuple[int, int]]:
    """Return the pairs most alike, best first; no item stands in two, so one cluster cannot fill the list."""
    first, second = np.triu_indices(len(similarity), 1)
    if not len(first):
        return []
    # Rounded, so that equal pairs keep the order of their indices on every machine.
    score = np.round(similarity[first, second].astype(np.float64), 5)
    # Every pair taken rules out fewer than 2 n others, so the best 2 n count pairs hold all that are wanted.
    few = min(len(score), 2 * len(similarity) * count)
    border = np.partition(score, len(score) - few)[len(score) - few]
    candidates = np.flatnonzero(score >= border)
    used: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for index in candidates[np.argsort(-score[candidates], kind="stable")]:
        i, j = int(first[index]), int(second[index])
        if i not in used and j not in used:
            pairs.append((i, j))
            used |= {i, j}
            if len(pairs) == count:
                break
    return pairs
