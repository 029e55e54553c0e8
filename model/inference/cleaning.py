"""From the Map Module's probabilities to a map that can be used: training, evaluation and inference share it."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, U8, Bools

_KERNEL = np.ones((3, 3), np.uint8)


def clean_map(probability: F32 | U8) -> U8:
    """Threshold at one half, open, keep the largest component, fill its holes.

    Opening is an erosion and a dilation by a square of 3x3 pixels, beyond the border taken as continued; components
    hang together over corners (8 neighbours), the background, and so a hole, does not (4 neighbours). A hole is
    background that does not reach the border. Of components of equal size the one with the first pixel, row by
    row, stays. `unmask.model.export.onnx_cleaning` is the same as a graph.

    Parameters
    ----------
    probability : float32 (h, w) in [0, 1], or uint8 (h, w) in 0..255
        Soft map; one half is 0.5, or 128.

    Returns
    -------
    uint8 (h, w)
        0 or 255; all 0 where nothing is left after opening.
    """
    half = 128 if probability.dtype == np.uint8 else 0.5
    binary = (probability >= half).astype(np.uint8)
    eroded = cv2.erode(binary, _KERNEL, borderType=cv2.BORDER_REPLICATE)
    opened = cv2.dilate(eroded, _KERNEL, borderType=cv2.BORDER_REPLICATE)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(np.asarray(opened, np.uint8), connectivity=8)
    if count == 1:
        return np.zeros(binary.shape, np.uint8)
    areas = stats[:, cv2.CC_STAT_AREA]
    areas[0] = 0  # the background
    # OpenCV numbers components by blocks of 2x2 pixels, not by their first pixel: equal ones need a look.
    first = np.argmax((areas == areas.max())[labels])
    return _filled(labels == labels.flat[first])


def _filled(region: Bools) -> U8:
    """Fill the holes of a region, as 0 and 255."""
    # What a flood from outside the frame does not reach; scipy's binary_fill_holes takes eight times as long.
    framed = cv2.copyMakeBorder(region.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(framed, None, (0, 0), 2, flags=4)
    return np.where(framed[1:-1, 1:-1] == 2, 0, 255).astype(np.uint8)
