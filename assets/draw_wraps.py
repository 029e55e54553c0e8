"""Cloth that is wrapped rather than cut: bandanas, neck gaiters, scarves."""

from functools import partial

import numpy as np

from .draw_canvas import Cloth, F, between
from .draw_palettes import BANDANA_PRINTS, GAITER_PRINTS, SCARF, SCARF_PRINTS, WARDROBE
from .draw_sheets import Sheet, sheet


def bandana(cloth: Cloth) -> None:
    """Triangle of cloth tied behind the head: folded top edge, point hanging over the chin, drapery folds."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.02 * u**2, lambda u: 0.985 - 0.50 * u**1.15, 0.99, 0.04))
    for slope, offset in ((0.55, 0.25), (0.8, 0.5), (1.1, 0.75), (0.35, 0.12)):
        fold = np.abs(cloth.x) * slope + cloth.y - offset * cloth.high
        cloth.fold(fold, 0.4 * np.clip(np.abs(cloth.u) * 1.6, 0.15, 1), 0.13)
    cloth.hem(0.035, 0.10, 0.05)
    cloth.stitches(cloth.outside + 0.03, cloth.x + cloth.y, 0.04, 0.010)


def bandana_low(cloth: Cloth) -> None:
    """A large square folded in two: long, uneven, with deep folds that fall from the knot."""
    skew = cloth.u + 0.10 * np.sin(2.2 * cloth.v)
    below = (cloth.v - 0.985 + 0.36 * np.abs(skew - 0.06) ** 1.3) * cloth.high
    outline = between(cloth, lambda u: 0.012 + 0.015 * u**2, lambda u: 0.99 + 0 * u, 0.99, 0.04)
    cloth.cut(np.maximum(outline, below * 0.85))
    for slope, offset, strength in ((0.9, 0.42, 0.7), (1.3, 0.72, 0.8), (0.5, 0.20, 0.4), (1.7, 1.0, 0.6)):
        waver = 0.03 * np.sin(6 * cloth.u + offset * 9)
        fold = np.abs(cloth.x + 0.05) * slope + cloth.y - offset * cloth.high + waver
        cloth.fold(fold, strength * np.clip(np.abs(cloth.u) * 1.4, 0.1, 1), 0.11)
    cloth.fold(cloth.y - 0.10 - 0.05 * np.cos(3 * cloth.u), 0.3, 0.08)
    cloth.hem(0.03, 0.10, 0.05)


def _waves(cloth: Cloth, folds: tuple[tuple[float, float, float, float], ...]) -> None:
    """Folds across: (where, bend, strength, width), wavering and fading like gathered cloth."""
    for at, bend, strength, width in folds:
        waver = 0.014 * np.sin(5 * cloth.u + 9 * at) + 0.010 * np.sin(11 * cloth.u + 23 * at)
        distance = (cloth.v - at + bend * cloth.u**2 - waver) * cloth.high
        fade = 0.65 + 0.35 * np.cos(4 * cloth.u + 17 * at)
        cloth.fold(distance, strength * fade, width)
        cloth.albedo *= 1 - 0.10 * cloth.line(distance - 0.7 * width, 0.6 * width) * fade * min(strength, 1)


def gaiter(cloth: Cloth) -> None:
    """Knitted tube pulled up over the nose, gathered in folds below the chin."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.0 * u, lambda u: 0.985 - 0.04 * u**2, 0.99, 0.03))
    folds = (
        (0.58, 0.10, 0.5, 0.11),
        (0.70, 0.05, 0.8, 0.11),
        (0.80, -0.02, 0.9, 0.11),
        (0.90, 0.03, 0.8, 0.11),
    )
    _waves(cloth, folds)
    cloth.hem(0.05, 0.12, 0.05)
    cloth.stitches(cloth.y - 0.06, cloth.x, 0.03, 0.012)


