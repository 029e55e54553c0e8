"""What a training gets of one face."""

from typing import NamedTuple

import numpy as np

from unmask.datagen.pictures.arrays import U8


class TrainingTriplet(NamedTuple):
    """One triplet, and its straps.

    Attributes
    ----------
    masked, clean : uint8 (h, w, 3)
        RGB.
    map : uint8 (h, w)
        Coverage of the mask body, 0..255.
    straps : uint8 (h, w)
        Coverage of what is seen of the straps beside the body, 0..255; 0 where nobody knows.
    """

    masked: U8
    map: U8
    clean: U8
    straps: U8


def seen_straps(layers: U8) -> U8:
    """Coverage of the straps where the body does not hide them.

    Parameters
    ----------
    layers : uint8 (h, w, 3)
        Coverage of body and straps, strength of the shadow.

    Returns
    -------
    uint8 (h, w)
    """
    body, straps = layers[..., 0].astype(np.uint16), layers[..., 1].astype(np.uint16)
    return ((straps * (255 - body) + 127) // 255).astype(np.uint8)
