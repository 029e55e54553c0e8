"""What stays in front of the mask: hair over the cheeks, glasses on the nose, whatever a parsing map names.

Colours decide, conservatively: something is in front only when it is unlike the face's skin, is like the hair or
much darker than the skin, and reaches into the lower face from outside it or from the eyes. Bearded chins,
lips, nostrils and shadows do not, and are covered.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ._front import count_parts, front_flags
from .face_model import skin_point
from .light import FaceLight, median
from .pose import PosedFace

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Axes = tuple[float, float, float, float, float]

# CelebAMask-HQ labels (merged numbering of its authors): glasses, hair, hat.
FRONT_LABELS = (3, 13, 14)

# Where hair is to be expected, azimuth and elevation in degrees: temples and beside the cheeks. (The model has no
# crown: what lies above its brows is forehead.)
_HAIR_AT = np.array(
    [
        (side * azimuth, elevation)
        for side in (-1, 1)
        for azimuth, elevation in ((70, 62), (85, 50), (100, 40), (104, 24), (104, 8), (104, -8))
    ],
    np.float64,
)
_HAIR_POINTS = skin_point(_HAIR_AT[:, 0], _HAIR_AT[:, 1], 0.06)
_LOWEST_IOD = -1.2  # nothing is kept in front lower than the lips: beards and shadows are there
_BEARDED_IOD = -0.55  # with a beard, nothing lower than the nose
_HIGHEST_IOD = 0.12
_EYE_LINE_IOD = -0.22  # what reaches down from above this line may be glasses or a fringe
_GLASSES_IOD = -0.62  # frames and lenses do not hang lower
_GLASSES_WIDTH_IOD = 0.9
_NOSE_HALF_IOD = 0.3  # below the bridge (the sockets' height) no frame crosses the nose
_LIPS_IOD = (-1.4, -0.6, 0.5)  # nostrils, moustache and lips: heights, and half the width
_CHIN_IOD = (-1.75, -1.38, 0.35)
_SOCKETS_IOD = -0.35
_LIMITS = np.array(
    [
        *(_LOWEST_IOD, _BEARDED_IOD, _HIGHEST_IOD, _GLASSES_IOD, _SOCKETS_IOD, _NOSE_HALF_IOD),
        *_LIPS_IOD,
        *_CHIN_IOD,
    ],
    np.float32,
)
_MIN_IOD2 = 0.008  # smaller components are moles, lashes and noise
_MIN_REACH_IOD = 0.10
_SIDE_LIGHT = 0.4  # with the light this far from one side, dark skin cannot be told from hair


def front_matte(
    image_rgb: U8, origin: tuple[int, int], face: PosedFace, light: FaceLight, hair_rgb: F64 | None
) -> F32 | None:
    """Coverage 0..1 of what is in front of the mask in a window of the picture, float32 (h, w); None for nothing.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
        The window of the clean picture.
    origin : (x, y)
        Its top left corner in the picture.
    hair_rgb : float64 (3,) or None
        From `hair_colour`.
    """
    if abs(float(light.direction[0])) > _SIDE_LIGHT:
        return None
    height, width = image_rgb.shape[:2]
    band = _band(face, origin, height, width)
    if band is None:
        return None
    axes = _face_axes(face, (origin[0], origin[1] + band.start))
    part = np.ascontiguousarray(image_rgb[band])
    flags = _candidates(part, light, hair_rgb, axes, face.pose.scale_px)
    inside = _face_mask(face, (origin[0], origin[1] + band.start), flags.shape)
    kept = _components(flags, inside, axes, face.pose.scale_px)
    if kept is None:
        return None
    matte = np.zeros((height, width), np.float32)
    matte[band] = kept
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), max(0.6, 0.012 * face.pose.scale_px)), np.float32)


def _band(face: PosedFace, origin: tuple[int, int], height: int, width: int) -> slice | None:
    """Rows of a window in which something can be in front; None where there is none."""
    x, y, up_x, up_y, scale = _face_axes(face, origin)
    rows = (y + np.arange(height, dtype=np.float32)) * np.float32(up_y * scale)
    ends = np.float32(x * up_x * scale), np.float32((x + width - 1) * up_x * scale)
    there = np.flatnonzero((rows + max(ends) > _LOWEST_IOD) & (rows + min(ends) < _HIGHEST_IOD))
    return slice(int(there[0]), int(there[-1]) + 1) if len(there) else None


def _components(flags: U8, inside: U8, axes: Axes, scale_px: float) -> Flags | None:
    """Pixels of the connected parts that are in front: rooted outside the face or at the eyes, and reaching in."""
    least = _MIN_IOD2 * scale_px * scale_px
    if np.count_nonzero(flags * inside) < least:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(flags, connectivity=8)
    parts = np.empty((3, count), np.int32)
    height, width = flags.shape
    count_parts(labels, flags, inside, parts, height, width, count, axes, _EYE_LINE_IOD)
    rooted, within, hairy = parts
    kept = (rooted >= 0.5 * least) & (within >= max(least, (_MIN_REACH_IOD * scale_px) ** 2 * 0.5))
    # Glasses span both eyes; what is dark, not hair and narrower is an eye socket.
    wide = stats[:, cv2.CC_STAT_WIDTH] > _GLASSES_WIDTH_IOD * scale_px
    kept &= (hairy > 0.5 * stats[:, cv2.CC_STAT_AREA]) | wide
    kept[0] = False
    return kept[labels] if kept.any() else None


def labelled_matte(labels: U8, scale_px: float) -> F32:
    """Coverage 0..1 of the labels that lie in front of a mask, from a window of a parsing map."""
    matte = np.isin(labels, FRONT_LABELS).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), max(0.5, 0.01 * scale_px)), np.float32)


def _candidates(image_rgb: U8, light: FaceLight, hair_rgb: F64 | None, axes: Axes, scale_px: float) -> U8:
    """Pixels that may belong to hair (1) and to glasses (2), by colour and place, uint8 (h, w)."""
    level = cv2.transform(image_rgb.astype(np.float32), np.full((1, 3), 1 / 3, np.float32))
    dark = _thin_dark(level, scale_px)
    hair = np.empty(0, np.float32) if hair_rgb is None else hair_rgb.astype(np.float32)
    height, width = level.shape
    flags = np.empty((height, width), np.uint8)
    skin = light.skin_rgb.astype(np.float32)
    front_flags(image_rgb, level, dark, skin, hair, _LIMITS, flags, height, width, axes)
    return flags


def _thin_dark(level: F32, scale_px: float) -> F32:
    """How much darker a pixel is than what surrounds a thin structure: the black-hat transform."""
    side = max(3, round(0.2 * scale_px)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(level, cv2.MORPH_BLACKHAT, kernel), np.float32)


def _face_mask(face: PosedFace, origin: tuple[int, int], shape: tuple[int, int]) -> U8:
    area = np.zeros(shape, np.uint8)
    cv2.fillPoly(area, [np.rint(face.outline_px - origin).astype(np.int32)], 1)
    return area


def _face_axes(face: PosedFace, origin: tuple[int, int]) -> Axes:
    """The head's own axes on the picture: a window's corner from the root of the nose, px; up; and IOD per px."""
    pose = face.pose
    up_x, up_y = pose.up.tolist()
    left, top = (np.array(origin) - pose.translation_px).tolist()
    return left, top, up_x, up_y, 1 / pose.scale_px


def hair_colour(image_rgb: U8, face: PosedFace, skin_rgb: F64) -> F64 | None:
    """Median colour, sRGB levels, of what surrounds the face where hair is; None when that is no one colour."""
    return _hair_at(image_rgb, face.project(_HAIR_POINTS), skin_rgb, 6)


def temple_colour(image_rgb: U8, face: PosedFace, skin_rgb: F64, *, left: bool) -> F64 | None:
    """Colour of the hair at one temple, picture left or right: a strand needs to fit there alone."""
    half = len(_HAIR_POINTS) // 2
    side = _HAIR_POINTS[:half] if left else _HAIR_POINTS[half:]
    return _hair_at(image_rgb, face.project(side[:4]), skin_rgb, 3)


def _hair_at(image_rgb: U8, places: F64, skin_rgb: F64, least: int) -> F64 | None:
    at = np.rint(places).astype(np.intp)
    height, width = image_rgb.shape[:2]
    seen = (at[:, 0] >= 0) & (at[:, 0] < width) & (at[:, 1] >= 0) & (at[:, 1] < height)
    colours = image_rgb[at[seen, 1], at[seen, 0]].astype(np.float64)
    unlike = np.linalg.norm(colours - skin_rgb, axis=1) > 50
    colours = colours[unlike]
    if len(colours) < least:
        return None
    middle = median(colours)
    spread = median(np.linalg.norm(colours - middle, axis=1))
    darker = middle.mean() < 0.92 * skin_rgb.mean()  # what is brighter is a highlight or the background
    return middle if spread < 32 and darker else None
