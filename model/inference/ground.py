"""The light ground behind a face: what a mask hid of it is ground again, without a haze of skin."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.pictures.arrays import F32, Bools

from .tone import LUMA

LIGHTER = 40.0  # levels of luma by which the ground is lighter than skin
# In pixels of the frame: from how far away the colours of ground and skin are taken.
_GROUND_REACH, _SKIN_REACH = 6.0, 4.2
# Of what is seen beside the mask, at least this share is ground, fully trusted from so much more.
_LEAST_GROUND, _RAMP = 0.6, 0.2
# Share of ground in a drawn pixel from which it is all ground, and how much steeper the step is: jaws are drawn too
# far out rather than too far in. Chosen on drawn masks (docs/results.md).
_HALF, _STEEPER = 0.35, 2.5


@dataclass(frozen=True, eq=False)
class _Colours:
    """What drawn pixels are mixed of, float32 (h, w, 3), and how sure that is, (h, w) in [0, 1]."""

    skin: F32
    ground: F32
    trust: F32


def clear_ground(drawn: NDArray[np.generic], below: NDArray[np.generic], alpha: F32, scale: float) -> F32:
    """Sharpen the border between a drawn face and a light ground, whose colour is seen beside the mask.

    A network that is not sure where the jaw ends draws a mixture of skin and ground. Each such pixel is taken apart
    into the two, and mixed again with a steeper step.

    Parameters
    ----------
    drawn, below : uint8 (h, w, 3)
        What is pasted, and the photograph under it, with the mask's surroundings.
    alpha : float32 (h, w)
        How much is pasted, in [0, 1]; where it is 0 the photograph is seen.
    scale : float
        Pixels of the photograph for one of the frame.

    Returns
    -------
    float32 (h, w, 3)
        Levels in 0..255; ``drawn`` itself where no light ground is near.
    """
    picture = np.asarray(drawn, np.float32)
    pasted = alpha > 0
    skin = _skin(picture, pasted)
    lighter = ~pasted & (np.asarray(below, np.float32) @ LUMA > skin @ LUMA + LIGHTER)
    if not lighter.any():
        return picture
    colours = _colours(picture, np.asarray(below, np.float32), pasted, lighter, skin, scale)
    step = colours.ground - colours.skin
    share = _share(picture, colours.skin, step)
    steep = np.clip((share - _HALF) * _STEEPER + 0.5, 0, 1)
    steep = steep * steep * (3 - 2 * steep)
    change = (steep - share) * colours.trust * pasted
    return np.asarray(np.clip(picture + change[..., None] * step, 0, 255), np.float32)


def _skin(drawn: F32, pasted: Bools) -> F32:
    """Median colour of the middle of what is drawn."""
    depth = cv2.distanceTransform(pasted.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_3)
    return np.asarray(np.median(drawn[depth >= 0.5 * depth.max()], axis=0), np.float32)


def _colours(drawn: F32, below: F32, pasted: Bools, lighter: Bools, skin: F32, scale: float) -> _Colours:
    """Colours of skin and ground around each pixel, worked out on a copy of the frame's resolution."""
    height, width = pasted.shape
    factor = max(1.0, scale)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))

    def small(values: NDArray[np.generic]) -> F32:
        return np.asarray(cv2.resize(np.asarray(values, np.float32), size, interpolation=cv2.INTER_AREA))

    def full(values: F32) -> F32:
        return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)

    light, seen = small(lighter), small(~pasted)
    reach = _GROUND_REACH * scale / factor
    ground, near_light = _around(small(below * lighter[..., None]), light, reach)
    _, near_seen = _around(small(below), seen, reach)
    faces = small(drawn)
    share = _share(faces, skin, ground - skin)
    weight = (1 - share) ** 3 * (1 - seen) + np.float32(1e-4)
    local, _ = _around(
        faces * weight[..., None], np.asarray(weight, np.float32), _SKIN_REACH * scale / factor
    )
    trust = np.clip((near_light / (near_seen + 1e-6) - _LEAST_GROUND) / _RAMP, 0, 1) * (near_light > 1e-4)
    trust = trust * np.clip(((ground - local) @ LUMA - 0.75 * LIGHTER) / (0.5 * LIGHTER), 0, 1)
    return _Colours(full(local), full(ground), full(np.asarray(trust, np.float32)))


def _around(weighted: F32, weight: F32, reach: float) -> tuple[F32, F32]:
    """Mean of values that come multiplied by their weights, around each pixel, and the weights' own mean."""
    total = np.asarray(cv2.GaussianBlur(weight, (0, 0), reach), np.float32)
    values = np.asarray(cv2.GaussianBlur(weighted, (0, 0), reach), np.float32)
    return np.asarray(values / (total[..., None] + np.float32(1e-6)), np.float32), total


def _share(picture: F32, skin: F32, step: F32) -> F32:
    """How much of each pixel is ground: the nearest point between the two colours, in [0, 1]."""
    along = ((picture - skin) * step).sum(2) / ((step * step).sum(2) + 1)
    return np.asarray(np.clip(along, 0, 1), np.float32)
