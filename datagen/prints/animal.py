"""Animal coats as prints: zebra, leopard, giraffe and cow."""

import cv2
import numpy as np
from numpy.random import Generator

from .noise import SILK, fields
from .stamp import TileCanvas
from .tile import Frame, Print, Tile, Values, make_tile, sample, soft_step, stored_tile, unit

_COAT_PX = 256
_COATS = 12


def draw_animal(frame: Frame, rng: Generator) -> Print:
    """Zebra, leopard, giraffe or cow."""
    index = int(rng.integers(_COATS))
    values = sample(_coat(index), frame, frame.scale, rng.random(2))
    third = unit(values[..., 1]) if index % 4 == 1 else None
    return Print(unit(values[..., 0]), third=third)


@stored_tile
def _coat(index: int) -> Tile:
    rng = np.random.Generator(np.random.PCG64(20240610 + index))
    draw = (_zebra, _leopard, _giraffe, _cow)[index % 4]
    return make_tile(draw(rng), (4.0, 4.0))


def _turing(rng: Generator, aspect: float, bias: float) -> Values:
    """Stripes or spots grown from noise: near neighbours support each other, farther ones suppress."""
    state = rng.standard_normal((_COAT_PX, _COAT_PX)).astype(np.float32)
    margin = 96
    for _ in range(14):
        wide = np.pad(state, margin, mode="wrap")
        near = cv2.GaussianBlur(wide, (0, 0), sigmaX=6.0, sigmaY=6.0 * aspect)
        far = cv2.GaussianBlur(wide, (0, 0), sigmaX=11.0, sigmaY=11.0 * aspect)
        state = np.tanh((near - far)[margin:-margin, margin:-margin] * np.float32(8) + np.float32(bias))
    return state


def _zebra(rng: Generator) -> list[Values]:
    return [soft_step(_turing(rng, float(rng.uniform(1.7, 2.4)), 0.0) - np.float32(0.05), 0.5)]


def _cow(rng: Generator) -> list[Values]:
    noise = rng.standard_normal((_COAT_PX, _COAT_PX)).astype(np.float32)
    middle = slice(_COAT_PX, 2 * _COAT_PX)
    patches = np.zeros_like(noise)
    for sigma, weight in ((15.0, 1.0), (6.0, 0.3)):
        smooth = cv2.GaussianBlur(np.tile(noise, (3, 3)), (0, 0), sigma)[middle, middle]
        patches += smooth * np.float32(weight / smooth.std())
    return [soft_step(patches - np.float32(rng.uniform(0.1, 0.5)), 0.08)]


def _leopard(rng: Generator) -> list[Values]:
    """Rosettes: broken dark rings around spots of a third colour."""
    canvas = TileCanvas(_COAT_PX, 2)
    for x, y in canvas.scatter(rng, 30.0):
        radius = float(rng.uniform(13.5, 19.0))
        window = canvas.window(x, y, radius * 1.35, float(rng.uniform(0, 6.3)))
        angle = np.arctan2(window.y, window.x)
        waves = 0.1 * np.sin(2 * angle + rng.uniform(0, 6.3)) + 0.07 * np.sin(3 * angle + rng.uniform(0, 6.3))
        away = np.hypot(window.x, window.y * rng.uniform(1.0, 1.3)) * 1.35 + waves
        ring = soft_step(
            (np.float32(0.24) - np.abs(away - np.float32(0.78))).astype(np.float32), 1.35 / radius
        )
        gaps = soft_step((np.cos(3 * angle + rng.uniform(0, 6.3)) + np.float32(0.8)).astype(np.float32), 0.4)
        canvas.over(0, window, ring * gaps)
        canvas.over(1, window, soft_step((np.float32(0.56) - away).astype(np.float32), 1.35 / radius))
    return canvas.channels


def _giraffe(rng: Generator) -> list[Values]:
    """Patches with light lines between them: distance to the border of Voronoi cells."""
    canvas = TileCanvas(_COAT_PX, 1)
    points = np.array(canvas.scatter(rng, 44.0), np.float32)
    t = np.arange(_COAT_PX, dtype=np.float32)
    bent = fields(SILK)[0].levels[0][1:-1, 1:-1]
    gx, gy = t[None, :] + bent[..., 0] * np.float32(2.5), t[:, None] + bent[..., 1] * np.float32(2.5)
    half = np.float32(_COAT_PX / 2)
    away = [np.hypot((gx - x + half) % _COAT_PX - half, (gy - y + half) % _COAT_PX - half) for x, y in points]
    two = np.partition(np.stack(away), 1, axis=0)[:2]
    return [soft_step((two[1] - two[0] - np.float32(6.0)).astype(np.float32), 2.0)]
