"""What a fool would get: fills that know nothing of faces, or nothing of this one. Scores stand beside theirs.

All take a masked picture, uint8 (h, w, 3), and a map, uint8 (h, w): they fill every pixel whose map is above 0 and
leave the others as they are. None changes what it is given.
"""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from unmask.datagen.pictures.arrays import U8, Bools

_TELEA_RADIUS_PX = 3


def do_nothing(masked: U8, map_: U8) -> U8:
    """Leave the mask where it is."""
    _check(masked, map_)
    return masked.copy()


def nearest_fill(masked: U8, map_: U8) -> U8:
    """Give every pixel to fill the colour of the nearest one outside; a picture without outside stays as it is."""
    hole = _hole(masked, map_)
    if hole.all():
        return masked.copy()
    rows, columns = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    return np.asarray(masked[rows, columns], np.uint8)


def telea_fill(masked: U8, map_: U8) -> U8:
    """Fill from the edge inwards (Telea 2004, radius 3 px); a picture without outside stays as it is."""
    hole = _hole(masked, map_)
    if hole.all():
        return masked.copy()
    # OpenCV reads some pixels under the map at the picture's border: they must not be the mask's.
    start = nearest_fill(masked, map_)
    filled = cv2.inpaint(start, hole.astype(np.uint8), _TELEA_RADIUS_PX, cv2.INPAINT_TELEA)
    return np.asarray(filled, np.uint8)


class MeanFace:
    """Fills with the mean of clean faces, which are of the size and aligned like those to fill.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The mean face; see `fit`.
    """

    def __init__(self, image_rgb: U8) -> None:
        self.image_rgb = image_rgb

    @classmethod
    def fit(cls, faces: Iterable[U8]) -> "MeanFace":
        """Average clean faces, uint8 (h, w, 3), of the training split; none need be in memory at once.

        Raises
        ------
        ValueError
            When there is no face, or the faces differ in size.
        """
        total: NDArray[np.int64] | None = None
        count = 0
        for face in faces:
            if total is None:
                total = np.zeros(face.shape, np.int64)
            if face.shape != total.shape:
                raise ValueError(f"faces of {total.shape} and {face.shape} have no mean")
            total += face
            count += 1
        if total is None:
            raise ValueError("no face to average")
        return cls(np.rint(total / count).astype(np.uint8))

    def fill(self, masked: U8, map_: U8) -> U8:
        """Put the mean face where the map is above 0; ValueError when it is of another size."""
        if masked.shape != self.image_rgb.shape:
            raise ValueError(f"mean face of {self.image_rgb.shape} does not fit a picture of {masked.shape}")
        return np.where(_hole(masked, map_)[..., None], self.image_rgb, masked)


def _hole(masked: U8, map_: U8) -> Bools:
    _check(masked, map_)
    return np.asarray(map_ > 0, np.bool_)


def _check(masked: U8, map_: U8) -> None:
    if map_.shape != masked.shape[:2]:
        raise ValueError(f"map of {map_.shape} does not fit a picture of {masked.shape}")
