"""Fractal noise at any places: the tile of `noise.fields`, read where a picture needs it."""

import numpy as np
from numpy.random import Generator

from .noise import SMOOTH, fields
from .tile import F32, level_for, sample_at


def clouds(rng: Generator, x: F32, y: F32, soft: float, pitch: float) -> F32:
    """Four independent fields of variance about 1, float32 (rows, cols, 4).

    Amplitude falls with frequency about as in photographs (a power of -2.2 in amplitude).

    Parameters
    ----------
    x, y : float32, (1, cols) and (rows, 1) or (rows, cols) each
    soft : float
        Distance of neighbouring places: what is finer fades.
    pitch : float
        Width of the largest blobs, in the same unit.
    """
    tile = fields(SMOOTH)[0]
    span = pitch * tile.cells[0]
    side = tile.levels[0].shape[0] - 2
    level = tile.levels[level_for(soft / span * side, len(tile.levels))]
    turn, (left, top) = rng.uniform(0, 2 * np.pi), rng.random(2)
    cos, sin = np.float32(np.cos(turn) / span), np.float32(np.sin(turn) / span)
    u = x * cos + y * sin + np.float32(left)
    v = y * cos - x * sin + np.float32(top)
    sampled: F32 = sample_at(level, u, v)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0].astype(np.float32)
    return sampled @ basis
