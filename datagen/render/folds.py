"""Folds that differ on every mask: creases from the loops, the breath's dent, the pinched nose wire."""

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import FoldRecipe
from unmask.datagen.masks.template_format import Template

from ._cloth import fold_height as draw_height

F32 = NDArray[np.float32]

_ROWS, _COLS = 44, 66  # folds are broad: they are drawn small and enlarged
_CREASES = 6
_CREASE_IOD = 0.024  # height of a crease at strength 1
_SIDES = np.array([1, 1, -1, -1] * _CREASES, np.float32)[:_CREASES]
_SPAN_X = np.linspace(-0.5, 0.5, _COLS, dtype=np.float32)
_SPAN_Y = np.linspace(0, 1, _ROWS, dtype=np.float32)
_NONE = np.empty((0, 7), np.float32)
_BREATH_IOD = 0.05  # depth of the dent at strength 1
_BREATH_REACH = (0.42, 0.36)  # IOD, across and down
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
    rng = np.random.Generator(np.random.PCG64(seed ^ _SEED_TURN))
    shares = rng.random((_CREASES, 5)).astype(np.float32)
    creases, humps = _NONE, []
    if fold.tension > 0 and template.wrinkle > 0:
        creases = _creases(template, shares, fold.tension * template.wrinkle**0.5)
    if fold.breath != 0:
        middle = (0.50 + 0.1 * (float(shares[0, 0]) - 0.5)) * high
        rise = _BREATH_IOD * fold.breath * (0.4 + 0.6 * template.wrinkle)
        humps.append((0.0, _BREATH_REACH[0], middle, _BREATH_REACH[1], rise))
    if fold.pinch > 0:
        humps.append((0.20, 0.07, 0.0, 0.22, -_PINCH_IOD * fold.pinch))
    height = np.empty((_ROWS, _COLS), np.float32)
    draw_height(
        _SPAN_X * np.float32(wide), _SPAN_Y * np.float32(high), creases, np.array(humps, np.float32), height
    )
    return height, wide / (_COLS - 1), high / (_ROWS - 1)


def _creases(template: Template, shares: F32, strength: float) -> F32:
    """Creases that leave the strap ends and fade towards the middle, float32 (creases, 7): see `_cloth.c`."""
    wide, high = template.size_iod
    straps = template.straps
    ends = np.array([straps.upper, straps.lower] * (_CREASES // 2), np.float32)
    angle, length, width, weight, jitter = shares.T
    start = np.stack([_SIDES * ends[:, 0] * wide / 2, (ends[:, 1] + 0.12 * (jitter - 0.5)) * high])
    # Towards a point near the mouth, give or take: the pull of a loop runs to the opposite corner.
    aim = np.stack([-_SIDES * 0.25 * wide * angle, high * (0.35 + 0.3 * length)]) - start
    along = aim / np.sqrt(aim[0] * aim[0] + aim[1] * aim[1])
    rise = (2 * weight - 0.6) * np.float32(_CREASE_IOD * strength)
    return np.stack([*start, *along, 0.025 + 0.05 * width, 0.7 + length, rise], axis=1).astype(np.float32)
