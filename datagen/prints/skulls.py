"""Skulls: the jaws of one over the wearer's, or small ones all over."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, bone_colour, ground_colour
from .pen import Pen
from .sheet import Colour, mixed, printed, repeated, tile_sheet
from .tile import Frame, Print, Values


def draw_skull(pen: Pen, rng: Generator) -> None:
    """Upper and lower jaw with bare teeth, cheekbones and the nose's hole, over x = -1..1."""
    bone = bone_colour(rng)
    dark, shadow = mixed(bone, BLACK, 0.92), mixed(bone, BLACK, 0.55)
    gap = float(rng.uniform(0.0, 0.12))
    jaw = [(-0.98, -0.45), (-0.86, 0.3), (-0.42, 0.8), (0.42, 0.8), (0.86, 0.3), (0.98, -0.45), (0.74, -0.3),
           (0.66, 0.12), (0.3, 0.3), (-0.3, 0.3), (-0.66, 0.12), (-0.74, -0.3)]  # fmt: skip
    pen.outlined(jaw, bone, dark, 0.03)
    cheek = [(-1.05, -1.1), (-1.0, -0.62), (-0.62, -0.48), (-0.6, -0.1), (-0.4, 0.02), (0.4, 0.02), (0.6, -0.1),
             (0.62, -0.48), (1.0, -0.62), (1.05, -1.1)]  # fmt: skip
    pen.outlined(cheek, bone, dark, 0.03)
    for side in (-1, 1):
        pen.fill(
            [(0.02 * side, -0.72), (0.2 * side, -0.46), (0.12 * side, -0.36), (0.03 * side, -0.44)], dark
        )
        pen.oval((0.5 * side, -1.05), (0.3, 0.3), dark)
        pen.shade((0.68 * side, -0.25), (0.14, 0.2), -0.7)
        pen.shade((0.8 * side, -0.75), (0.18, 0.08), 0.5)
        pen.shade((0.62 * side, 0.5), (0.22, 0.14), -0.55)
    pen.shade((0, 0.66), (0.25, 0.08), 0.5)
    pen.shade((0, -0.18), (0.6, 0.08), -0.4)
    _teeth(pen, rng, bone, shadow, gap)
    for _ in range(int(rng.integers(2, 6))):
        crack = np.cumsum(rng.normal(0, 0.07, (5, 2)), 0) + rng.uniform((-0.7, -0.9), (0.7, 0.75))
        pen.stroke(crack, shadow, 0.018)


def _teeth(pen: Pen, rng: Generator, bone: Colour, shadow: Colour, gap: float) -> None:
    """Two rows that bend back to the sides: long roots, rounded crowns."""
    count, half = int(rng.integers(4, 7)) * 2, 0.6
    pen.fill([(-0.64, -0.05), (0.64, -0.05), (0.6, 0.3 + gap), (-0.6, 0.3 + gap)], mixed(shadow, BLACK, 0.8))
    edges = half * np.sin(np.linspace(-1.25, 1.25, count + 1)) / np.sin(1.25)
    for row in (-1, 1):
        for left, right in pairwise(edges.tolist()):
            middle, reach = (left + right) / 2, (right - left) / 2 * 0.94
            tall = 0.15 * (1 - 0.35 * (middle / half) ** 2) * float(rng.uniform(0.92, 1.08))
            y = 0.08 + gap / 2 + row * (0.13 + gap / 2) - 0.05 * (middle / half) ** 2
            pen.fill(_crown(middle, y, reach, tall), shadow)
            pen.fill(
                _crown(middle - 0.12 * reach, y - 0.012, reach * 0.74, tall * 0.86), mixed(bone, WHITE, 0.5)
            )


def _crown(x: float, y: float, half: float, tall: float) -> Values:
    """A rectangle with round corners."""
    angle = np.arange(16) * (2 * np.pi / 16)
    away = (np.abs(np.cos(angle)) ** 4 + np.abs(np.sin(angle)) ** 4) ** -0.25
    return np.stack([x + half * away * np.cos(angle), y + tall * away * np.sin(angle)], -1)


def scatter_skulls(frame: Frame, rng: Generator) -> Print:
    """Staggered rows of whole skulls."""
    frame = replace(frame, scale=0.35 + 0.7 * frame.scale, turn=float(rng.normal(0, 0.2)))
    sheet = tile_sheet(frame, 2.0)
    sheet.ground(ground_colour(rng))
    bone, lean = bone_colour(rng), float(rng.uniform(0, 0.5))
    for col, row in ((0, 0), (1, 0), (0.5, 1), (1.5, 1)):
        _small(Pen(sheet, (col + 0.5, row + 0.5), 0.47, float(rng.normal(0, lean))), bone)
    return printed(repeated(sheet, frame, rng.random(2)))


def _small(pen: Pen, bone: Colour) -> None:
    dark = mixed(bone, BLACK, 0.9)
    pen.oval((0, -0.25), (0.78, 0.7), bone)
    pen.fill(_crown(0, 0.5, 0.45, 0.42), bone)
    for side in (-1, 1):
        pen.oval((0.33 * side, -0.15), (0.24, 0.27), dark, 0.3 * side)
    pen.fill([(0, 0.1), (0.14, 0.36), (-0.14, 0.36)], dark)
    for x in (-0.3, -0.1, 0.1, 0.3):
        pen.stroke([(x, 0.52), (x, 0.9)], dark, 0.05)
    pen.stroke([(-0.42, 0.68), (0.42, 0.68)], dark, 0.05)
