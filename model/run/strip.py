"""Strips to look at: the input, the map laid on it, the result."""

import numpy as np

from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import shrunk

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
    scale = LONGEST_PX / max(map_.shape)
    image, map_, restored = (shrunk(part, scale) for part in (image_rgb, map_, restored_rgb))
    cover = map_[..., None].astype(np.float32) / 255 * _STRENGTH
    marked = np.rint(image * (1 - cover) + _TINT * cover).astype(np.uint8)
    return np.hstack([image, marked, restored])
