"""Strands of the face's own hair that hang or blow across it."""

import numpy as np
from numpy.random import Generator

from .canvas import F32, Canvas
from .look import Look
from .solids import Points, limb

_HAIRS = 14  # light and dark lines across a strand
_JOINTS = 9


def draw_hair(canvas: Canvas, look: Look) -> None:
    """Draw thin strands from the hair beside the brow across cheek and mouth; the origin is at the mouth."""
    rng = look.generator()
    root = np.array([rng.uniform(0.95, 1.3), rng.uniform(-2.3, -1.4)])
    inner, end = float(rng.uniform(-0.1, 0.85)), float(rng.uniform(-0.9, 1.0))
    way = np.array([root, (root[0] - 0.05, -0.9), (inner, -0.2), (end, rng.uniform(0.2, 1.2))])
    for _ in range(int(rng.integers(3, 9))):
        spread = rng.normal(0, 1, (4, 2)) * [[0.05, 0.06], [0.07, 0.06], [0.13, 0.1], [0.26, 0.18]]
        _draw_strand(canvas, look, rng, way + spread)


def _draw_strand(canvas: Canvas, look: Look, rng: Generator, way: np.ndarray) -> None:
    width = 0.012 + 0.026 * float(rng.random()) ** 2.5
    share = np.linspace(0, 1, _JOINTS)
    radii = (width * np.minimum(0.55 + share, 1.05 - 0.75 * share)).tolist()
    strand = limb(canvas, [(_curve(way), radii)], softness=0.008)
    if strand is None:
        return
    tone, gaps = _lines(rng, strand.across, strand.along)
    faded = np.clip(strand.along / np.float32(0.22), 0, 1)  # its root melts into the hair
    thin = np.clip(strand.along * np.float32(1.5) - np.float32(0.5), 0, 1)
    opacity = faded * np.clip(1 - (np.float32(0.2) + thin * np.float32(0.8)) * gaps, 0, 1)
    shine = np.exp(-(((strand.along - np.float32(0.35)) / np.float32(0.12)) ** 2))
    albedo = look.hair * (0.75 + 0.55 * tone + 0.4 * shine)[..., None]
    canvas.paint(strand, albedo.astype(np.float32), gloss=0.02, opacity=opacity)


def _lines(rng: Generator, across: F32, along: F32) -> tuple[F32, F32]:
    """Tone 0..1 and gaps 0..1 of the single hairs of a strand."""
    tones, holes = rng.random(_HAIRS), np.clip(rng.random(_HAIRS) * 2.2 - 0.9, 0, 1)
    place = (across * 0.5 + 0.5) * (_HAIRS - 1) + np.sin(along * float(rng.uniform(3, 9)))
    tone, gaps = (np.interp(place, np.arange(_HAIRS), line).astype(np.float32) for line in (tones, holes))
    return tone, gaps


def _curve(corners: np.ndarray) -> Points:
    """Points of a Bezier curve of the third degree."""
    share = np.linspace(0, 1, _JOINTS)[:, None]
    rest = 1 - share
    weights = np.hstack([rest**3, 3 * rest**2 * share, 3 * rest * share**2, share**3])
    return [(float(u), float(v)) for u, v in weights @ corners]
