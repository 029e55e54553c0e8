"""Lightness of the skin that a mask leaves bare: CIELAB L* of forehead and cheeks, as the photograph shows it.

It is a measurement of pixels, not a person's skin tone: exposure, light, shade and make-up are all in it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.landmarks import eye_centres, roll_deg
from unmask.datagen.pictures.arrays import F32, F64, U8

# Patches, in the distance from eyes to mouth: from the brows up, and from the lower lids down. Hairlines begin at
# about 0.6 above the brows; masks reach up to about 0.5 below the lids, where the nose ends.
_FOREHEAD = (0.12, 0.38)
_CHEEK = (0.14, 0.40)
_SIDES = ((36, 39, (40, 41)), (42, 45, (46, 47)))  # an eye's two corners and the points of its lower lid
_BROWS = slice(18, 26)  # without the outer ends, where hair hangs

_NOSE, _NOSE_HALF_WIDTH = (28, 30), 0.07  # the ridge below the eyes: bare under hair and glasses alike

# How far a pixel may be from the middle of the skin's colours. Skin of one face spreads over 3 to 6 units in a*b*;
# hair, rims of glasses and background are usually 10 and more away.
_CHROMA_REACH = 9.0
_LIGHTNESS_REACH = 25.0  # a highlight or deep shade is further away
_NOSE_CHROMA_REACH = 16.0  # of a whole patch from the nose, which is redder or shines
_NOSE_LIGHTNESS_SHARE = 0.66  # a patch darker than this part of the nose is a lens, hair or in shade
_LEAST_PIXELS = 16
_LEAST_SHARE = 0.2  # of the patches' nominal area: half of the forehead, or one cheek


def skin_lightness(clean_rgb: U8, points: NDArray[np.floating]) -> float | None:
    """Measure the lightness of bare skin on forehead and cheeks.

    Two cheek patches, beside the nose and under the eyes, and one above the brows. A patch that has not about the
    colour of the nose lies on a lens, a fringe or a hat: it says nothing about where skin is. Of all patches those
    pixels count that are near the middle of the rest.

    Parameters
    ----------
    clean_rgb : uint8 (h, w, 3)
        sRGB, without mask.
    points : (68, 2)
        Landmarks in pixels of this picture, x and y.

    Returns
    -------
    float or None
        Median L* (D65), 0..100; None where too little of the patches is inside the picture or looks like skin.
    """
    patches = skin_patches(points)
    nominal = sum(_area(patch) for patch in patches)
    if not nominal >= _LEAST_PIXELS:  # NaN neither
        return None
    kept = _near_skin([_colours(clean_rgb, patch) for patch in patches], _colours(clean_rgb, _nose(points)))
    if len(kept) < max(_LEAST_PIXELS, _LEAST_SHARE * nominal):
        return None
    return float(np.median(kept[:, 0]))


def skin_patches(points: NDArray[np.floating]) -> list[F64]:
    """Return the outlines, (n, 2) in pixels, of the forehead patch and of the two cheek patches.

    A cheek that the head turns away gets narrow with its eye, and never reaches beyond the outline of the face.
    """
    exact = np.asarray(points, np.float64)
    down = _down(exact)
    brows = exact[_BROWS]
    forehead = np.vstack([brows - _FOREHEAD[0] * down, brows[::-1] - _FOREHEAD[1] * down])
    return [forehead, *(_cheek(exact, side, down) for side in _SIDES)]


def _nose(points: NDArray[np.floating]) -> F64:
    exact = np.asarray(points, np.float64)
    top, tip = exact[list(_NOSE)]
    down = _down(exact)
    side = _NOSE_HALF_WIDTH * np.array([down[1], -down[0]])
    return np.array([top - side, top + side, tip + side, tip - side])


def _down(points: F64) -> F64:
    """Vector down the face from eyes to mouth: a turn of the head does not shorten it."""
    angle = np.radians(roll_deg(points.astype(np.float32)))
    left, right = eye_centres(points.astype(np.float32))
    length = np.hypot(*(points[48:68].mean(axis=0) - (left + right) / 2))
    return np.asarray(length * np.array([-np.sin(angle), np.cos(angle)]), np.float64)


def _cheek(points: F64, side: tuple[int, int, tuple[int, int]], down: F64) -> F64:
    """Return what the strip under one eye has in common with the face's outline."""
    first, last, lids = side
    along = points[last] - points[first]
    lid = points[list(lids)].mean(axis=0)
    # The strip hangs under the middle of the lower lid, as wide as the eye.
    left, right = lid - along / 2, lid + along / 2
    low, high = _CHEEK
    strip = np.array([left + low * down, right + low * down, right + high * down, left + high * down])
    face = cv2.convexHull(points.astype(np.float32))[:, 0]
    _, shared = cv2.intersectConvexConvex(strip.astype(np.float32), face)
    return np.zeros((0, 2)) if shared is None else np.asarray(shared, np.float64).reshape(-1, 2)


def _area(outline: F64) -> float:
    return float(cv2.contourArea(outline.astype(np.float32))) if len(outline) > 2 else 0.0


def _colours(image: U8, outline: F64) -> F32:
    """CIELAB, (n, 3), of the pixels inside an outline."""
    height, width = image.shape[:2]
    if len(outline) < 3:
        return np.zeros((0, 3), np.float32)
    low = np.clip(np.floor(outline.min(axis=0)), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(outline.max(axis=0)) + 1, 0, [width, height]).astype(int)
    if (high <= low).any():
        return np.zeros((0, 3), np.float32)
    part = image[low[1] : high[1], low[0] : high[0]]
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint(outline - low).astype(np.int32)], 1)
    lab = cv2.cvtColor(part.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(lab, np.float32)[inside > 0]


def _near_skin(patches: list[F32], nose: F32) -> F32:
    """Return the pixels of all patches that have about the colour of those patches that look like the nose."""
    bare = [patch for patch in patches if len(patch) and len(nose) and _like_nose(patch, nose)]
    if not bare:
        return np.zeros((0, 3), np.float32)
    middle = np.median(np.concatenate(bare), axis=0)
    pixels = np.concatenate(patches)
    away = np.hypot(*(pixels[:, 1:] - middle[1:]).T)
    near = (away < _CHROMA_REACH) & (np.abs(pixels[:, 0] - middle[0]) < _LIGHTNESS_REACH)
    kept: F32 = pixels[near]
    return kept


def _like_nose(patch: F32, nose: F32) -> bool:
    middle, control = np.median(patch, axis=0), np.median(nose, axis=0)
    near = float(np.hypot(*(middle[1:] - control[1:]))) < _NOSE_CHROMA_REACH
    return near and float(middle[0]) > _NOSE_LIGHTNESS_SHARE * float(control[0])
