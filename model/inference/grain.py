"""Grain: what is drawn under a mask is as noisy as the photograph around it, else it looks like wax."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32
from unmask.datagen.render.sensor import grain_window

_LEAST_LEVELS, _MOST_LEVELS = 0.4, 8.0  # less is rounding, more is texture
_LEAST_PIXELS = 64
_MEAN_OF_UNIT = 0.7979  # mean of |x| of a normal distribution of unit variance
# Noise is what the smoothest twentieth of a picture has: elsewhere hair, cloth and blocks respond as it does. The
# means of squares of white noise have 0.63 of their mean there.
_SQUARE_PX, _SMOOTHEST_PERCENT, _OF_MEAN = 5, 5, 0.63
# Pixels of the photograph for one of the frame: below the first nothing is grain, from the second all is. On a
# small face eyelids and the blocks of JPEG are as fine as noise, and look like a rash on cheeks.
_SMALL = (0.5, 1.0)
_ALIKE = 40.0  # levels of luma: skin is measured, not a white ground or black hair
_LAPLACIANS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
_RESPONSE = 6.0  # its standard deviation where the noise's is 1


def noise_levels(image_rgb: NDArray[np.generic], seen: NDArray[np.bool_]) -> float:
    """Standard deviation of the noise of luminance in a part of a picture, sRGB levels.

    The response of the difference of two Laplacians, which edges hardly reach (Immerkaer, Fast noise variance
    estimation, 1996), where the picture is smoothest.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    seen : bool (h, w)
        The part. 0 is returned where it has next to no pixels with all their neighbours.
    """
    inside = cv2.erode(np.asarray(seen, np.uint8), np.ones((3, 3), np.uint8), borderValue=0) > 0
    if np.count_nonzero(inside) < _LEAST_PIXELS:
        return 0.0
    response = np.abs(cv2.filter2D(_luma(image_rgb), -1, _LAPLACIANS))
    weight, total = (
        cv2.blur(each, (_SQUARE_PX, _SQUARE_PX))
        for each in (inside.astype(np.float32), np.where(inside, response, 0))
    )
    square = inside & (weight > 0.5)
    there = square if np.count_nonzero(square) >= _LEAST_PIXELS else inside
    smoothest = float(np.percentile(total[there] / weight[there], _SMOOTHEST_PERCENT))
    return smoothest / _OF_MEAN / _MEAN_OF_UNIT / _RESPONSE


def _luma(image_rgb: NDArray[np.generic]) -> F32:
    return np.asarray(cv2.cvtColor(np.asarray(image_rgb, np.float32), cv2.COLOR_RGB2GRAY), np.float32)


def _beside(drawn: NDArray[np.generic], below: NDArray[np.generic], alpha: F32) -> NDArray[np.bool_]:
    """What is seen of the photograph and as light as what is drawn; all that is seen where that is too little."""
    seen, middle = alpha <= 0, alpha >= 1
    if not middle.any():
        return seen
    around = cv2.blur(_luma(below), (_SQUARE_PX, _SQUARE_PX))  # noise does not choose its pixels
    alike = seen & (np.abs(around - np.median(_luma(drawn)[middle])) < _ALIKE)
    return alike if np.count_nonzero(alike) >= 4 * _LEAST_PIXELS else seen


def add_grain(
    drawn: NDArray[np.generic], below: NDArray[np.generic], alpha: F32, seed: int, scale: float = 1.0
) -> F32:
    """Give a drawn part the noise that the photograph has beside it.

    Parameters
    ----------
    drawn, below : uint8 (h, w, 3)
        What is pasted, and the photograph under it.
    alpha : float32 (h, w)
        How much is pasted, in [0, 1]; where it is 0 the photograph is seen, and measured.
    seed : int
        Which grain.
    scale : float
        Pixels of the photograph for one of aligned CelebA's frame.

    Returns
    -------
    float32 (h, w, 3)
        Levels, not clipped. The same grain in all channels: a grey photograph stays grey.
    """
    wanted, there = noise_levels(below, _beside(drawn, below, alpha)), noise_levels(drawn, alpha >= 1)
    levels = min(np.sqrt(max(wanted**2 - there**2, 0.0)), _MOST_LEVELS) * np.interp(scale, _SMALL, (0, 1))
    grained = np.asarray(drawn, np.float32)
    if levels < _LEAST_LEVELS:
        return grained
    grain = grain_window(alpha.shape[0], alpha.shape[1], seed) * np.float32(levels * _unit())
    return grained + grain[..., None]


@lru_cache(maxsize=1)
def _unit() -> float:
    """What makes a window of grain respond as white noise of one level does: it is a little soft."""
    window = np.repeat(grain_window(256, 256, 0)[..., None], 3, axis=2) * 8
    return 8 / noise_levels(window, np.ones(window.shape[:2], np.bool_))