def gaiter_thin(cloth: Cloth) -> None:
    """A thin tube stretched tight over the nose, with a doubled edge and fine creases at the cheeks."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.02 * u**2, lambda u: 0.985 + 0.0 * u, 0.99, 0.03))
    folds = (
        (0.66, 0.16, 0.25, 0.05),
        (0.73, 0.12, 0.4, 0.05),
        (0.79, 0.08, 0.5, 0.06),
        (0.86, 0.05, 0.5, 0.07),
    )
    _waves(cloth, (*folds, (0.93, 0.02, 0.6, 0.08)))
    tight = np.abs(cloth.u) * cloth.wide * 0.30 + cloth.y - 0.55 * cloth.high
    cloth.fold(tight, 0.22 * np.clip(1.6 * np.abs(cloth.u) - 0.3, 0, 1), 0.06)
    cloth.hem(0.10, 0.16, 0.07)


def _thick(cloth: Cloth, folds: tuple[tuple[float, float, float, float], ...]) -> None:
    """Overlapping layers of a wound scarf: each lies over the one below and ends in a round edge."""
    for at, bend, tilt, strength in folds:
        waver = 0.012 * np.sin(4 * cloth.u + 13 * at)
        step = (cloth.v - at + bend * cloth.u**2 - tilt * cloth.u - waver) * cloth.high
        cloth.height += strength * cloth.beyond(-step) * np.exp(-np.maximum(-step, 0) / 0.16)
        cloth.albedo *= 1 - 0.30 * np.exp(-np.maximum(step, 0) / 0.05) * cloth.beyond(step)


def _fringe(cloth: Cloth) -> F:
    """An edge that is rough like knitted wool."""
    rough: F = 0.010 * np.sin(37 * cloth.u + 2) + 0.008 * np.sin(61 * cloth.u)
    return rough


def scarf(cloth: Cloth) -> None:
    """A thick scarf wound twice around neck and mouth."""
    top = (0.03 + 0.05 * np.abs(cloth.u) ** 1.5 - 0.03 * cloth.u) * cloth.high + _fringe(cloth)
    outline = between(cloth, lambda u: 0.0 * u, lambda u: 0.985 + 0.0 * u, 0.99, 0.05)
    cloth.cut(np.maximum(outline, top - cloth.y))
    _thick(cloth, ((0.36, 0.10, 0.06, 1.0), (0.60, 0.07, -0.08, 1.2), (0.80, 0.05, 0.05, 1.0)))
    _waves(
        cloth,
        ((0.17, 0.05, 0.5, 0.10), (0.47, 0.08, 0.5, 0.10), (0.70, 0.06, 0.5, 0.09), (0.91, 0.02, 0.6, 0.10)),
    )
    cloth.height += 0.7 * cloth.soft(-(cloth.outside + 0.06), 0.10)


def scarf_loose(cloth: Cloth) -> None:
    """A light shawl drawn over the nose to one shoulder: long slanting folds."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.06 * u**2, lambda u: 0.985 + 0.0 * u, 0.99, 0.05))
    for at in (0.10, 0.25, 0.38, 0.52, 0.66, 0.81, 0.95):
        bend = 0.22 * cloth.u + 0.08 * cloth.u**2 + 0.02 * np.sin(6 * cloth.u + 31 * at)
        strength = 0.42 + 0.28 * np.cos(3 * cloth.u + 29 * at)
        cloth.fold((cloth.v - at - bend + 0.05) * cloth.high, strength, 0.09)
    _thick(cloth, ((0.55, 0.05, 0.20, 0.8),))
    cloth.hem(0.03, 0.2, 0.04)


_TIED = {"width": [0.94, 1.04], "bulge": [0.5, 1.7], "top": [-6, 3], "bottom": [-10, 14], "pleat": [0.5, 1.6]}
_TUBE = {"width": [0.92, 1.04], "bulge": [0.4, 1.7], "top": [-6, 3], "bottom": [-8, 16], "pleat": [0.4, 1.5]}
_WOUND = {
    "width": [0.96, 1.05],
    "bulge": [0.6, 1.6],
    "top": [-6, 1],
    "bottom": [-8, 14],
    "pleat": [0.6, 1.5],
}


def sheets() -> list[Sheet]:
    """The templates of this module."""
    wrap = partial(sheet, palette=WARDROBE, straps={"kind": "none"}, relief=0.06)
    tied = partial(wrap, family="bandana", textures=BANDANA_PRINTS, parameters=_TIED, wrinkle=0.9, ridge=1.8)
    tube = partial(wrap, family="gaiter", textures=GAITER_PRINTS, parameters=_TUBE, wrinkle=0.7, ridge=2.0)
    wound = partial(sheet, family="scarf", palette=SCARF, textures=SCARF_PRINTS, straps={"kind": "none"},
                    parameters=_WOUND, relief=0.07, wrinkle=1.0)  # fmt: skip
    return [
        tied("bandana-triangle", draw=bandana, drop=0.55,
             edges=((0, 31), (44, 24), (99, 18), (0, -76), (48, -68), (98, -44)),
             lift=([-0.06, 0.07, 0.10, 0.10, 0.14], [0.02, 0.03, 0.03, 0.03, 0.05])),
        tied("bandana-low", draw=bandana_low, drop=0.75,
             edges=((0, 31), (44, 25), (100, 19), (0, -76), (48, -70), (100, -50)),
             lift=([-0.05, 0.08, 0.12, 0.14, 0.20], [0.02, 0.03, 0.04, 0.04, 0.06])),
        tube("gaiter-tube", draw=gaiter, drop=1.0,
             edges=((0, 31), (44, 24), (100, 19), (0, -78), (48, -72), (98, -50)),
             lift=([-0.06, 0.03, 0.06, 0.06, 0.10], [0.01, 0.02, 0.02, 0.03, 0.08])),
        tube("gaiter-thin", draw=gaiter_thin, drop=0.75,
             edges=((0, 31), (44, 25), (100, 24), (0, -78), (48, -74), (100, -60)),
             lift=([-0.06, 0.02, 0.04, 0.03, 0.04], [0.01, 0.01, 0.01, 0.01, 0.03])),
        wound("scarf-wound", draw=scarf, drop=0.95, ridge=2.6,
              edges=((0, 32), (44, 26), (104, 22), (0, -76), (48, -62), (104, -40)),
              lift=([0.0, 0.11, 0.18, 0.24, 0.32], [0.08, 0.13, 0.20, 0.26, 0.32])),
        wound("scarf-loose", draw=scarf_loose, drop=0.9, ridge=2.2,
              edges=((0, 31), (44, 25), (104, 24), (0, -78), (48, -66), (104, -44)),
              lift=([-0.03, 0.08, 0.13, 0.18, 0.26], [0.05, 0.08, 0.13, 0.18, 0.26])),
    ]  # fmt: skip
