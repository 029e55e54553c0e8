"""Where a mask ends: at a lower probability on photographs than on the drawn masks of training."""

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, U8

# Where a mask is seen for sure, pixels are of it from this probability on. At one half the maps of 40 photographs
# end within the hand-drawn ones (precision 0.985, recall 0.933). On aligned bare faces a mask is seen as often as
# without (docs/results.md).
MASK_FROM, SURE = 0.35, 0.8
_ODDS = np.float32((1 - MASK_FROM) / MASK_FROM)
_SQUARE = np.ones((3, 3), np.uint8)


def calibrated(probability: F32) -> F32:
    """Shift the logits so that one half is where the mask ends.

    Only where a mask is seen: a picture in which no square of 3x3 pixels has `SURE` or more stays as it is, so
    that bare faces get no mask by it. `unmask.model.export.onnx_calibration` is the same as a graph.

    Parameters
    ----------
    probability : float32 (h, w) in [0, 1]
        As the network says it, at its own size.
    """
    surest = cv2.erode(probability, _SQUARE, borderType=cv2.BORDER_REPLICATE).max()
    return shifted(probability) if surest >= SURE else probability


def shifted(probability: F32) -> F32:
    """Shift the logits whatever is seen: `MASK_FROM` becomes one half."""
    return np.asarray(probability * _ODDS / (1 + probability * (_ODDS - 1)), np.float32)


def grown_region(probability: F32, mask: U8) -> U8:
    """Let a mask take in what hangs together with it at one half or more: uint8 (h, w), 0 or 255.

    Parameters
    ----------
    probability : float32 (h, w)
        Calibrated.
    mask : uint8 (h, w)
        0 or 255.
    """
    wide = cv2.morphologyEx((probability >= 0.5).astype(np.uint8), cv2.MORPH_OPEN, _SQUARE)
    _, labels = cv2.connectedComponents(wide | (mask > 0).astype(np.uint8), connectivity=4)
    met = np.unique(labels[mask > 0])
    return np.where(np.isin(labels, met), 255, 0).astype(np.uint8)
