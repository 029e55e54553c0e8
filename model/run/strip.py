"""Strips to look at: the input, the map laid on it, the result."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import U8

LONGEST_PX = 1024  # of each of the three pictures
_TINT = np.array([230, 30, 30], np.float32)
_STRENGTH = 0.5


def draw_strip(image_rgb: U8, map_: U8, restored_rgb: U8) -> U8:
    """Return the three side by side, shrunk where they are longer than 1,024 px.

    Parameters
    ----------
    image_rgb, restored_rgb : uint8 (h, w, 3)
    map_ : uint8 (h, w)
        0..255; red where it is.
    """
    image, map_, restored = (_shrunk(part) for part in (image_rgb, map_, restored_rgb))
    cover = map_[..., None].astype(np.float32) / 255 * _STRENGTH
    marked = np.rint(image * (1 - cover) + _TINT * cover).astype(np.uint8)
    return np.hstack([image, marked, restored])


def _shrunk(image: U8) -> U8:
    factor = max(image.shape[:2]) / LONGEST_PX
    if factor <= 1:
        return image
    size = (max(1, round(image.shape[1] / factor)), max(1, round(image.shape[0] / factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
