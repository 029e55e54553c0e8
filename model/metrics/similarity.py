"""The windows of structural similarity (Wang et al. 2004): Gaussian, 11 px, sigma 1.5, data range 255."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F64, U8

WINDOW_PX = 11
_SIGMA_PX = 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


class Windowed:
    """A picture with the weighted means and population variances of its windows, computed once for several uses.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
        RGB; h and w at least `WINDOW_PX`, else ValueError. Outside its border it is mirrored.
    """

    def __init__(self, picture: U8) -> None:
        if min(picture.shape[:2]) < WINDOW_PX:
            raise ValueError(f"picture of {picture.shape[:2]} is smaller than the SSIM window of {WINDOW_PX}")
        self.picture = picture
        # In double precision: a variance is a small difference of large numbers.
        self.values = picture.astype(np.float64)
        self.mean = _window_means(self.values)
        self.variance = _window_means(self.values * self.values) - self.mean * self.mean


def similarity_map(a: Windowed, b: Windowed) -> F64:
    """Structural similarity around every pixel, (h, w), at most 1; mean over the channels."""
    product = a.mean * b.mean
    covariance = _window_means(a.values * b.values) - product
    above = (2 * product + _C1) * (2 * covariance + _C2)
    below = (a.mean * a.mean + b.mean * b.mean + _C1) * (a.variance + b.variance + _C2)
    ratio = above / below
    # Three planes added are several times faster than numpy's mean over an axis of three.
    return np.asarray((ratio[..., 0] + ratio[..., 1] + ratio[..., 2]) / 3, np.float64)


def _window_means(values: F64) -> F64:
    size = (WINDOW_PX, WINDOW_PX)
    return np.asarray(cv2.GaussianBlur(values, size, _SIGMA_PX, borderType=cv2.BORDER_REFLECT), np.float64)
