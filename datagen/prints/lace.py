"""Lace: a net of thread with flowers worked into it, open between the threads."""

import cv2
import numpy as np
from numpy.random import Generator

from .stamp import TileCanvas, Window
from .tile import (
    Frame,
    Print,
    Tile,
    Values,
    gain_code,
    gain_of,
    make_tile,
    sample,
    soft_step,
    stored_tile,
    unit,
)

_PX = 256
_CELLS = 3.0
_LACES = 8


def draw_lace(frame: Frame, rng: Generator) -> Print:
    """Thread in the first colour, its motifs partly in the second, holes between."""
    values = sample(_lace(int(rng.integers(_LACES))), frame, frame.scale, rng.random(2))
    share = unit(values[..., 1]) * np.float32(rng.choice([0.0, 0.5, 1.0]))
    open_share = np.float32(rng.uniform(0.7, 1.0))
    return Print(
        share,
        gain=gain_of(values[..., 2]),
        height=unit(values[..., 3]) * np.float32(0.04 * frame.scale),
        holes=unit(values[..., 0]) * open_share,
    )


@stored_tile
def _lace(index: int) -> Tile:
    """Holes, motif share, gain, height."""
    rng = np.random.Generator(np.random.PCG64(20240720 + index))
    canvas = TileCanvas(_PX, 2)
    canvas.channels[0] = _net(index % 3, (36, 30, 44, 26)[index % 4])
    apart = _PX / _CELLS * float(rng.uniform(0.8, 0.95))
    for x, y in canvas.scatter(rng, apart):
        window = canvas.window(x, y, apart * 0.5, float(rng.uniform(0, 6.3)))
        _motif(canvas, window, int(rng.integers(5, 9)))
        for turn in rng.uniform(0, 6.3) + np.array([0.0, 2.2, 4.3]):
            leaf = canvas.window(
                x + np.cos(turn) * apart * 0.55, y + np.sin(turn) * apart * 0.55, apart * 0.17, turn
            )
            _worked_leaf(canvas, leaf)
    thread, motif = canvas.channels
    relief = cv2.GaussianBlur(np.tile(thread, (3, 3)), (0, 0), 1.5)[_PX : 2 * _PX, _PX : 2 * _PX]
    gain = 0.8 + 0.25 * relief + 0.08 * motif
    return make_tile(
        [1 - thread, motif, gain_code(gain), np.clip(relief * 0.6 + motif * 0.4, 0, 1)], (_CELLS, _CELLS)
    )


def _net(kind: int, count: int) -> Values:
    """Thread share of a net with ``count`` meshes to the tile: square on edge, round holes, or hexagons."""
    t = ((np.arange(_PX) + 0.5) / _PX * count).astype(np.float32)
    x, y = t[None, :], t[:, None]
    soft = count / _PX
    if kind == 0:
        a, b = np.abs((x + y) / 2 % 1 - 0.5), np.abs((x - y) / 2 % 1 - 0.5)
        return soft_step((np.float32(0.09) - np.minimum(a, b)).astype(np.float32), soft)
    row = np.floor(y)
    dx, dy = (x + 0.5 * (row % 2)) % 1 - 0.5, y % 1 - 0.5
    if kind == 1:
        return soft_step((np.hypot(dx, dy) - np.float32(0.34)).astype(np.float32), soft)
    edge = np.maximum(np.abs(dx), np.abs(dx) * 0.5 + np.abs(dy) * 0.86)
    return soft_step((edge - np.float32(0.36)).astype(np.float32), soft)


def _motif(canvas: TileCanvas, window: Window, count: int) -> None:
    """A flower: its ground closed and opened again inside each petal, outlined in thick thread."""
    away, angle = window.polar()
    wave = np.abs(np.cos(angle * np.float32(count / 2)))
    outline = (0.45 + 0.45 * wave**0.6).astype(np.float32)
    canvas.shape(0, window, outline - away, 0.92)
    eyelets = (0.2 + 0.42 * wave**1.5 - np.abs(away - 0.52) * 2.2 - 0.3).astype(np.float32)
    canvas.shape(0, window, eyelets, 0.35)
    cord = (0.05 - np.abs(away - outline)).astype(np.float32)
    canvas.shape(0, window, cord)
    canvas.shape(0, window, 0.16 - away, 1.0)
    canvas.shape(0, window, 0.07 - away, 0.0)
    canvas.shape(1, window, outline + 0.04 - away)


def _worked_leaf(canvas: TileCanvas, window: Window) -> None:
    inside = (0.5 * (1 - window.x**2) - np.abs(window.y)).astype(np.float32)
    canvas.shape(0, window, inside)
    canvas.shape(0, window, 0.03 - np.abs(window.y), 0.4)
    canvas.shape(1, window, inside)
