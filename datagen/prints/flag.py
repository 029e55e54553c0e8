"""Flag-like prints: bands, crosses, cantons, triangles, discs, rays and stars in the inks of flags."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE
from .pen import Pen, star
from .sheet import Colour, averaged, cloth_sheet, printed
from .tile import Frame, Print

_INKS = (
    (200, 16, 46), (0, 38, 100), (255, 205, 0), (0, 122, 61), (0, 114, 198), (244, 121, 32), (108, 172, 228),
    (120, 20, 50), (0, 80, 50),
)  # fmt: skip
Inks = list[Colour]


def draw_flag(frame: Frame, rng: Generator) -> Print:
    """One invented flag over the whole mask, seldom on its side."""
    sheet = cloth_sheet(frame)
    wide, high = frame.size_iod
    side = rng.random() < 0.12
    size = max(wide / 3, high / 2) * (0.8 + 0.5 * frame.scale) * float(rng.uniform(0.9, 1.3))
    size *= 1.25 if side else 1
    at = float(rng.normal(0, 0.08)) * wide, float(rng.normal(-0.04, 0.05)) * high
    pen = Pen(sheet, at, size, float(rng.normal(0, 0.06)) + (np.pi / 2 if side else 0.0))
    inks = [_INKS[int(i)] for i in rng.permutation(len(_INKS))]
    inks.insert(int(rng.integers(0, 3)), WHITE)
    if rng.random() < 0.3:
        inks.insert(int(rng.integers(0, 3)), BLACK)
    sheet.ground(inks[0])
    _LAYOUTS[int(rng.integers(len(_LAYOUTS)))](pen, rng, inks)
    return printed(averaged(sheet, frame))


def _box(pen: Pen, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
    """A rectangle; the flag spans -1.5..1.5 and -1..1, and what lies at its border goes on beyond it."""
    left, right = (-9 if left <= -1.5 else left), (9 if right >= 1.5 else right)
    top, bottom = (-9 if top <= -1 else top), (9 if bottom >= 1 else bottom)
    pen.fill([(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def _stars(pen: Pen, rng: Generator, box: tuple[float, float, float, float], ink: Colour) -> None:
    """One large star, a ring of them, staggered rows, or one large with small ones about it."""
    left, top, right, bottom = box
    at, room = ((left + right) / 2, (top + bottom) / 2), min(right - left, bottom - top) / 2
    kind, shape = int(rng.integers(4)), star(int(rng.choice([5, 5, 5, 6, 8])))
    ring = np.arange(12) * (np.pi / 6)
    grid = [((i + 0.75 - 0.5 * (j % 2)) / 5.2, (j + 0.5) / 5) for j in range(5) for i in range(5)]
    beside = [(at[0] + 0.6 * room * np.cos(a), at[1] + 0.7 * room * np.sin(a)) for a in np.linspace(-1, 1, 4)]
    if kind == 0:
        places = [(*at, 0.75 * room)]
    elif kind == 1:
        places = [
            (at[0] + 0.65 * room * np.sin(a), at[1] - 0.65 * room * np.cos(a), 0.17 * room) for a in ring
        ]
    elif kind == 2:
        places = [(left + (right - left) * u, top + (bottom - top) * v, 0.15 * room) for u, v in grid]
    else:
        places = [(at[0] - 0.3 * room, at[1], 0.5 * room), *((x, y, 0.16 * room) for x, y in beside)]
    for x, y, radius in places:
        pen.fill(shape * radius + [x, y], ink)


def _bands(pen: Pen, rng: Generator, inks: Inks) -> None:
    count, upright = int(rng.choice([2, 3, 3, 4, 5])), rng.random() < 0.5
    for i in range(count):
        low, high = i / count * 2 - 1, (i + 1) / count * 2 - 1
        if upright:
            _box(pen, 1.5 * low, -1, 1.5 * high, 1, inks[i])
        else:
            _box(pen, -1.5, low, 1.5, high, inks[i])
    share = rng.random()
    if share < 0.25:
        _stars(pen, rng, (-0.5, -0.5, 0.5, 0.5), inks[count])
    elif share < 0.45:
        pen.oval((0, 0), (0.36, 0.36), inks[count])
        pen.fill(star(int(rng.integers(8, 17)), 0.55) * 0.3, inks[count + 1])


def _canton(pen: Pen, rng: Generator, inks: Inks) -> None:
    count = int(rng.integers(5, 14))
    for i in range(count):
        _box(pen, -1.5, i / count * 2 - 1, 1.5, (i + 1) / count * 2 - 1, inks[i % 2])
    right, bottom = float(rng.uniform(-0.4, 0.1)), float(rng.uniform(-0.1, 0.2))
    _box(pen, -1.5, -1, right, bottom, inks[2])
    _stars(pen, rng, (-1.35, -0.95, right, bottom), WHITE if inks[2] != WHITE else inks[3])


def _cross(pen: Pen, rng: Generator, inks: Inks) -> None:
    x, half = float(rng.choice([-0.45, 0.0])), float(rng.uniform(0.14, 0.26))
    for width, ink in ((half, inks[1]), (half * 0.55, inks[2 if rng.random() < 0.6 else 1])):
        _box(pen, x - width, -1, x + width, 1, ink)
        _box(pen, -1.5, -width, 1.5, width, ink)


def _saltire(pen: Pen, rng: Generator, inks: Inks) -> None:
    half = float(rng.uniform(0.15, 0.3))
    for width, ink in ((half, inks[1]), (half * 0.55, inks[2 if rng.random() < 0.6 else 1])):
        for side in (-1, 1):
            pen.stroke([(-4.5 * side, -3), (4.5 * side, 3)], ink, 2 * width)
    if rng.random() < 0.6:
        width = half * 0.7
        for wider, ink in ((1.6, inks[1]), (1.0, inks[3])):
            _box(pen, -width * wider, -1, width * wider, 1, ink)
            _box(pen, -1.5, -width * wider, 1.5, width * wider, ink)


def _triangle(pen: Pen, rng: Generator, inks: Inks) -> None:
    _bands(pen, rng, inks[1:])
    tip = float(rng.uniform(-0.5, 0.4))
    pen.fill([(-9, -9), (-1.5, -1), (tip, 0), (-1.5, 1), (-9, 9)], inks[0])
    if rng.random() < 0.6:
        _stars(pen, rng, (-1.5, -0.5, tip - 0.2, 0.5), inks[4])


def _disc(pen: Pen, rng: Generator, inks: Inks) -> None:
    radius = float(rng.uniform(0.4, 0.7))
    if rng.random() < 0.5:  # rays from the disc to the border
        count = int(rng.integers(8, 17))
        for i in range(count):
            a, b = (2 * np.pi * (i + share) / count for share in (0.0, 0.5))
            pen.fill([(0, 0), (9 * np.cos(a), 9 * np.sin(a)), (9 * np.cos(b), 9 * np.sin(b))], inks[1])
    pen.oval((0, 0), (radius, radius), inks[1])
    share = rng.random()
    if share < 0.4:
        _stars(pen, rng, (-radius, -radius, radius, radius), inks[2])
    elif share < 0.6:  # crescent
        pen.oval((radius * 0.25, 0), (radius * 0.8, radius * 0.8), inks[0])
        pen.fill(star() * (radius * 0.35) + [radius * 0.4, 0], inks[1])


def _quarters(pen: Pen, rng: Generator, inks: Inks) -> None:
    x, y = float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-0.2, 0.2))
    _box(pen, x, -1, 1.5, y, inks[1])
    _box(pen, -1.5, y, x, 1, inks[2 if rng.random() < 0.5 else 1])
    _stars(pen, rng, (-1.2, -0.9, x, y), inks[3])
    if rng.random() < 0.5:
        _stars(pen, rng, (x, y, 1.2, 0.9), inks[4])


def _diagonal(pen: Pen, rng: Generator, inks: Inks) -> None:
    side, half = (1 if rng.random() < 0.5 else -1), float(rng.uniform(0.15, 0.4))
    pen.fill([(-9 * side, -6), (9 * side, 6), (-9 * side, 6)], inks[1])
    pen.stroke([(-9 * side, -6), (9 * side, 6)], inks[2], 2 * half)
    pen.stroke([(-9 * side, -6), (9 * side, 6)], inks[3], half)
    _stars(pen, rng, (0.2 * side - 0.7, -0.9, 0.2 * side + 0.7, 0.0), inks[4])


_LAYOUTS: tuple[Callable[[Pen, Generator, Inks], None], ...] = (
    _bands, _canton, _cross, _saltire, _triangle, _disc, _quarters, _diagonal,
)  # fmt: skip
