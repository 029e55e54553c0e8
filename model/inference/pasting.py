"""Pasting a restored face into its picture, in arrays; `.compositing` is the same in tensors, for trainings."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, U8

DILATE_PX, FEATHER_PX = 1, 2
_SQUARE = np.ones((3, 3), np.uint8)
_NOTHING = {"borderType": cv2.BORDER_CONSTANT, "borderValue": 0}


def paste_alpha(map_: U8) -> F32:
    """How much of a restored picture is pasted where a map is: `unmask.model.inference.compositing.paste_alpha`.

    Parameters
    ----------
    map_ : uint8 (h, w)
        0..255: true coverage, or a predicted map.

    Returns
    -------
    float32 (h, w) in [0, 1]
    """
    rings = _rings(map_)
    return (rings / np.float32(FEATHER_PX + 1)).astype(np.float32)


def paste(raw: U8, picture: U8, map_: U8) -> U8:
    """Paste a picture, uint8 (h, w, 3), into another one of its size where the map is; the rest stays as it is."""
    rings, whole = _rings(map_).astype(np.int32), FEATHER_PX + 1  # an odd number: no half has to be rounded
    pasted = rings > 0
    share = rings[pasted][:, None]
    done = picture.copy()
    mixed = raw[pasted] * share + picture[pasted] * (whole - share)
    done[pasted] = (mixed + whole // 2) // whole
    return done


def _rings(map_: U8) -> U8:
    """Of each pixel: in how many of the regions it is, from the map grown to that faded out."""
    sure = cv2.dilate((map_ >= 128).astype(np.uint8), _SQUARE, iterations=DILATE_PX, **_NOTHING)
    ring = np.asarray(sure | (map_ > 0), np.uint8)
    rings = ring.copy()
    for _ in range(FEATHER_PX):
        ring = np.asarray(cv2.dilate(ring, _SQUARE, **_NOTHING), np.uint8)
        rings += ring
    return rings
