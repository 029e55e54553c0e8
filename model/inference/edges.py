"""A map as coarse as the network that made it, carried to the edges of the photograph."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32, U8

# Variance of colour (of a range of 1) that counts as an edge. Chosen on drawn masks, as is what calls it.
_EDGE = 1e-3
_FINEST_PX = 6  # radius at which the filter works: larger ones are worked out on a smaller copy


def follow_edges(probability: F32, image_rgb: U8, radius_px: float) -> F32:
    """Fit a soft map to the photograph: around each pixel it becomes a linear function of colour.

    The guided filter with a guide in colour (He, Sun and Tang, Guided image filtering, 2013); for large radii its
    coefficients come from a smaller copy (He and Sun, Fast guided filter, 2015).

    Parameters
    ----------
    probability : float32 (h, w) in [0, 1]
    image_rgb : uint8 (h, w, 3)
        The photograph there.
    radius_px : float
        Half the side of the squares that are looked at: how far the map may be off. At least 1 is taken.

    Returns
    -------
    float32 (h, w)
        Somewhat beyond [0, 1] in places. Where the photograph is flat, the map smoothed.
    """
    height, width = probability.shape
    factor = max(1.0, radius_px / _FINEST_PX)
    radius = max(1, round(radius_px / factor))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    guide: F32 = np.asarray(image_rgb, np.float32) / np.float32(255)
    small_guide, small = guide, probability
    if factor > 1:
        small_guide, small = (_resized(each, size, cv2.INTER_AREA) for each in (guide, probability))
    slope, offset = _coefficients(small, small_guide, radius)
    if factor > 1:
        slope, offset = (_resized(each, (width, height), cv2.INTER_LINEAR) for each in (slope, offset))
    return np.asarray((slope * guide).sum(2) + offset, np.float32)


def _resized(values: F32, size: tuple[int, int], method: int) -> F32:
    return np.asarray(cv2.resize(values, size, interpolation=method), np.float32)


def _coefficients(map_: F32, guide: F32, radius: int) -> tuple[F32, F32]:
    """Slopes (h, w, 3) and offsets (h, w) of the mean of all squares that a pixel lies in."""

    def mean(values: NDArray[np.float32]) -> F32:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1)), np.float32)

    colour, level = mean(guide), mean(map_)
    with_map = mean(guide * map_[..., None]) - colour * level[..., None]
    # The covariance of colour, symmetric: rr, rg, rb, gg, gb, bb.
    first, second = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    products = [guide[..., i] * guide[..., j] for i, j in zip(first, second, strict=True)]
    spread = np.stack([mean(each) for each in products], -1) - colour[..., first] * colour[..., second]
    slope = _solve(spread + np.array([_EDGE, 0, 0, _EDGE, 0, _EDGE], np.float32), with_map)
    return mean(slope), mean(np.asarray(level - (slope * colour).sum(2), np.float32))


def _solve(spread: F32, right: F32) -> F32:
    """Solve symmetric 3x3 systems (h, w, 6) for right sides (h, w, 3) by cofactors: LAPACK is slow at these."""
    rr, rg, rb, gg, gb, bb = np.moveaxis(spread.astype(np.float64), -1, 0)
    a, b, c = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    d, e, f = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    x, y, z = np.moveaxis(right, -1, 0)
    determinant = rr * a + rg * b + rb * c
    solved = np.stack([a * x + b * y + c * z, b * x + d * y + e * z, c * x + e * y + f * z], -1)
    return np.asarray(solved / determinant[..., None], np.float32)
