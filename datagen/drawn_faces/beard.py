"""Facial hair of a drawn face."""

import numpy as np

from .canvas import COLUMNS, ROWS, Canvas, FloatImage, curve, enlarge, offset, smooth, whole_cover
from .face import FaceParams
from .geometry import Geometry

_CHEEK_LINE = (
    (40.0, 22.0, -38.0), (33.0, 33.0, -18.0), (23.0, 36.0, -6.0), (10.5, 32.0, 5.0), (0.0, 33.5, 8.0),
    (-10.5, 32.0, 5.0), (-23.0, 36.0, -6.0), (-33.0, 33.0, -18.0), (-40.0, 22.0, -38.0),
)  # fmt: skip
_CHIN_TUFT = (
    (0.0, 48.5, 6.0), (12.0, 49.0, 2.0), (17.0, 54.0, -2.0), (15.0, 66.0, -6.0), (8.0, 72.0, -6.0),
    (0.0, 74.0, -4.0), (-8.0, 72.0, -6.0), (-15.0, 66.0, -6.0), (-17.0, 54.0, -2.0), (-12.0, 49.0, 2.0),
)  # fmt: skip
_SIDE_STRIP = (
    (44.0, -14.0, -44.0), (40.0, -12.0, -37.0), (39.0, 6.0, -37.0), (38.0, 24.0, -36.0), (42.5, 26.0, -41.0)
)  # fmt: skip


def paint_beard(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint stubble, a moustache, a goatee, side whiskers or a full beard."""
    has, marks = params.has, geometry.landmarks
    stubble, full = has("5_o_Clock_Shadow"), has("Mustache") and has("Sideburns")
    parts: list[FloatImage] = []
    if stubble or full:
        low = geometry.outline[2:15] + offset(0.0, 2.5 if full else 1.0)
        cheek = curve(geometry.place(_CHEEK_LINE))
        parts.append(whole_cover(np.concatenate([low, cheek]), 2.0))
    if has("Sideburns"):
        for side in (-1.0, 1.0):
            strip = geometry.place(np.array(_SIDE_STRIP) * np.array([side, 1.0, 1.0]))
            parts.append(whole_cover(strip, 1.4))
    if has("Goatee"):
        tuft = geometry.place(_CHIN_TUFT)
        tuft[:, 1] += np.maximum(marks[57, 1] + 3.0 - tuft[0, 1], 0.0)
        parts.append(whole_cover(curve(tuft, closed=True), 1.2))
    if has("Mustache"):
        parts.append(_moustache(geometry))
    if parts:
        mouth = whole_cover(curve(marks[48:60], closed=True), 0.7)
        cover = np.maximum.reduce(parts) * (1.0 - mouth)
        _lay_whiskers(canvas, params, cover, *((0.3, 0.16) if stubble else (0.84, 0.3)), rng)


def _moustache(geometry: Geometry) -> FloatImage:
    """Coverage of the hair on the upper lip."""
    wide = abs(geometry.head[54, 0]) + 2.0
    lip, corner = geometry.head[50, 1], geometry.head[54, 1] + 2.5
    right = [
        (6.0, lip - 5.4, 8.0),
        (15.0, lip - 3.5, 1.0),
        (wide, corner, -3.0),
        (14.0, lip + 1.4, 3.0),
        (5.0, lip + 0.4, 8.0),
    ]
    left = [(-x, y, z) for x, y, z in reversed(right)]
    bar = [(0.0, lip - 4.2, 9.0), *right, (0.0, lip + 1.4, 9.0), *left]
    return whole_cover(curve(geometry.place(bar), closed=True), 0.8)


def _lay_whiskers(
    canvas: Canvas,
    params: FaceParams,
    cover: FloatImage,
    density: float,
    speckle: float,
    rng: np.random.Generator,
) -> None:
    noise = rng.standard_normal((ROWS // 2, COLUMNS), dtype=np.float32)
    grain = enlarge(smooth(noise, 0.7, 0.8) * np.float32(2.2))
    colour = np.array(params.look.hair, np.float32) * np.float32(0.72)
    if not params.has("Gray_Hair"):
        colour = np.minimum(colour, np.array(params.look.skin, np.float32) * np.float32(0.6))
    alpha = np.clip(cover * (density + speckle * grain), 0.0, 0.94)
    shade = 1.0 + 0.22 * np.clip(grain, -2.0, 2.5)
    canvas.lay(colour[:, None, None] * shade, alpha)
