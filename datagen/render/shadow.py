"""The shadow that a mask throws on the face around it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import ShadowRecipe

from ._layers import fall_on
from .pose import PosedFace

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

LAST_LEVEL = 0.5 / 255  # alphas below it are nothing on an 8-bit map, so they are nothing
_LEAST_BLUR_PX = 0.4


def contact_shadow(
    cover: F32, face: PosedFace, direction: F64, recipe: ShadowRecipe, origin: tuple[int, int]
) -> F32:
    """Strength of the contact shadow: the cover, shifted away from the light and blurred, on the face only.

    Parameters
    ----------
    cover : float32 (h, w)
        Coverage of body and straps in a window of the picture.
    direction : float64 (3,)
        Towards the light, camera axes (`FaceLight.direction`).
    origin : (x, y)
        The window's top left corner in the picture.

    Returns
    -------
    float32 (h, w)
        0..1; exactly 0 where it changes nothing.
    """
    if recipe.strength <= 0:
        return np.zeros_like(cover)
    height, width = cover.shape
    scale_px = face.pose.scale_px
    away = np.array([-direction[0], direction[1]])
    away = away / (np.linalg.norm(away) + 0.15) + [0.0, 0.35]  # skies and ceilings: a little downwards
    shift = away * recipe.offset * scale_px
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
    moved = cv2.warpAffine(cover, matrix, (width, height))
    sigma = max(recipe.blur * scale_px, _LEAST_BLUR_PX)
    shadow = np.asarray(cv2.GaussianBlur(cv2.max(moved, cover), (0, 0), sigma), np.float32)
    fall_on(shadow, _face_area(face, origin, (height, width)), recipe.strength, LAST_LEVEL)
    return shadow


def _face_area(face: PosedFace, origin: tuple[int, int], shape: tuple[int, int]) -> U8:
    """255 on the posed face, 0 beside it: a contact shadow must not fall on the background."""
    outline = np.concatenate([face.outline_px, face.outline_px[:1]]) - origin
    area = np.zeros(shape, np.uint8)
    cv2.fillPoly(area, [np.rint(outline * 16).astype(np.int32)[:, None, :]], 255, cv2.LINE_AA, 4)
    return area
