"""Strips to look at: the input, the map laid on it, the result."""

import numpy as np

from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import shrunk

LONGEST_PX = 1024  # of each of the three pictures
_MASK, _STRAPS = np.array([[230, 30, 30], [20, 70, 240]], np.float32)
_STRENGTH = 0.5


def draw_strip(image_rgb: U8, map_: U8, straps: U8, restored_rgb: U8) -> U8:
    """Return the three side by side, shrunk where they are longer than 1,024 px.

    Parameters
    ----------
    image_rgb, restored_rgb : uint8 (h, w, 3)
    map_, straps : uint8 (h, w)
        0..255; red where the mask is, blue where its straps are.
    """
    scale = LONGEST_PX / max(map_.shape)
    parts = (image_rgb, map_, straps, restored_rgb)
    image, map_, straps, restored = (shrunk(part, scale) for part in parts)
    marked = image.astype(np.float32)
    for cover, tint in ((map_, _MASK), (straps, _STRAPS)):
        share = cover[..., None].astype(np.float32) / 255 * _STRENGTH
        marked = marked * (1 - share) + tint * share
    return np.hstack([image, np.rint(marked).astype(np.uint8), restored])
