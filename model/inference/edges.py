"""A map as coarse as the network that made it, carried to the edges of the photograph.

The guided filter with a guide in colour (He, Sun and Tang, Guided image filtering, 2013): around each pixel a map
becomes a linear function of colour. Its coefficients are found at the size at which the network sees the picture
and enlarged, instead of the map itself (He and Sun, Fast guided filter, 2015), so that any picture, and the graph
of `unmask.model.export.onnx_edges`, does the same.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32, U8

# Chosen on drawn masks, and far from decisive: pixels of the network that a map may be off (half the side of the
# squares that are looked at), and the variance of colour, of a range of 1, that counts as an edge.
REACH_PX, EDGE = 4, 1e-3
_ROWS = 32  # at once: the planes of more than some 100 KB are mapped anew by the system each time


def edge_coefficients(probability: F32, seen_rgb: U8) -> F32:
    """Fit a soft map to the picture that the network saw, pixel for pixel.

    Parameters
    ----------
    probability : float32 (h, w) in [0, 1]
    seen_rgb : uint8 (h, w, 3)

    Returns
    -------
    float32 (h, w, 4)
        Slopes for red, green and blue of a range of 1, and an offset, for `at_edges`.
    """
    guide = np.asarray(seen_rgb, np.float32) / np.float32(255)
    colour, level = _mean(guide), _mean(probability)
    with_map = _mean(guide * probability[..., None]) - colour * level[..., None]
    # The covariance of colour, symmetric: rr, rg, rb, gg, gb, bb.
    first, second = [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]
    spread = _mean(guide[..., first] * guide[..., second]) - colour[..., first] * colour[..., second]
    slope = _solve(spread + np.array([EDGE, 0, 0, EDGE, 0, EDGE], np.float32), with_map)
    offset = level - _dot(slope, colour)
    return _mean(np.dstack([slope, offset]))


def at_edges(coefficients: F32, image_rgb: U8) -> F32:
    """Return the map that coefficients, brought to the size of a photograph, make of its colours.

    Parameters
    ----------
    coefficients : float32 (h, w, 4)
    image_rgb : uint8 (h, w, 3)

    Returns
    -------
    float32 (h, w)
        Somewhat beyond [0, 1] in places. Where the photograph is flat, the map smoothed.
    """
    guide = np.asarray(image_rgb, np.float32) / np.float32(255)
    return np.asarray(_dot(coefficients, guide) + coefficients[..., 3], np.float32)


def _dot(one: F32, other: F32) -> F32:
    """Sum of products over red, green and blue: numpy's own sum over three planes takes several times as long."""
    red, green, blue = (one[..., plane] * other[..., plane] for plane in range(3))
    return np.asarray(red + green + blue, np.float32)


def _mean(values: F32) -> F32:
    """Mean over the square around each pixel, of as many planes (h, w[, c]) as there are."""
    side = (2 * REACH_PX + 1,) * 2
    return np.asarray(cv2.blur(values, side, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _solve(spread: F32, right: F32) -> F32:
    """Solve symmetric 3x3 systems (h, w, 6) for right sides (h, w, 3) by cofactors: LAPACK is slow at these."""
    solved = np.empty(right.shape, np.float32)
    for first in range(0, len(right), _ROWS):
        rows = slice(first, first + _ROWS)
        rr, rg, rb, gg, gb, bb = _planes(spread[rows])
        a, b, c = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        d, e, f = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        x, y, z = _planes(right[rows])
        determinant = rr * a + rg * b + rb * c
        solved[rows, :, 0] = (a * x + b * y + c * z) / determinant
        solved[rows, :, 1] = (b * x + d * y + e * z) / determinant
        solved[rows, :, 2] = (c * x + e * y + f * z) / determinant
    return solved


def _planes(values: F32) -> NDArray[np.float64]:
    """(h, w, c) to (c, h, w), one after the other in memory."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0), np.float64)
