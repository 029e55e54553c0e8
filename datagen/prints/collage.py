"""Collages: irregular cut-outs of several pictures side by side, with hard edges."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, palette
from .scenes import scene
from .sheet import U8, Painter, Sheet, averaged, cloth_sheet, printed
from .tile import F32, Frame, Print, Values, soft_step

_MOST = 12  # cut-outs
_SHOWN = 1.3  # a picture reaches so many times as far as its cut-out's radius


def draw_collage(frame: Frame, rng: Generator) -> Print:
    """Scenes, runs of colour, stripes and dots, cut out by hand and laid over one another."""
    sheet = cloth_sheet(frame)
    wide, high = frame.size_iod
    colours = palette(rng, 6)
    count = int(np.clip(1.6 * wide * high / frame.scale**2, 5, _MOST))
    side = int(np.clip(1.2 * _SHOWN * frame.scale / sheet.soft, 32, 176))
    pictures = [_painted(_picture(rng, colours), side) for _ in range(3)]
    _lay(sheet, pictures[0], _corners(1.2 * max(wide, high)), (0.0, 0.0), 0.6 * max(wide, high), 0.0)
    border = float(rng.choice([0.0, 0.0, 0.025, 0.05]))
    paper = (WHITE, BLACK)[int(rng.random() < 0.3)]
    for i, at in enumerate(_spread(rng, count) * [wide, high]):
        size = frame.scale * float(rng.uniform(0.55, 1.0))
        cut = _cut(rng) * size
        if border:
            sheet.fill(at + cut * (1 + border / size * 2), paper)
        turn = float(rng.choice([0.0, rng.normal(0, 0.8)]))
        _lay(sheet, pictures[i % len(pictures)], at + cut, (float(at[0]), float(at[1])), size, turn)
    return printed(averaged(sheet, frame))


def _corners(side: float) -> Values:
    return np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * side / 2


def _painted(painter: Painter, side: int) -> U8:
    """A picture of -1.3..1.3, uint8 (side, side, 3): painted once, laid several times."""
    sheet = Sheet(np.empty((side, side, 3), np.uint8), (2 * _SHOWN, 2 * _SHOWN))
    sheet.paint(painter)
    return sheet.image


def _lay(
    sheet: Sheet, picture: U8, outline: Values, at: tuple[float, float], size: float, turn: float
) -> None:
    """Lay a picture about a place, mirrored where it ends, inside an outline."""
    side = picture.shape[0]
    px = side / (2 * _SHOWN * size)  # of the picture to a unit of the sheet

    def paint(x: F32, y: F32, soft: float) -> U8:
        cos, sin = np.cos(turn) * px, np.sin(turn) * px
        left, top = float(x[0, 0]) - at[0], float(y[0, 0]) - at[1]
        matrix = np.array(
            [
                [cos * soft, sin * soft, cos * left + sin * top + (side - 1) / 2],
                [-sin * soft, cos * soft, cos * top - sin * left + (side - 1) / 2],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        shape = (x.shape[1], y.shape[0])
        return np.asarray(
            cv2.warpAffine(picture, matrix, shape, flags=flags, borderMode=cv2.BORDER_REFLECT), np.uint8
        )

    sheet.paste(outline, paint)


def _spread(rng: Generator, count: int) -> Values:
    """Places -0.5..0.5 that fill a rectangle about evenly, in no order: a jittered grid."""
    across = max(round(np.sqrt(count * 1.3)), 1)
    down = -(-count // across)
    cells = np.stack(np.meshgrid(np.arange(across), np.arange(down)), -1).reshape(-1, 2)
    places: Values = (cells + rng.uniform(0, 1, cells.shape)) / [across, down] - 0.5
    return places[rng.permutation(len(places))]


def _cut(rng: Generator) -> Values:
    """Outline of a cut-out about (0, 0): few straight cuts, or many uneven ones."""
    count = int(rng.choice([3, 4, 5, 6, 14]))
    angle = np.sort((np.arange(count) + rng.uniform(-0.3, 0.3, count)) * (2 * np.pi / count)) + rng.uniform(
        0, 6
    )
    away = rng.uniform(0.6, 1.3, count) if count < 14 else rng.uniform(0.75, 1.05, count)
    return np.stack([away * np.cos(angle), away * np.sin(angle)], -1)


def _picture(rng: Generator, colours: list[tuple[int, int, int]]) -> Painter:
    share = rng.random()
    if share < 0.55:
        return scene(rng)
    first, second, third = (np.array(colours[int(i)], np.float32) for i in rng.permutation(len(colours))[:3])
    kind = (_stripes, _dots, _run)[int((share - 0.55) / 0.15) % 3](rng)

    def paint(x: F32, y: F32, soft: float) -> U8:
        pattern = kind(x, y, soft)[..., None]
        low = first + (third - first) * np.clip(y * np.float32(0.35) + np.float32(0.3), 0, 1)[..., None]
        image: U8 = (low + (second - low) * pattern).astype(np.uint8)
        return image

    return paint


Pattern = Callable[[F32, F32, float], Values]


def _stripes(rng: Generator) -> Pattern:
    period, lean = float(rng.uniform(0.2, 0.6)), float(rng.uniform(-1.5, 1.5))

    def pattern(x: F32, y: F32, soft: float) -> Values:
        place = (x + y * np.float32(lean)) / np.float32(period)
        return _seen(
            soft_step(np.abs(place - np.rint(place)) - np.float32(0.25), 2 * soft / period), period, soft
        )

    return pattern


def _dots(rng: Generator) -> Pattern:
    period = float(rng.uniform(0.2, 0.5))

    def pattern(x: F32, y: F32, soft: float) -> Values:
        u, v = x / np.float32(period), y / np.float32(period)
        away = np.hypot(u - np.rint(u), v - np.rint(v))
        return _seen(soft_step(np.float32(0.38) - away, soft / period), period, soft)

    return pattern


def _run(rng: Generator) -> Pattern:
    lean = rng.normal(0, 1, 2).astype(np.float32)

    def pattern(x: F32, y: F32, soft: float) -> Values:
        share: Values = np.clip(np.float32(0.5) + x * lean[0] + y * lean[1], 0, 1)
        return share

    return pattern


def _seen(pattern: Values, period: float, soft: float) -> Values:
    """Contrast that fades where a period has fewer than three pixels."""
    seen = np.float32(np.clip(period / soft / 3 - 0.5, 0, 1))
    return np.float32(0.48) + (pattern - np.float32(0.48)) * seen
