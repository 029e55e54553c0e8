"""A map that somebody drew, taken apart into the masks of faces."""

import cv2
import numpy as np

from unmask.datagen.faces.frame import FRAME_SIZE, frame_above_mask
from unmask.datagen.pictures.arrays import F64, U8

from .face_mask import MASK_PLACE
from .photo_patch import Patch, bounds, work_grid


def given_mask(map_: U8, frame: F64) -> Patch | None:
    """The regions of a given map that lie where the mask of this face would be."""
    grid = work_grid(FRAME_SIZE[0])
    box = bounds(frame, (map_.shape[1], map_.shape[0]))
    if box is None:
        return None
    left, top, right, bottom = box
    binary = (map_[top:bottom, left:right] >= 128).astype(np.uint8)
    _, labels, _, middles = cv2.connectedComponentsWithStats(binary, connectivity=8)
    to_crop = cv2.invertAffineTransform(grid.to_picture(frame))
    there = (middles + np.array([left, top])) @ to_crop[:, :2].T + to_crop[:, 2]
    low, high = np.array(MASK_PLACE[:2]), np.array(MASK_PLACE[2:])
    size = np.array([grid.width, grid.height])
    mine = ((there > low * size) & (there < high * size)).all(1)
    mine[0] = False
    return Patch(left, top, np.where(mine[labels], 255, 0).astype(np.uint8)) if mine.any() else None


def masks_left(map_: U8, taken: U8) -> list[tuple[F64, Patch]]:
    """The regions of a given map that no found face has, each with the upright frame that suits its size and place.

    Parameters
    ----------
    map_, taken : uint8 (h, w)
        The map, at least 128 where masks are, and what of it belongs to faces. A region of more than half the
        picture is no mask.
    """
    binary = (map_ >= 128).astype(np.uint8)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(binary, connectivity=8)
    known = set(np.unique(labels[taken > 0]).tolist())
    found = []
    for number in range(1, count):
        left, top, width, height, area = stats[number].tolist()
        if number not in known and area <= map_.size / 2:
            here = labels[top : top + height, left : left + width] == number
            patch = Patch(left, top, np.where(here, 255, 0).astype(np.uint8))
            x, y = middles[number]
            found.append((frame_above_mask(float(x), float(y), float(area**0.5)), patch))
    return found
