"""Plain own shapes for printed emblems."""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.stored import stored

from .tile import Values

Bools = NDArray[np.bool_]

EMBLEM_PX = 128
EMBLEMS = (
    "star", "crown", "leaf", "bolt", "heart", "moon", "drop", "paw", "peak", "sun", "shield", "flake", "note",
    "arrow", "plus",
)  # fmt: skip


@lru_cache(maxsize=len(EMBLEMS) + 2)
def emblem(name: str) -> Values:
    """Share of ink of an emblem, float32 (128, 128)."""
    return stored(f"emblem-{name}", lambda: [_drawn(name)])[0]


def _drawn(name: str) -> Values:
    side = EMBLEM_PX * 4
    t = ((np.arange(side) + 0.5) / side * 2 - 1).astype(np.float32)
    x, y = np.broadcast_arrays(t[None, :], -t[:, None])  # y upwards
    ink = _SHAPES[name](x * np.float32(1.05), y * np.float32(1.05)).astype(np.float32)
    small: Values = cv2.resize(ink, (EMBLEM_PX, EMBLEM_PX), interpolation=cv2.INTER_AREA)
    return small


def _star(x: Values, y: Values) -> Bools:
    angle = (np.arctan2(x, y) / (2 * np.pi) * 5 + 0.5) % 1 - 0.5
    turn = np.abs(angle) * 2 * np.pi / 5
    away = np.hypot(x, y)
    return away * (np.cos(turn) + np.sin(turn) * 2.88) < 0.98


def _crown(x: Values, y: Values) -> Bools:
    top = 0.1 + 0.6 * np.abs((np.abs(x) * 2 / 0.9) % 2 - 1) * (0.8 + 0.2 * (np.abs(x) < 0.45))
    body = (np.abs(x) < 0.9) & (y > -0.35) & (y < top)
    return body | ((np.abs(x) < 0.9) & (y > -0.7) & (y < -0.45))


def _leaf(x: Values, y: Values) -> Bools:
    u, v = (x + y) * 0.7071, (y - x) * 0.7071
    blade = np.abs(v) < 0.5 * (1 - np.clip(u + 0.1, -1, 1) ** 2)
    return (blade & ~((np.abs(v) < 0.03) & (u < 0.5))) | ((np.abs(v) < 0.04) & (u < -0.6) & (u > -1.1))


def _bolt(x: Values, y: Values) -> Bools:
    upper = (y > -0.1) & (y < 0.95) & (x > -0.55 + 0.35 * (y + 0.1)) & (x < 0.05 + 0.45 * (y + 0.1))
    lower = (y < 0.2) & (y > -0.95) & (x < 0.55 - 0.65 * (0.2 - y)) & (x > -0.1 - 0.15 * (0.2 - y))
    return upper | lower


def _heart(x: Values, y: Values) -> Bools:
    a, b = x * 1.2, y * 1.2 + 0.1
    return (a * a + b * b - 1) ** 3 - a * a * b**3 < 0


def _moon(x: Values, y: Values) -> Bools:
    return (np.hypot(x, y) < 0.9) & (np.hypot(x - 0.38, y - 0.12) > 0.75)


def _drop(x: Values, y: Values) -> Bools:
    return (np.hypot(x, y + 0.3) < 0.6) | ((y > -0.1) & (np.abs(x) < 0.58 * (0.95 - y) / 1.05) & (y < 0.95))


def _paw(x: Values, y: Values) -> Bools:
    toes = [(-0.62, 0.12), (-0.24, 0.55), (0.24, 0.55), (0.62, 0.12)]
    shape = np.hypot(x / 0.52, (y + 0.42) / 0.42) < 1
    for cx, cy in toes:
        shape |= np.hypot((x - cx) / 0.19, (y - cy) / 0.26) < 1
    return shape


def _peak(x: Values, y: Values) -> Bools:
    near = y < 0.75 - np.abs(x + 0.15) * 1.75
    far = y < 0.25 - np.abs(x - 0.5) * 1.5
    snow = (y > 0.3 + 0.1 * np.sin(x * 22)) & near
    shape: Bools = (near | far) & (y > -0.65) & ~(snow & (y < 0.42 + 0.1 * np.sin(x * 22)))
    return shape


def _sun(x: Values, y: Values) -> Bools:
    away, angle = np.hypot(x, y), np.arctan2(y, x)
    shape: Bools = (away < 0.48) | ((away > 0.58) & (away < 0.95) & (np.cos(angle * 12) > 0.2))
    return shape


def _shield(x: Values, y: Values) -> Bools:
    def plate(size: float) -> Bools:
        bottom = -0.95 * size * np.sqrt(np.clip(1 - np.abs(x / (0.78 * size)) ** 1.6, 0, 1))
        return (np.abs(x) < 0.78 * size) & (y < 0.8 * size) & (y > bottom)

    return (plate(1.0) & ~plate(0.87)) | (plate(0.75) & (x * y < 0))


def _flake(x: Values, y: Values) -> Bools:
    away = np.hypot(x, y)
    turn = (np.arctan2(y, x) + np.pi / 6) % (np.pi / 3) - np.pi / 6
    u, v = away * np.cos(turn), np.abs(away * np.sin(turn))
    shape: Bools = (v < 0.06) & (u < 0.95)
    for start, width, reach in ((0.45, 0.07, 0.25), (0.7, 0.06, 0.16)):
        shape |= (np.abs(v - (u - start)) < width) & (v < reach)
    return shape


def _note(x: Values, y: Values) -> Bools:
    heads = (np.hypot((x + 0.5) / 0.3, (y + 0.65) / 0.22) < 1) | (
        np.hypot((x - 0.45) / 0.3, (y + 0.5) / 0.22) < 1
    )
    stems = ((np.abs(x + 0.26) < 0.06) & (y > -0.65) & (y < 0.7)) | (
        (np.abs(x - 0.69) < 0.06) & (y > -0.5) & (y < 0.85)
    )
    return heads | stems | ((np.abs(x - 0.215) < 0.535) & (np.abs(y - 0.7 - 0.16 * (x - 0.215)) < 0.14))


def _arrow(x: Values, y: Values) -> Bools:
    head = (x > 0.1) & (np.abs(y) < 0.95 - x)
    return head | ((np.abs(y) < 0.28) & (x > -0.9) & (x < 0.2))


def _plus(x: Values, y: Values) -> Bools:
    a, b = np.abs(x), np.abs(y)
    return (np.minimum(a, b) < 0.28) & (np.maximum(a, b) < 0.85)


def _disc(x: Values, y: Values) -> Bools:
    return np.hypot(x, y) < 0.98


def _ring(x: Values, y: Values) -> Bools:
    return np.abs(np.hypot(x, y) - 0.88) < 0.09


_SHAPES = {
    "star": _star,
    "crown": _crown,
    "leaf": _leaf,
    "bolt": _bolt,
    "heart": _heart,
    "moon": _moon,
    "drop": _drop,
    "paw": _paw,
    "peak": _peak,
    "sun": _sun,
    "shield": _shield,
    "flake": _flake,
    "note": _note,
    "arrow": _arrow,
    "plus": _plus,
    "disc": _disc,
    "ring": _ring,
}
