"""Rectangles of a photograph, and what the networks see of a face in it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.frame import FRAME_SIZE
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.pictures.pyramid import Grid

Box = tuple[int, int, int, int]  # left, top, right, bottom

# Maps reach below the frame of CelebA, where chins are: the networks see this many times its width, half of what is
# more above, since the Editing Module takes the crop's middle for the frame's.
HEIGHT_OF_WIDTH = 1.5
MIDDLE = ((FRAME_SIZE[0] - 1) / 2, (FRAME_SIZE[1] - 1) / 2)


@dataclass(frozen=True, eq=False)
class Patch:
    """A rectangle of the photograph: its first column and row, and an array of its size."""

    left: int
    top: int
    pixels: NDArray[Any]

    @property
    def place(self) -> tuple[slice, slice]:
        """What indexes the photograph."""
        height, width = self.pixels.shape[:2]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def box(self) -> Box:
        """Left, top, right, bottom."""
        height, width = self.pixels.shape[:2]
        return self.left, self.top, self.left + width, self.top + height


def work_grid(side: int) -> Grid:
    """Return what a network that works ``side`` pixels wide sees of a face."""
    return Grid(side, round(HEIGHT_OF_WIDTH * side), FRAME_SIZE[0] / side, MIDDLE)


def bounds(frame: F64, size: tuple[int, int]) -> Box | None:
    """Left, top, right, bottom of what the networks see of a face, in a photograph of ``size`` (width, height)."""
    grid = work_grid(FRAME_SIZE[0])
    right, bottom = grid.width - 0.5, grid.height - 0.5
    corners = np.array([(-0.5, -0.5, 1), (right, -0.5, 1), (right, bottom, 1), (-0.5, bottom, 1)])
    there = corners @ grid.to_picture(frame).T
    low = np.maximum(np.floor(there.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(there.max(0)).astype(int) + 1, size)
    return None if (low >= high).any() else (int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def to_photo(
    crop: NDArray[np.generic], grid: Grid, frame: F64, box: Box, *, border: int = cv2.BORDER_CONSTANT
) -> Patch:
    """Carry a crop back to a rectangle of the photograph, cubic.

    Parameters
    ----------
    crop : (h, w) or (h, w, c)
        On ``grid``.
    frame : float64 (2, 3)
        Of the face.
    box : tuple of int
        Left, top, right, bottom in the photograph.
    border : int
        OpenCV's name of what is beyond the crop: 0 unless said.
    """
    left, top, right, bottom = box
    matrix = grid.to_picture(frame)
    matrix[:, 2] -= (left, top)
    patch = cv2.warpAffine(
        crop, matrix, (right - left, bottom - top), flags=cv2.INTER_CUBIC, borderMode=border
    )
    return Patch(left, top, patch)
