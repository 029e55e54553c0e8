"""Strands of the face's own hair that hang or blow across it."""

import numpy as np
from numpy.random import Generator

from .canvas import F32, Canvas
from .look import Look
from .solids import Points, limb

_HAIRS = 26  # light and dark lines across a strand


def draw_hair(canvas: Canvas, look: Look) -> None:
    """Draw one to three strands from the temple across the cheek; the origin is at the mouth."""
    rng = look.generator()
    for _ in range(int(rng.integers(1, 4))):
        _draw_strand(canvas, look, rng)


def _draw_strand(canvas: Canvas, look: Look, rng: Generator) -> None:
    root = (float(rng.uniform(0.75, 1.2)), float(rng.uniform(-2.3, -1.5)))
    inner, end = float(rng.uniform(-0.25, 0.55)), float(rng.uniform(-0.7, 0.9))
    low = float(rng.uniform(0.4, 1.3))
    way = _curve([root, (root[0] - 0.05, -1.0), (inner, -0.1), (end, low)], 9)
    width = float(rng.uniform(0.05, 0.15))
    radii = [
        width * (0.6 + 0.4 * np.sin(np.pi * min(s * 1.3, 1.0)) - 0.45 * s)
        for s in np.linspace(0, 1, len(way))
    ]
    strand = limb(canvas, [(way, radii)], softness=0.015)
    if strand is None:
        return
    lines = _lines(rng)
    place = (strand.across * np.float32(0.5) + np.float32(0.5)) * (_HAIRS - 1)
    place = place + np.float32(1.5) * np.sin(strand.along * np.float32(rng.uniform(3, 9)))
    tone, gaps = (np.interp(place, np.arange(_HAIRS), line).astype(np.float32) for line in lines)
    thin = np.clip(strand.along * np.float32(1.5) - np.float32(0.6), 0, 1)
    opacity = np.clip(1 - (np.float32(0.15) + thin * np.float32(0.85)) * gaps, 0, 1)
    shine = np.exp(-(((strand.along - np.float32(0.35)) / np.float32(0.12)) ** 2))
    albedo = look.hair * (0.7 + 0.6 * tone + 0.35 * shine)[..., None]
    canvas.paint(strand, albedo.astype(np.float32), gloss=0.02, opacity=opacity)


def _lines(rng: Generator) -> tuple[F32, F32]:
    """Tone 0..1 and gap 0..1 of each line across a strand."""
    tone = rng.random(_HAIRS).astype(np.float32)
    gaps = np.clip(rng.random(_HAIRS) * 2.2 - 0.8, 0, 1).astype(np.float32)
    return tone, gaps


def _curve(points: Points, count: int) -> Points:
    """Points of a Bezier curve (de Casteljau) of the third degree."""
    a, b, c, d = (np.array(point) for point in points)
    share = np.linspace(0, 1, count)[:, None]
    rest = 1 - share
    curve = rest**3 * a + 3 * rest**2 * share * b + 3 * rest * share**2 * c + share**3 * d
    return [(float(u), float(v)) for u, v in curve]
