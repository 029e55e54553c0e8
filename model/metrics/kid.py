"""Kernel Inception Distance: how far apart two sets of pictures are in a network's features.

The unbiased squared maximum mean discrepancy with the kernel (x . y / d + 1)^3 of Binkowski et al., "Demystifying
MMD GANs", ICLR 2018. Not comparable with published values, whose features are of Inception.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32, F64

SUBSETS = 100
SUBSET_PICTURES = 1000
MOST_PICTURES = 4000  # kernels of all pairs are kept: 128 MB each


@dataclass(frozen=True)
class Kid:
    """KID and what it rests on.

    Attributes
    ----------
    mean, sd : float
        Over subsets of the pictures. The estimate is unbiased: around 0, negative as often as not, for sets that do
        not differ.
    full : float
        Of all pictures at once.
    pictures, subset_pictures, subsets : int
    """

    mean: float
    sd: float
    full: float
    pictures: int
    subset_pictures: int
    subsets: int


def kid(
    features: F32,
    real: F32,
    seed: int,
    *,
    paired: bool,
    subsets: int = SUBSETS,
    subset_pictures: int = SUBSET_PICTURES,
) -> Kid:
    """Estimate KID, whole and over drawn subsets.

    Parameters
    ----------
    features, real : float32 (n, d), (m, d)
        Of at least two pictures each. Of more than `MOST_PICTURES` that many are drawn.
    seed : int
        Of the draws; none depends on the values.
    paired : bool
        Row i of both shows the same thing (a restored picture and its clean one): n = m, and no row is compared
        with its own other half, which would pull the estimate down (the estimate of Gretton et al. 2012, lemma 6);
        equal sets are at exactly 0.
    subsets, subset_pictures : int
        Subsets are drawn without replacement, of at most half of the pictures.

    Raises
    ------
    ValueError
        For fewer than two pictures, other shapes, or values that are not finite.
    """
    _check(features, real, paired)
    rng = np.random.default_rng(seed)
    ours = _draw(rng, len(features), MOST_PICTURES)
    theirs = ours if paired else _draw(rng, len(real), MOST_PICTURES)
    kernels = _Kernels(features[ours], real[theirs], paired)
    size = max(2, min(subset_pictures, len(ours) // 2, len(theirs) // 2))
    picks = _picks(rng, len(ours), size, subsets)
    values = kernels.mmd2(picks, picks if paired else _picks(rng, len(theirs), size, subsets))
    full = kernels.mmd2(np.ones((1, len(ours))), np.ones((1, len(theirs))))
    return Kid(
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)) if subsets > 1 else 0.0,
        full=float(full[0]),
        pictures=len(ours),
        subset_pictures=size,
        subsets=subsets,
    )


class _Kernels:
    """Kernels of all pairs, without the pairs that do not count; sums over subsets are products of matrices."""

    def __init__(self, ours: F32, theirs: F32, paired: bool) -> None:
        self._paired = paired
        a, b = ours.astype(np.float64), theirs.astype(np.float64)
        self._ours, self._theirs, self._both = _kernel(a, a), _kernel(b, b), _kernel(a, b)
        for matrix in (self._ours, self._theirs, *([self._both] if paired else [])):
            np.fill_diagonal(matrix, 0)

    def mmd2(self, ours: F64, theirs: F64) -> F64:
        """Estimate from each subset; rows of ``ours`` and ``theirs`` are 1 for its pictures and 0 for others."""
        n, m = ours.sum(axis=1), theirs.sum(axis=1)
        between = n * (m - 1) if self._paired else n * m
        return np.asarray(
            _sums(ours, self._ours, ours) / (n * (n - 1))
            + _sums(theirs, self._theirs, theirs) / (m * (m - 1))
            - 2 * _sums(ours, self._both, theirs) / between,
            np.float64,
        )


def _kernel(a: F64, b: F64) -> F64:
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3, np.float64)


def _sums(left: F64, matrix: F64, right: F64) -> F64:
    return np.asarray(((left @ matrix) * right).sum(axis=1), np.float64)


def _draw(rng: np.random.Generator, count: int, most: int) -> NDArray[np.int64]:
    return np.arange(count) if count <= most else np.sort(rng.permutation(count)[:most])


def _picks(rng: np.random.Generator, count: int, size: int, subsets: int) -> F64:
    picks = np.zeros((subsets, count))
    for row in picks:
        row[rng.permutation(count)[:size]] = 1
    return picks


def _check(features: F32, real: F32, paired: bool) -> None:
    if features.ndim != 2 or real.ndim != 2 or features.shape[1] != real.shape[1]:
        raise ValueError(f"expected features (n, d) and (m, d), got {features.shape} and {real.shape}")
    if min(len(features), len(real)) < 2 or (paired and len(features) != len(real)):
        raise ValueError(
            f"{len(features)} and {len(real)} pictures: two or more are needed, pairs one by one"
        )
    if not (np.isfinite(features).all() and np.isfinite(real).all()):
        raise ValueError("features that are not finite")
