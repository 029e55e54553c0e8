"""Comic strips: panels with halftone dots, bursts, balloons, figures and thick outlines."""

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, hsv, palette
from .pen import Pen, lettering, mirrored, star, width_of
from .sheet import U8, Colour, Painter, Sheet, averaged, cloth_sheet, mixed, printed
from .text import FONTS, word
from .tile import F32, Frame, Print, Values, soft_step

_CRIES = ("POW", "BAM", "ZAP", "WOW", "BOOM", "CRASH", "OOF", "HA!", "WHAM", "?!", "OH", "GRR", "NO!", "YES")
_DOT_IOD = 0.085
Box = tuple[float, float, float, float]


def draw_comic(frame: Frame, rng: Generator) -> Print:
    """A page of panels over the whole mask."""
    sheet = cloth_sheet(frame)
    wide, high = frame.size_iod
    colours = palette(rng, 6)
    sheet.ground(WHITE if rng.random() < 0.8 else BLACK)
    gap = float(rng.uniform(0.02, 0.06))
    for box in _split(rng, (-wide / 2, -high / 2, wide / 2, high / 2), frame.scale):
        _panel(sheet, rng, box, gap, colours)
    return printed(averaged(sheet, frame))


def _split(rng: Generator, box: Box, least: float) -> list[Box]:
    """Parts of a box, cut in two again and again until a side falls below about ``least``."""
    left, top, right, bottom = box
    share = float(rng.uniform(0.35, 0.65))
    if max(right - left, bottom - top) < 1.7 * least:
        return [box]
    if right - left > bottom - top:
        x = left + share * (right - left)
        parts = (left, top, x, bottom), (x, top, right, bottom)
    else:
        y = top + share * (bottom - top)
        parts = (left, top, right, y), (left, y, right, bottom)
    return [part for half in parts for part in _split(rng, half, least)]


def _panel(sheet: Sheet, rng: Generator, box: Box, gap: float, colours: list[Colour]) -> None:
    left, top, right, bottom = box[0] + gap, box[1] + gap, box[2] - gap, box[3] - gap
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    corners = corners + rng.normal(0, 0.4 * gap, corners.shape)
    first, second = (colours[int(i)] for i in rng.permutation(len(colours))[:2])
    sheet.paste(corners, _halftone(rng, first, second))
    # Figures are cut off at the panel's border, which is drawn over them.
    size = min(right - left, bottom - top) / 2
    pen = Pen(sheet, ((left + right) / 2, (top + bottom) / 2), size * 0.9, float(rng.normal(0, 0.1)))
    share = rng.random()
    if share < 0.4:
        _burst(pen, rng, colours, (right - left) / (bottom - top))
    elif share < 0.7:
        _head(pen, rng, colours)
    elif share < 0.9:
        _balloon(pen, rng)
    else:
        _rays(pen, rng, second)
    sheet.stroke(corners, BLACK, 0.035, closed=True)


def _halftone(rng: Generator, paper: Colour, ink: Colour) -> Painter:
    """Dots that grow from nothing to a full ground, along a slope."""
    slope, middle = rng.normal(0, 0.8, 2), float(rng.uniform(0.1, 0.5))
    turn = float(rng.uniform(0, np.pi))
    cos, sin = np.float32(np.cos(turn) / _DOT_IOD), np.float32(np.sin(turn) / _DOT_IOD)

    def paint(x: F32, y: F32, soft: float) -> U8:
        u, v = x * cos + y * sin, y * cos - x * sin
        away = np.hypot(u - np.rint(u), v - np.rint(v))
        cover = np.clip(middle + x * np.float32(slope[0]) + y * np.float32(slope[1]), 0, 0.85).astype(
            np.float32
        )
        dots = soft_step(np.sqrt(cover / np.float32(np.pi)) - away, soft / _DOT_IOD)
        seen = np.float32(np.clip(_DOT_IOD / soft / 2 - 0.5, 0, 1))
        share = (cover + (dots - cover) * seen)[..., None]
        image: U8 = (np.array(paper) + (np.array(ink) - np.array(paper)) * share).astype(np.uint8)
        return image

    return paint


