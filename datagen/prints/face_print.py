"""Large printed faces' lower halves: skulls, beasts, monsters, painted and human mouths, with light and depth."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, ground_colour, hsv, strong
from .pen import Pen, mirrored
from .sheet import Colour, averaged, cloth_sheet, ellipse, mixed, printed
from .skulls import draw_skull, scatter_skulls
from .tile import Frame, Print, Values

_T = np.linspace(-1, 1, 33)


def draw_face_print(frame: Frame, rng: Generator) -> Print:
    """One face about the mouth, as wide as the mask; or skulls all over it."""
    if rng.random() < 0.15:
        return scatter_skulls(frame, rng)
    sheet = cloth_sheet(frame)
    wide, high = frame.size_iod
    half = min(0.5 * wide, 0.85 * high, 1.1) * float(rng.uniform(0.75, 1.05)) * (0.9 + 0.35 * frame.scale)
    at = float(rng.normal(0, 0.03)), high * (-0.07 + float(rng.normal(0, 0.02)))
    pen = Pen(sheet, at, half, float(rng.normal(0, 0.04)))
    _FACES[int(rng.integers(len(_FACES)))](pen, rng)
    return printed(averaged(sheet, frame))


def _between(upper: Values, lower: Values, half: float) -> Values:
    """Outline between two lines over x = -half..half."""
    x = _T * half
    return np.concatenate([np.stack([x, upper], -1), np.stack([x, lower], -1)[::-1]])


def _fur(pen: Pen, rng: Generator, colour: Colour, count: int) -> None:
    """Hairs that point away from the nose, lighter and darker than the ground."""
    places = rng.uniform((-1.6, -1.1), (1.6, 1.1), (count, 2))
    away = places - [0, -0.3]
    away /= np.hypot(away[:, :1], away[:, 1:]) + 0.1
    towards = np.where(rng.random((count, 1)) < 0.5, BLACK, WHITE)
    inks = np.array(colour) + (towards - np.array(colour)) * rng.uniform(0.15, 0.4, (count, 1))
    pen.hairs(places, places + away * rng.uniform(0.12, 0.25, (count, 1)), inks, 0.035)


def _skull(pen: Pen, rng: Generator) -> None:
    pen.sheet.ground(BLACK if rng.random() < 0.7 else ground_colour(rng))
    draw_skull(pen, rng)


def _beast(pen: Pen, rng: Generator) -> None:
    """Snout of a dog, cat, tiger, fox, bear or panda."""
    kind = int(rng.integers(6))
    fur = ((150, 98, 58), (120, 120, 124), (232, 128, 30), (214, 92, 28), (84, 54, 36), WHITE)[kind]
    muzzle = mixed(fur, WHITE, float(rng.uniform(0.5, 0.95)))
    pen.sheet.ground(fur)
    _fur(pen, rng, fur, 160)
    if kind in (1, 2):
        _stripes(pen, rng)
    for side in (-1, 1):
        pen.oval((0.34 * side, 0.08), (0.44, 0.36), muzzle)
    pen.oval((0, 0.36), (0.4, 0.3), muzzle)
    _fur_dots(pen, rng)
    if rng.random() < 0.5:
        _open_mouth(pen, rng)
    for side in (-1, 1):
        angle = np.linspace(0, np.pi * 0.9, 16)
        pen.stroke(
            np.stack([side * (0.22 - 0.22 * np.cos(angle)), 0.1 + 0.2 * np.sin(angle)], -1), BLACK, 0.05
        )
    pen.stroke([(0, -0.2), (0, 0.12)], BLACK, 0.05)
    nose = BLACK if kind != 1 else (214, 120, 130)
    pen.fill(
        [(-0.3, -0.42), (0.3, -0.42), (0.22, -0.24), (0.06, -0.14), (-0.06, -0.14), (-0.22, -0.24)], nose
    )
    pen.oval((0, -0.38), (0.3, 0.13), nose)
    pen.shade((-0.09, -0.43), (0.09, 0.04), 0.8)
    for side in (-1, 1):
        pen.shade((0.3 * side, -0.05), (0.2, 0.14), 0.35)
        pen.shade((0.9 * side, 0.2), (0.25, 0.6), -0.45)
    pen.shade((0, 0.75), (0.7, 0.2), -0.5)


def _stripes(pen: Pen, rng: Generator) -> None:
    for side in (-1, 1):
        for y in np.arange(-0.8, 0.9, 0.3):
            reach, end = float(rng.uniform(0.35, 0.7)), y + float(rng.uniform(-0.1, 0.1))
            tip = np.array([(1.7, y - 0.09), (reach, end), (1.7, y + 0.09)])
            pen.fill(tip if side > 0 else mirrored(tip), BLACK)


def _fur_dots(pen: Pen, rng: Generator) -> None:
    for side in (-1, 1):
        for i in range(5):
            x, y = 0.32 + 0.11 * (i % 3), 0.0 + 0.1 * (i // 3) + 0.02 * i
            pen.oval((side * x, y), (0.022, 0.022), BLACK)
            reach = float(rng.uniform(0.9, 1.4))
            pen.stroke([(side * x, y), (side * reach, y - 0.1 + 0.12 * i)], WHITE, 0.014)


def _open_mouth(pen: Pen, rng: Generator) -> None:
    pen.fill(_between(0.2 + 0.08 * (1 - _T**2), 0.2 + 0.45 * np.sqrt(1 - _T**2), 0.36), (60, 8, 16))
    pen.oval((0, 0.53), (0.2, 0.2), (226, 90, 104))
    pen.stroke([(0, 0.4), (0, 0.68)], (150, 40, 60), 0.03)
    if rng.random() < 0.6:
        for side in (-1, 1):
            pen.fill([(side * 0.2, 0.26), (side * 0.3, 0.27), (side * 0.24, 0.46)], WHITE)


def _monster(pen: Pen, rng: Generator) -> None:
    """A wide mouth full of fangs, as on sharks, demons and aliens."""
    skin = (strong(rng), BLACK, (70, 90, 110), (150, 16, 20))[int(rng.integers(4))]
    pen.sheet.ground(skin)
    half, deep, smile = rng.uniform(0.75, 1.1), rng.uniform(0.35, 0.55), rng.uniform(-0.35, 0.35)
    curve = smile * (0.4 - _T**2)
    upper, lower = curve - 0.55 * deep * (1 - _T**2) ** 0.7, curve + deep * (1 - _T**2) ** 0.7
    pen.shade((0, 0), (1.25 * half, 1.8 * deep), 0.3 if skin == BLACK else -0.5)
    gum = ((196, 34, 44), (230, 60, 90), mixed(skin, BLACK, 0.6))[int(rng.integers(3))]
    pen.fill(_between(upper - 0.09, lower + 0.09, half + 0.08), gum)
    pen.fill(_between(upper, lower, half), (18, 4, 8))
    if rng.random() < 0.5:
        pen.fill(_between(curve + 0.3 * deep, lower - 0.05, half * 0.55), (176, 24, 50))
        pen.shade((0, float(lower[16]) - 0.15), (0.25, 0.08), 0.35)
    count = int(rng.integers(7, 15))
    edges = np.linspace(-0.93, 0.93, count + 1) + np.append(rng.normal(0, 0.12 / count, count), 0)
    for row, (line, way) in enumerate(((upper, 1), (lower, -1))):
        for i in range(count):
            left, right = edges[i] + 0.3 * row / count, edges[i + 1] + 0.3 * row / count
            _fang(pen, rng, (left, right, half), line, way * deep)
    for side in (-1, 1):
        pen.oval((0.13 * side, -0.78), (0.07, 0.04), mixed(skin, BLACK, 0.8), 0.5 * side)
        for i in range(2):
            y = -0.45 - 0.16 * i
            pen.stroke(
                [(0.3 * side, y - 0.1), (0.6 * side, y), (0.95 * side, y + 0.12)],
                mixed(skin, BLACK, 0.6),
                0.04,
            )


def _fang(pen: Pen, rng: Generator, span: tuple[float, float, float], line: Values, deep: float) -> None:
    left, right, half = span
    middle = (left + right) / 2 + float(rng.normal(0, 0.02))
    long = deep * float(rng.uniform(0.45, 0.95)) * (1 - 0.5 * middle**2)
    base = [float(np.interp(at, _T, line)) - 0.04 * np.sign(deep) for at in (left, right, middle)]
    tooth = np.array([(left * half, base[0]), (right * half, base[1]), (middle * half, base[2] + long)])
    pen.fill(tooth, (176, 150, 110))
    pen.fill(tooth * 0.86 + tooth.mean(0) * 0.14 - [0.015, 0], WHITE)


def _human(pen: Pen, rng: Generator) -> None:
    """A photographed mouth: skin, nose, lips, seldom a beard or bare teeth."""
    tone = float(rng.random())
    skin, lip = mixed((246, 204, 178), (92, 56, 40), tone), mixed((206, 92, 96), (110, 44, 44), tone)
    if rng.random() < 0.3:
        lip = (200, 16, 40)
    pen.sheet.ground(skin)
    for side in (-1, 1):
        pen.shade((1.0 * side, 0.1), (0.35, 1.0), -0.5)
        pen.shade((0.55 * side, -0.5), (0.3, 0.3), 0.2)
        pen.oval((0.15 * side, -0.42), (0.08, 0.045), mixed(skin, BLACK, 0.75), 0.3 * side)
        pen.shade((0.26 * side, -0.48), (0.06, 0.1), -0.3)
    pen.shade((0, -0.6), (0.13, 0.12), 0.35)
    pen.shade((0, -0.38), (0.25, 0.06), -0.4)
    if rng.random() < 0.35:
        _beard(pen, rng, mixed((60, 40, 28), BLACK, rng.random()))
    half, full = rng.uniform(0.36, 0.5), rng.uniform(0.1, 0.17)
    bow = np.exp(-((np.abs(_T) - 0.28) ** 2) / 0.05) * 0.35 + 0.75
    line = 0.02 * np.cos(_T * 7) + rng.uniform(-0.06, 0.1) * (0.4 - _T**2)
    pen.fill(
        _between(line - full * bow * (1 - _T**2) ** 0.8, line + 1.3 * full * (1 - _T**2) ** 0.7, half), lip
    )
    if rng.random() < 0.5:
        opened = rng.uniform(0.04, 0.11) * (1 - _T**2)
        pen.fill(_between(line - 0.5 * opened, line + opened, half * 0.88), (40, 10, 14))
        pen.fill(_between(line - 0.45 * opened, line + 0.7 * opened, half * 0.8), WHITE)
    else:
        pen.stroke(np.stack([_T * half * 0.95, line], -1), mixed(lip, BLACK, 0.7), 0.025)
    pen.shade((0, full * 0.7), (0.16, 0.03), 0.35)
    pen.shade((0, full * 1.3 + 0.12), (0.3, 0.05), -0.35)
    pen.shade((0, 0.55), (0.25, 0.12), 0.2)


def _beard(pen: Pen, rng: Generator, hair: Colour) -> None:
    low = rng.uniform(0.0, 0.3)
    places = rng.uniform((-1.2, -0.35), (1.2, 1.1), (420, 2))
    x, y = np.abs(places[:, 0]), places[:, 1]
    around = np.hypot(x / 0.5, (y - 0.05) / 0.17) > 1
    places = places[(y > low - 0.5 * x - 0.3) & around & ((x > 0.25) | (y > -0.25))]
    inks = np.array(hair) + (255 - np.array(hair)) * rng.uniform(0, 0.2, (len(places), 1))
    pen.hairs(places, places * [1.08, 1] + [0, 0.16], inks, 0.05)


def _painted(pen: Pen, rng: Generator) -> None:
    """Face paint: a clown's or harlequin's grin with stitches and teeth."""
    paper = (WHITE, BLACK, (236, 214, 60), (240, 200, 190))[int(rng.integers(4))]
    pen.sheet.ground(paper)
    paint = (200, 10, 26) if rng.random() < 0.6 else strong(rng)
    half, up = rng.uniform(0.75, 1.1), rng.uniform(0.2, 0.5)
    curve = up * (0.4 - _T**2) + 0.05
    pen.fill(_between(curve - 0.24 * (1 - np.abs(_T) ** 3), curve + 0.3 * (1 - np.abs(_T) ** 3), half), paint)
    pen.fill(_between(curve - 0.12 * (1 - _T**2), curve + 0.17 * (1 - _T**2), half * 0.8), BLACK)
    pen.fill(_between(curve - 0.1 * (1 - _T**2), curve + 0.14 * (1 - _T**2), half * 0.74), WHITE)
    for x in np.linspace(-0.6, 0.6, int(rng.integers(7, 13))):
        y = float(np.interp(x / 0.8, _T, curve))
        pen.stroke([(x * half, y - 0.12), (x * half, y + 0.15)], BLACK, 0.025)
    pen.stroke(np.stack([_T * half * 0.72, curve + 0.02], -1), BLACK, 0.025)
    ink = BLACK if paper != BLACK else WHITE
    for side in (-1, 1):
        for i in range(3):
            x, y = side * half * (0.8 + 0.14 * i), -0.25 * up - 0.1 - 0.16 * i
            pen.stroke([(x - 0.09, y + 0.02), (x + 0.09, y - 0.02)], ink, 0.035)
        pen.fill([(0.5 * side, -1.2), (0.62 * side, -0.5), (0.74 * side, -1.2)], hsv(rng.random(), 1, 0.8))
    if rng.random() < 0.5:
        pen.oval((0, -0.55), (0.26, 0.24), paint)
        pen.shade((-0.08, -0.63), (0.07, 0.06), 0.85)
        pen.shade((0.1, -0.42), (0.14, 0.1), -0.4)


def _hero(pen: Pen, rng: Generator) -> None:
    """A costume's lower half: web or plates of a strong colour, and large pale eyes."""
    ground, line = strong(rng), BLACK if rng.random() < 0.7 else WHITE
    pen.sheet.ground(ground)
    centre = (0.0, float(rng.uniform(-1.0, -0.4)))
    for angle in np.arange(14) * (2 * np.pi / 14) + 0.1:
        pen.stroke([centre, (centre[0] + 4 * np.cos(angle), centre[1] + 4 * np.sin(angle))], line, 0.03)
    for i in range(1, 8):
        pen.stroke(ellipse(centre, (0.27 * i, 0.24 * i), count=14), line, 0.024, closed=True)
    for side in (-1, 1):
        eye = np.array([(0.18, -0.1), (0.8, -0.5), (0.95, -0.1), (0.6, 0.2)]) * [side, 1]
        pen.outlined(eye, WHITE, line, 0.09)
        pen.shade((0.6 * side, 0.0), (0.3, 0.2), -0.25)
        pen.shade((1.0 * side, 0.5), (0.3, 0.7), -0.5)
    pen.shade((0, -0.2), (0.2, 0.5), 0.35)


_FACES: tuple[Callable[[Pen, Generator], None], ...] = (
    _skull, _beast, _monster, _human, _painted, _hero, _monster, _skull, _beast,
)  # fmt: skip
