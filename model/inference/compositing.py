"""Pasting a restored face into its photograph: only where the mask was, without a rim and without a seam.

In tensors, for trainings and networks in torch; `.pasting` is the same for one picture as arrays.
"""

import torch
from torch import Tensor
from torch.nn import functional

from .pasting import DILATE_PX, FEATHER_PX


def paste_alpha(map_: Tensor, dilate_px: int = DILATE_PX, feather_px: int = FEATHER_PX) -> Tensor:
    """How much of a restored picture is pasted into the photograph, from a map.

    A pixel counts as masked where the map covers at least half of it. That region grows by ``dilate_px``, as a
    square of side ``2 dilate_px + 1`` does, and takes in every pixel that the map covers at all. There the result
    is 1; it falls linearly to exactly 0 at ``feather_px + 1`` pixels from it.

    Parameters
    ----------
    map_ : Tensor
        (n, 1, h, w) in [0, 1]: true coverage, or a predicted map of 0 and 1.
    dilate_px, feather_px : int
        At least 0.

    Returns
    -------
    Tensor
        float32 (n, 1, h, w) in [0, 1].

    Raises
    ------
    ValueError
        When the map is not a float tensor in [0, 1]; such as one of 0..255.
    """
    if not map_.is_floating_point() or bool(map_.amax() > 1):
        raise ValueError("a map's values are floats in [0, 1]")
    ring = grown(map_ >= 0.5, dilate_px) | (map_ > 0)
    alpha = ring.float()
    for _ in range(feather_px):
        ring = grown(ring, 1)
        alpha = alpha + ring
    return alpha / (feather_px + 1)


def grown(region: Tensor, radius_px: int) -> Tensor:
    """Dilate a region, bool (n, 1, h, w), by a square that reaches ``radius_px`` to each side."""
    # Shifted copies of one byte per pixel: max_pool2d takes a hundred times as long on a CPU.
    for axis, sides in ((2, (0, 0, radius_px, radius_px)), (3, (radius_px, radius_px))):
        length, padded = region.shape[axis], functional.pad(region, sides)
        for shift in range(2 * radius_px + 1):
            if shift != radius_px:
                region = region | padded.narrow(axis, shift, length)
    return region


def composite(output: Tensor, picture: Tensor, paste: Tensor) -> Tensor:
    """Put ``output`` into ``picture`` by ``paste``; where that is 0 the picture stays as it is, bit for bit.

    Parameters
    ----------
    output, picture : Tensor
        (n, 3, h, w) in [-1, 1].
    paste : Tensor
        (n, 1, h, w) in [0, 1]; 1 = output.
    """
    return torch.where(paste > 0, output * paste + picture * (1 - paste), picture)
