"""One map, and the mask of each face in it: whose pixels are whose, and their boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import U8, Bools
from unmask.datagen.pictures.coverage import COVERED

from .rows import WornMask

_MOUTH = slice(48, 68)  # of the 68 points
_OWN_SHARE = 0.9  # of a component that is nearest to one face: all of it is that face's


@dataclass(frozen=True, eq=False)
class Instance:
    """The mask of one face.

    Attributes
    ----------
    worn : WornMask
    coverage : uint8 (h, w)
        The map, 0 where it is another face's.
    """

    worn: WornMask
    coverage: U8

    @property
    def covered(self) -> Bools:
        """Bool (h, w): the binary map."""
        return np.asarray(self.coverage >= COVERED, np.bool_)

    @property
    def share(self) -> float:
        """Share of the picture that the mask covers, [0, 1], as the manifest's ``coverage``."""
        return float(self.coverage.mean()) / 255


def split_instances(map_: U8, masks: Sequence[WornMask]) -> list[Instance]:
    """Divide a map among the faces that wear the masks; a mask of which nothing is seen is no instance.

    A connected part goes to the face whose mouth is nearest, in eye distances of that face; where masks touch, each
    pixel does.

    Parameters
    ----------
    map_ : uint8 (h, w)
        Coverage 0..255 by all masks of the picture.
    masks : sequence of WornMask
        Of `unmask.datagen.exchange.rows.worn_masks`.
    """
    if len(masks) == 1:
        return [Instance(masks[0], map_)] if (map_ >= COVERED).any() else []
    owner = _owners(map_, masks)
    found = [
        Instance(worn, np.where(owner == number, map_, 0).astype(np.uint8))
        for number, worn in enumerate(masks)
    ]
    return [one for one in found if one.covered.any()]


def _owners(map_: U8, masks: Sequence[WornMask]) -> NDArray[np.intp]:
    rows, columns = np.indices(map_.shape)
    away = []
    for worn in masks:
        if worn.landmarks is None:
            raise ValueError("a picture of several faces whose points are unknown")
        x, y = worn.landmarks.points[_MOUTH].mean(axis=0)
        away.append(np.hypot(columns - x, rows - y) / max(worn.landmarks.eye_dist_px, 1.0))
    owner: NDArray[np.intp] = np.argmin(np.stack(away), axis=0)
    count, parts = cv2.connectedComponents((map_ > 0).astype(np.uint8), connectivity=8)
    for part in range(1, count):
        inside = parts == part
        shares = np.bincount(owner[inside], minlength=len(masks))
        if shares.max() >= _OWN_SHARE * shares.sum():
            owner[inside] = shares.argmax()
    return owner


def box_of(covered: Bools) -> tuple[int, int, int, int]:
    """Return left, top, width and height in pixels of a mask that has a pixel."""
    columns, rows = np.flatnonzero(covered.any(axis=0)), np.flatnonzero(covered.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1
