"""What stays in front of the mask: hair over the cheeks, glasses on the nose, whatever a parsing map names.

Colours decide, conservatively: something is in front only when it is unlike the face's skin, is like the hair or
much darker than the skin, and reaches into the lower face from outside it or from the eyes. Bearded chins,
lips, nostrils and shadows do not, and are covered.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from .face_model import skin_point
from .light import FaceLight, median
from .pose import PosedFace

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Flags = NDArray[np.bool_]

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
_NOSE_HALF_IOD = 0.3  # below the bridge no frame crosses the nose
_LIPS_IOD = (-1.4, -0.6, 0.5)  # nostrils, moustache and lips: heights, and half the width
_CHIN_IOD = (-1.75, -1.38, 0.35)
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
    up, across = _face_axes(face, origin, image_rgb.shape[:2])
    rows = np.flatnonzero(((up > _LOWEST_IOD) & (up < _HIGHEST_IOD)).any(axis=1))
    if not len(rows):
        return None
    band = slice(int(rows[0]), int(rows[-1]) + 1)
    inside = _face_mask(face, (origin[0], origin[1] + band.start), up[band].shape)
    scale = face.pose.scale_px
    hair, eyewear = _candidates(image_rgb[band], light, hair_rgb, up[band], across[band], scale)
    kept = _components(hair, eyewear, inside, up[band], scale)
    if kept is None:
        return None
    matte = np.zeros(up.shape, np.float32)
    matte[band] = kept
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), max(0.6, 0.012 * scale)), np.float32)


def _components(hair: Flags, eyewear: Flags, inside: U8, up: F32, scale_px: float) -> Flags | None:
    """Pixels of the connected parts that are in front: rooted outside the face or at the eyes, and reaching in."""
    candidates = (hair | eyewear).view(np.uint8)
    least = _MIN_IOD2 * scale_px * scale_px
    if np.count_nonzero(candidates & inside) < least:
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
    low = up <= _EYE_LINE_IOD
    rooted = np.bincount(labels[(inside == 0) | ~low], minlength=count)
    within = np.bincount(labels[(inside > 0) & low], minlength=count)
    kept = (rooted >= 0.5 * least) & (within >= max(least, (_MIN_REACH_IOD * scale_px) ** 2 * 0.5))
    # Glasses span both eyes; what is dark, not hair and narrower is an eye socket.
    mostly_hair = np.bincount(labels[hair], minlength=count) > 0.5 * stats[:, cv2.CC_STAT_AREA]
    kept &= mostly_hair | (stats[:, cv2.CC_STAT_WIDTH] > _GLASSES_WIDTH_IOD * scale_px)
    kept[0] = False
    return kept[labels] if kept.any() else None


def labelled_matte(labels: U8, scale_px: float) -> F32:
    """Coverage 0..1 of the labels that lie in front of a mask, from a window of a parsing map."""
    matte = np.isin(labels, FRONT_LABELS).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), max(0.5, 0.01 * scale_px)), np.float32)


def _candidates(
    image_rgb: U8, light: FaceLight, hair_rgb: F64 | None, up: F32, across: F32, scale_px: float
) -> tuple[Flags, Flags]:
    """Pixels that may belong to hair and to glasses, by colour and place; shaded skin keeps its chroma."""
    image = image_rgb.astype(np.float32)
    skin = light.skin_rgb.astype(np.float32)
    level = cv2.transform(image, np.full((1, 3), 1 / 3, np.float32))
    skin_level = float(skin.mean())
    chroma = (image[..., 0] - image[..., 2]) / (level + 12)
    other = np.abs(chroma - float((skin[0] - skin[2]) / (skin_level + 12))) > 0.28
    eyewear = (up > _GLASSES_IOD) & (level < 0.5 * skin_level)
    eyewear &= _thin_dark(level, scale_px) > 0.22 * skin_level
    eyewear |= (up > _GLASSES_IOD) & (level < 0.35 * skin_level) & other
    eyewear &= (up > -0.35) | (np.abs(across) > _NOSE_HALF_IOD)
    hair = np.zeros(level.shape, np.bool_)
    if hair_rgb is not None:
        to_hair = _distance(image, level, hair_rgb.astype(np.float32))
        to_skin = _distance(image, level, skin)
        hairy = (
            (to_hair < 24)
            & (to_skin > 42)
            & (to_hair < 0.45 * to_skin)
            & (other | (level < 0.28 * skin_level))
        )
        low, high, half = _CHIN_IOD
        chin = (up > low) & (up < high) & (np.abs(across) < half)
        bearded = int(np.count_nonzero(hairy & chin)) > 0.2 * int(np.count_nonzero(chin)) + 1
        hair = hairy & (up > (_BEARDED_IOD if bearded else _LOWEST_IOD))
    low, high, half = _LIPS_IOD
    allowed = (up < _HIGHEST_IOD) & ~((up > low) & (up < high) & (np.abs(across) < half))
    return hair & allowed, eyewear & allowed


def _thin_dark(level: F32, scale_px: float) -> F32:
    """How much darker a pixel is than what surrounds a thin structure: the black-hat transform."""
    side = max(3, round(0.2 * scale_px)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.morphologyEx(level, cv2.MORPH_BLACKHAT, kernel), np.float32)


def _distance(image: F32, level: F32, colour: F32) -> F32:
    """Colour distance in sRGB levels in which chroma weighs more than brightness."""
    gap = image - colour
    bright = level - float(colour.mean())
    squared = np.einsum("hwc,hwc->hw", gap, gap) * np.float32(2.2) - 3 * np.float32(1.9) * bright * bright
    distance: F32 = np.sqrt(np.maximum(squared, 0))
    return distance


def _face_mask(face: PosedFace, origin: tuple[int, int], shape: tuple[int, int]) -> U8:
    area = np.zeros(shape, np.uint8)
    cv2.fillPoly(area, [np.rint(face.outline_px - origin).astype(np.int32)], 1)
    return area


def _face_axes(face: PosedFace, origin: tuple[int, int], shape: tuple[int, int]) -> tuple[F32, F32]:
    """Height above and distance right of the root of the nose along the head's own axes on the picture, IOD."""
    pose = face.pose
    up = pose.rotation[:2, 1] * [1.0, -1.0]
    up = up / max(float(np.hypot(*up)), 1e-9)
    x = np.arange(shape[1], dtype=np.float32)[None, :] + np.float32(origin[0] - pose.translation_px[0])
    y = np.arange(shape[0], dtype=np.float32)[:, None] + np.float32(origin[1] - pose.translation_px[1])
    scale = np.float32(1 / pose.scale_px)
    height = (x * np.float32(up[0]) + y * np.float32(up[1])) * scale
    across = (y * np.float32(up[0]) - x * np.float32(up[1])) * scale
    return height, across


def hair_colour(image_rgb: U8, face: PosedFace, skin_rgb: F64) -> F64 | None:
    """Median colour, sRGB levels, of what surrounds the face where hair is; None when that is no one colour."""
    at = np.rint(face.project(_HAIR_POINTS)).astype(np.intp)
    height, width = image_rgb.shape[:2]
    seen = (at[:, 0] >= 0) & (at[:, 0] < width) & (at[:, 1] >= 0) & (at[:, 1] < height)
    colours = image_rgb[at[seen, 1], at[seen, 0]].astype(np.float64)
    unlike = np.linalg.norm(colours - skin_rgb, axis=1) > 50
    colours = colours[unlike]
    if len(colours) < 6:
        return None
    middle = median(colours)
    spread = median(np.linalg.norm(colours - middle, axis=1))
    darker = middle.mean() < 0.92 * skin_rgb.mean()  # what is brighter is a highlight or the background
    return middle if spread < 32 and darker else None
