"""Folds that differ on every mask: creases from the loops, the breath's dent, the pinched nose wire."""

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import FoldRecipe
from unmask.datagen.masks.template_format import Template

F32 = NDArray[np.float32]

_ROWS, _COLS = 44, 66  # folds are broad: they are drawn small and enlarged
_CREASES = 6
_CREASE_IOD = 0.024  # height of a crease at strength 1
_BREATH_IOD = 0.05  # depth of the dent at strength 1
_PINCH_IOD = 0.02
_SEED_TURN = 0x5DEECE66D  # folds and prints share the recipe's seed but not its stream


def fold_height(template: Template, fold: FoldRecipe, seed: int) -> tuple[F32, float, float]:
    """Height of the folds over the cloth.

    Returns
    -------
    height : float32 (44, 66)
        IOD above the smooth cloth.
    step_u, step_v : float
        IOD between neighbouring columns and rows.
    """
    wide, high = template.size_iod
    x = np.linspace(-wide / 2, wide / 2, _COLS, dtype=np.float32)[None, :]
    y = np.linspace(0, high, _ROWS, dtype=np.float32)[:, None]
    height = np.zeros((_ROWS, _COLS), np.float32)
    rng = np.random.Generator(np.random.PCG64(seed ^ _SEED_TURN))
    shares = rng.random((_CREASES, 5)).astype(np.float32)
    if fold.tension > 0 and template.wrinkle > 0:
        height += _creases(template, x, y, shares) * np.float32(fold.tension * template.wrinkle**0.5)
    if fold.breath != 0:
        middle = np.float32((0.50 + 0.1 * (shares[0, 0] - 0.5)) * high)
        dome = np.exp(-0.5 * ((x / np.float32(0.42)) ** 2 + ((y - middle) / np.float32(0.36)) ** 2))
        height += dome * np.float32(_BREATH_IOD * fold.breath * (0.4 + 0.6 * template.wrinkle))
    if fold.pinch > 0:
        wings = np.exp(-0.5 * ((np.abs(x) - np.float32(0.20)) / np.float32(0.07)) ** 2)
        height -= wings * np.exp(-0.5 * (y / np.float32(0.22)) ** 2) * np.float32(_PINCH_IOD * fold.pinch)
    return height, wide / (_COLS - 1), high / (_ROWS - 1)


def _creases(template: Template, x: F32, y: F32, shares: F32) -> F32:
    """Creases that leave the strap ends and fade towards the middle, float32 (rows, cols), strength 1."""
    wide, high = template.size_iod
    straps = template.straps
    ends = np.array([straps.upper, straps.lower] * (_CREASES // 2), np.float32)
    sides = np.array([1, 1, -1, -1] * _CREASES, np.float32)[:_CREASES]
    angle, length, width, weight, jitter = shares.T
    start = np.stack([sides * ends[:, 0] * wide / 2, (ends[:, 1] + 0.12 * (jitter - 0.5)) * high])
    # Towards a point near the mouth, give or take: the pull of a loop runs to the opposite corner.
    aim = np.stack([-sides * 0.25 * wide * angle, high * (0.35 + 0.3 * length)])
    dx, dy = ((aim - start) / np.linalg.norm(aim - start, axis=0)).astype(np.float32)[:, :, None, None]
    from_x, from_y = start.astype(np.float32)[:, :, None, None]
    along = (x - from_x) * dx + (y - from_y) * dy
    across = (y - from_y) * dx - (x - from_x) * dy
    ahead = np.maximum(along, 0)
    broad = (0.025 + 0.05 * width).astype(np.float32)[:, None, None] * (1 + ahead * np.float32(0.5))
    reach = (0.7 + length).astype(np.float32)[:, None, None]
    fade = (along > -0.05) / np.square(1 + ahead / reach)
    depth = ((2 * weight - 0.6) * _CREASE_IOD).astype(np.float32)[:, None, None]
    creases: F32 = (np.exp(np.square(across / broad) * np.float32(-0.5)) * fade * depth).sum(axis=0)
    return creases


def enlarge(field: F32, shape: tuple[int, int]) -> F32:
    """Bilinear enlargement of a field of any number of channels to (rows, cols)."""
    large: F32 = cv2.resize(field, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return large
