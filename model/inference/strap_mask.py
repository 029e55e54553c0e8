"""From the Map Module's second output to the straps of a mask that was found."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, U8

# Straps are a pixel wide where the network sees them, and so reach one half in few places. On drawn masks 0.2 finds
# them best (benchmarks/straps.py).
FAINT, SURE = 0.2, 0.35
LEAST_PX = 4  # of a piece: single pixels are teeth, earrings, frames of glasses
REACH = (
    0.16  # of the picture's width from the body or from another piece: what is further away is hair or a cord
)
BROAD = 0.5  # of the usual look: a strap that it is so sure of is too broad for the closer one
_NEIGHBOURS = np.ones((3, 3), np.uint8)


def joined_straps(usual: F32 | None, closer: F32 | None) -> F32 | None:
    """What two looks see of straps: thin ones are seen closer, broad ones as the body is.

    Parameters
    ----------
    usual, closer : float32 (h, w) in [0, 1], or None
        Probabilities; None: there was no such look.
    """
    if usual is None or closer is None:
        return usual
    return np.asarray(np.maximum(closer, np.where(usual >= BROAD, usual, 0)), np.float32)


def clean_straps(probability: F32, body: U8) -> U8:
    """Keep what hangs together with a mask.

    Pieces of at least `FAINT` count where they are somewhere at least `SURE` and near the body, over other pieces
    if need be: hair lies over straps. A piece as large as the body is none: a network that has hardly begun to
    learn straps says so of nearly every pixel, and all of that would be drawn anew.

    Parameters
    ----------
    probability : float32 (h, w) in [0, 1]
        Of a strap, as the networks see the face.
    body : uint8 (h, w)
        The cleaned map, 0 or 255.

    Returns
    -------
    uint8 (h, w)
        0 or 255; 0 on the body.
    """
    found = np.zeros(body.shape, np.uint8)
    binary = ((probability >= FAINT) & (body == 0)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary, connectivity=8)
    if count == 1 or not body.any():
        return found
    surest = np.zeros(count, np.float32)
    np.maximum.at(surest, labels.ravel(), probability.ravel())
    areas, most = stats[:, cv2.CC_STAT_AREA], np.count_nonzero(body)
    left = [n for n in range(1, count) if LEAST_PX <= areas[n] < most and surest[n] >= SURE]
    reach = REACH * body.shape[1]
    mask = body.copy()
    while left:
        distance = cv2.distanceTransform(255 - mask, cv2.DIST_L2, cv2.DIST_MASK_5)
        near = [n for n in left if distance[labels == n].min() <= reach]
        if not near:
            break
        pieces = np.isin(labels, near)
        found[pieces], mask[pieces] = 255, 255
        left = [n for n in left if n not in near]
    return found
