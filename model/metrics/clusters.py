"""Sums over clusters: pictures that are no news to each other, as variants of one face or pictures of one person.

Sums, squares and sizes of clusters are all that means, errors, bootstraps and permutations need. The standard
error of a mean over pictures is that of a ratio of two sums over clusters (Cochran 1977, section 9A.1), which is
the usual one where every picture is a cluster of its own.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F64

Codes = NDArray[np.intp]


def cluster_codes(clusters: Sequence[Hashable] | NDArray[np.generic] | None, count: int) -> Codes:
    """Number the clusters of pictures.

    Parameters
    ----------
    clusters : sequence (count,) or None
        Names or numbers, equal where pictures belong together; None: each picture by itself.
    count : int
        Pictures.

    Returns
    -------
    intp (count,)
        0 to the number of clusters less one.

    Raises
    ------
    ValueError
        When there are more or fewer names than pictures.
    """
    if clusters is None:
        return np.arange(count)
    if len(clusters) != count:
        raise ValueError(f"{len(clusters)} clusters for {count} pictures")
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in clusters], np.intp)


def sums_by_cluster(values: F64, codes: Codes, clusters: int) -> F64:
    """Sums of columns (n, k) over each cluster: float64 (clusters, k)."""
    sums = np.zeros((clusters, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def cluster_moments(values: F64, codes: Codes) -> F64:
    """What `ratios_and_errors` needs of each cluster; it may be summed over clusters.

    Parameters
    ----------
    values : float64 (n, k)
        Scores, without NaN.
    codes : intp (n,)
        From `cluster_codes`; every number up to the largest occurs.

    Returns
    -------
    float64 (clusters, 3 k + 2)
        Sums, their squares, their products with the size; size and its square.
    """
    clusters = int(codes.max(initial=-1)) + 1
    sums = sums_by_cluster(values, codes, clusters)
    sizes = np.bincount(codes, minlength=clusters).astype(np.float64)[:, None]
    return np.concatenate([sums, sums**2, sums * sizes, sizes, sizes**2], axis=1)


def ratios_and_spreads(moments: F64) -> tuple[F64, F64]:
    """Mean over pictures, and the mean square of what clusters add up to beyond it, both (..., k).

    Parameters
    ----------
    moments : float64 (..., 3 k + 2)
        Sums of `cluster_moments` over some clusters.

    Returns
    -------
    tuple of float64 (..., k)
        The second one divided by the number of pictures, and times g / (g - 1) for g clusters, is the square of the
        standard error.
    """
    k = (moments.shape[-1] - 2) // 3
    size, square = moments[..., 3 * k, None], moments[..., 3 * k + 1, None]
    means = moments[..., :k] / size
    residual = moments[..., k : 2 * k] - 2 * means * moments[..., 2 * k : 3 * k] + means**2 * square
    return means, residual / size
