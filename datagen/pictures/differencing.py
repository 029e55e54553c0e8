"""Where a mask was put on a picture, found by comparing it with the clean one."""

from dataclasses import dataclass

import cv2
import numpy as np

from .arrays import F32, U8, Bools

# Chosen on every second of the first 500 pictures of CelebA, masked by this toolkit; `benchmarks/differencing.py`
# measures on the others. Levels are of 255, over the three channels together.
_BLUR_PX = 0.7
_LEAST, _LEAST_SURE = (
    10.0,
    24.0,
)  # what differs less is no mask; a part without a pixel that differs so much is none
_SIGMAS, _SIGMAS_SURE = 6.0, 12.0  # the same, where there is noise, in its standard deviations
_SHARE = 0.15  # of the area of the largest part, that others must have
_STRAP = 0.03  # of the shorter side: what is narrower than twice that is a strap
_EDGE = 0.067  # of the shorter side: how far from the outline it is corrected
_NEAR = 0.062  # of the shorter side: the window in which a mask's own difference is taken
_HALF = 0.5  # an outline is where half of the mask's difference is left: shadow and blur are beyond
_MOST_NOISE = 25.0  # levels: with more, the two are not the same photograph
_QUANTILE, _QUANTILE_SIGMAS = 0.25, 1.1  # a quarter of three normal channels' lengths is below 1.1 sigma


@dataclass(frozen=True, eq=False)
class FoundMap:
    """What differs between two pictures.

    Attributes
    ----------
    map : uint8 (h, w)
        255 where the mask is, 0 elsewhere.
    noise : float
        Standard deviation, in levels and after a slight blur, by which the pictures differ without a mask: 0 where
        nothing was compressed.
    """

    map: U8
    noise: float

    @property
    def unlike(self) -> bool:
        """Whether the pictures differ everywhere: moved, recoloured, or not of one photograph."""
        return self.noise > _MOST_NOISE


def find_map(masked_rgb: U8, clean_rgb: U8) -> FoundMap:
    """Find the mask as what differs, more than the noise of both pictures does.

    A constant shift of colour is taken off. Noise is the lower quartile of the difference, which a mask on less
    than three quarters of the picture does not touch. What is above it grows from where it is far above
    (hysteresis: Canny, PAMI 1986). Large parts stay, their holes are filled, straps are opened away. The outline is
    drawn in to where half of the mask's own difference is left: contact shadows and blur are beyond it.

    Parameters
    ----------
    masked_rgb, clean_rgb : uint8 (h, w, 3)
        The same photograph, pixel on pixel.
    """
    difference, noise = _difference(masked_rgb, clean_rgb)
    differs = difference > max(_LEAST, _SIGMAS * noise)
    sure = difference > max(_LEAST_SURE, _SIGMAS_SURE * noise)
    parts = _filled(_large(differs, sure))
    side = min(parts.shape)
    body = _large(_opened(parts, _STRAP * side))
    return FoundMap((_drawn_in(body, difference, side) * 255).astype(np.uint8), noise)


def _difference(masked_rgb: U8, clean_rgb: U8) -> tuple[F32, float]:
    signed = masked_rgb.astype(np.float32) - clean_rgb
    signed -= np.median(signed.reshape(-1, 3), axis=0)
    smooth: F32 = np.asarray(cv2.GaussianBlur(signed, (0, 0), _BLUR_PX), np.float32)
    length = np.sqrt(np.square(smooth).sum(axis=2))
    return length, float(np.quantile(length, _QUANTILE)) / _QUANTILE_SIGMAS


def _large(inside: Bools, sure: Bools | None = None) -> Bools:
    """Keep the connected parts that are not small beside the largest, and have a pixel of those that are sure."""
    count, labels, found, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    area = np.asarray(found)[:, cv2.CC_STAT_AREA].copy()
    area[0] = 0
    if sure is not None:
        area[np.bincount(np.asarray(labels)[sure], minlength=count) == 0] = 0
    kept = (area > 0) & (area >= _SHARE * area.max())
    return np.asarray(kept[labels], np.bool_)


def _filled(inside: Bools) -> Bools:
    """Fill what cannot be reached from outside of the picture."""
    padded = np.pad(inside.astype(np.uint8), 1)
    cv2.floodFill(padded, None, (0, 0), 2)
    return np.asarray(padded[1:-1, 1:-1] != 2, np.bool_)


def _opened(inside: Bools, radius_px: float) -> Bools:
    size = 2 * max(1, round(radius_px)) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    opened = cv2.morphologyEx(
        inside.astype(np.uint8), cv2.MORPH_OPEN, kernel, borderType=cv2.BORDER_REPLICATE
    )
    return np.asarray(opened, np.bool_)


def _drawn_in(body: Bools, difference: F32, side: int) -> Bools:
    """Take from the edge of a mask what differs less than half as much as the mask near it does."""
    window = 2 * max(1, round(_NEAR * side / 2)) + 1
    core = np.asarray(cv2.erode(body.astype(np.uint8), np.ones((3, 3), np.uint8)), np.float32)
    weight = np.asarray(cv2.blur(core, (window, window)), np.float32)
    own = cv2.blur(difference * core, (window, window)) / np.maximum(weight, 1e-6)
    near_edge = cv2.distanceTransform(body.astype(np.uint8), cv2.DIST_L2, 5) <= _EDGE * side
    kept = body & ~(near_edge & (difference < _HALF * own))
    return _opened(_filled(np.asarray(kept, np.bool_)), 1.0)
