"""A picture at halves of its size, so that a crop of any scale costs what the crop costs and does not alias."""

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import F64, U8

_FINEST_STEP = 1.5  # a crop's pixel is at most this many pixels of the level it is cut from
_SMALLEST_PX = 16


@dataclass(frozen=True)
class Grid:
    """The pixels of a crop in coordinates of a frame.

    Attributes
    ----------
    width, height : int
        Of the crop.
    step : float
        Distance of neighbouring pixels in the frame.
    centre : tuple of float
        x, y in the frame of the crop's middle.
    """

    width: int
    height: int
    step: float
    centre: tuple[float, float]

    def to_picture(self, frame: F64) -> F64:
        """Return the (2, 3) matrix from pixels of the crop to the picture that ``frame`` leads to."""
        first = np.array(self.centre) - self.step * np.array([self.width - 1, self.height - 1]) / 2
        return np.column_stack([frame[:, :2] * self.step, frame[:, :2] @ first + frame[:, 2]])


class PicturePyramid:
    """A picture and its halves, made when they are needed.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3) or (h, w)
    """

    def __init__(self, image_rgb: U8) -> None:
        self.levels = [image_rgb]

    def cut(self, matrix: F64, width: int, height: int, *, border: int = cv2.BORDER_REFLECT_101) -> U8:
        """Return a crop, bilinear.

        Parameters
        ----------
        matrix : float64 (2, 3)
            Similarity from the crop's pixels to the picture's.
        width, height : int
            Of the crop.
        border : int
            OpenCV's name of what lies beyond the picture: mirrored, the edge repeated, or black.
        """
        step, number = float(np.hypot(matrix[0, 0], matrix[1, 0])), 0
        while step > _FINEST_STEP and min(self._level(number).shape[:2]) >= 2 * _SMALLEST_PX:
            number, step = number + 1, step / 2
        level = self._level(number)
        # Sizes that are no powers of two: halves are a little more or less than half.
        ratio = np.array(level.shape[1::-1], np.float64) / self.levels[0].shape[1::-1]
        there = matrix * ratio[:, None]
        there[:, 2] += ratio * 0.5 - 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        crop = cv2.warpAffine(level, there, (width, height), flags=flags, borderMode=border)
        return np.asarray(crop, np.uint8)

    def shrunk(self, long_px: int) -> tuple[U8, float]:
        """Return the picture with its longer side ``long_px``, and how many of its pixels are one of that."""
        height, width = self.levels[0].shape[:2]
        factor = max(height, width) / long_px
        size = (max(1, round(width / factor)), max(1, round(height / factor)))
        number = 0
        while factor / 2 ** (number + 1) >= 1 and min(self._level(number).shape[:2]) >= 2 * _SMALLEST_PX:
            number += 1
        method = cv2.INTER_AREA if factor > 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(self._level(number), size, interpolation=method), np.uint8), factor

    def _level(self, number: int) -> U8:
        while len(self.levels) <= number:
            last = self.levels[-1]
            size = (max(1, last.shape[1] // 2), max(1, last.shape[0] // 2))
            self.levels.append(np.asarray(cv2.resize(last, size, interpolation=cv2.INTER_AREA), np.uint8))
        return self.levels[number]