def _burst(pen: Pen, rng: Generator, colours: list[Colour], ratio: float) -> None:
    """A jagged star with a cry in it."""
    points = star(int(rng.integers(9, 16)), float(rng.uniform(0.6, 0.78))) * rng.uniform(0.88, 1.12, (1, 2))
    wide = float(np.clip(ratio, 0.8, 1.7))
    fill, ink = (colours[int(i)] for i in rng.permutation(len(colours))[:2])
    pen.outlined(points * [wide, 1], fill, BLACK, 0.06)
    outlines = lettering(_CRIES[int(rng.integers(len(_CRIES)))], FONTS[int(rng.integers(2))], 0.07)
    size = min(1.15 * wide / width_of(outlines), 0.8)
    ink = ink if _light(ink) != _light(fill) else (BLACK if _light(fill) else WHITE)
    pen.letters([line * size for line in outlines], ink, BLACK if _light(ink) else WHITE, 0.03)


def _light(colour: Colour) -> bool:
    return 0.3 * colour[0] + 0.6 * colour[1] + 0.1 * colour[2] > 128


def _balloon(pen: Pen, rng: Generator) -> None:
    """A speech balloon with a line or two."""
    side = 1 if rng.random() < 0.5 else -1
    tail = np.array([(0.1, 0.4), (0.45, 0.35), (0.55, 1.0)]) * [side, 1]
    angle = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    outline = np.stack([0.95 * np.cos(angle), -0.15 + 0.68 * np.sin(angle)], -1)
    pen.outlined(tail, WHITE, BLACK, 0.1)
    pen.outlined(outline, WHITE, BLACK, 0.06)
    pen.fill(tail - [0.0, 0.06], WHITE)
    lines = int(rng.integers(1, 4))
    for i in range(lines):
        outlines = lettering(word(rng).upper(), FONTS[1], 0.05)
        size = min(1.4 / width_of(outlines), 0.7 / lines)
        pen.letters(
            [line * size + [0, -0.15 + (i + 0.5 - lines / 2) * 0.8 / lines] for line in outlines],
            BLACK,
            BLACK,
            0,
        )


def _head(pen: Pen, rng: Generator, colours: list[Colour]) -> None:
    """A drawn face with hair, large eyes and an open mouth."""
    tone = float(rng.random())
    skin = mixed((255, 222, 190), (110, 68, 42), tone) if rng.random() < 0.8 else hsv(tone, 0.7, 0.9)
    hair = colours[int(rng.integers(len(colours)))]
    pen.outlined([(-1.3, 1.6), (-0.9, 0.75), (0.9, 0.75), (1.3, 1.6)], colours[0], BLACK, 0.07)
    angle = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    tufts = np.where(np.arange(14) % 2, 0.95, 1.2)[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    pen.outlined(tufts * [0.8, 0.8] - [0, 0.2], hair, BLACK, 0.07)
    jaw = np.stack([0.66 * np.cos(angle), 0.1 + 0.78 * np.sin(angle)], -1)
    pen.outlined(jaw, skin, BLACK, 0.07)
    for side in (-1, 1):
        pen.oval((0.27 * side, -0.05), (0.17, 0.22), BLACK)
        pen.oval((0.27 * side, -0.03), (0.13, 0.17), WHITE)
        pen.oval((0.27 * side + 0.03, 0), (0.07, 0.1), BLACK)
        pen.stroke([(0.1 * side, -0.3), (0.48 * side, -0.4 + 0.1 * rng.normal())], BLACK, 0.07)
    mouth: Values = np.array([(-0.3, 0.4), (0.3, 0.36), (0.22, 0.62), (-0.1, 0.68)])
    pen.outlined(mouth if rng.random() < 0.5 else mirrored(mouth), (170, 20, 30), BLACK, 0.05)


def _rays(pen: Pen, rng: Generator, ink: Colour) -> None:
    """Lines of speed that leave the middle free."""
    for angle in np.sort(rng.uniform(0, 2 * np.pi, 26)):
        start, half = float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.02, 0.06))
        tip = np.array([np.cos(angle), np.sin(angle)])
        side = np.array([-tip[1], tip[0]]) * half
        pen.fill(np.stack([tip * start, tip * 1.05 + side, tip * 1.05 - side]), ink)
