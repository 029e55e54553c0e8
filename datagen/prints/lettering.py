"""Very large letters: one to three of them, or a word across the whole mask, outlined."""

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, ground_colour, palette, strong
from .pen import Pen, lettering, width_of
from .scenes import moved, scene
from .sheet import Colour, Sheet, averaged, cloth_sheet, printed
from .text import FONTS, word
from .tile import Frame, Print, Values

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789&?!"
_WEIGHTS = (0.04, 0.06, 0.085)


def draw_lettering(frame: Frame, rng: Generator) -> Print:
    """Letters side by side, a word, or lines of words, before a plain, striped or pictured ground."""
    sheet = cloth_sheet(frame)
    wide, high = frame.size_iod
    ground = _ground(sheet, rng)
    inks = [ink for ink in [*palette(rng, 4), WHITE, BLACK] if _apart(ink, ground) > 130]
    share = rng.random()
    lines = 1 if share < 0.75 else int(rng.integers(2, 5))
    room = high * (0.5 + 0.35 * min(frame.scale, 0.8)) if lines == 1 else high
    for i in range(lines):
        text = _letters(rng) if share < 0.45 else word(rng)
        at = (
            float(rng.normal(0, 0.04)) * wide,
            ((i + 0.5) / lines - 0.5) * room + float(rng.normal(-0.06, 0.03)) * high,
        )
        _write(sheet, rng, text, at, (0.7 * wide * float(rng.uniform(0.8, 1.25)), room / lines), inks, ground)
    return printed(averaged(sheet, frame))


def _letters(rng: Generator) -> str:
    return "".join(_LETTERS[int(i)] for i in rng.integers(len(_LETTERS), size=int(rng.integers(1, 4))))


def _apart(first: Colour, second: Colour) -> float:
    return sum(abs(a - b) for a, b in zip(first, second, strict=True))


def _ground(sheet: Sheet, rng: Generator) -> Colour:
    """Paint the ground; its colour, or black where a picture is dark and colourful."""
    colour, share = ground_colour(rng), rng.random()
    sheet.ground(colour)
    if share < 0.15:
        sheet.paint(moved(scene(rng), (0, 0), sheet.size[0] * 0.4))
    elif share < 0.3:
        other, slope = strong(rng), float(rng.uniform(-1, 1))
        step, wide = float(rng.uniform(0.15, 0.5)), sheet.size[0]
        for x in np.arange(-wide, wide, step):
            sheet.stroke([(x - 2 * slope, -2), (x + 2 * slope, 2)], other, step * 0.5)
    return colour


def _write(
    sheet: Sheet, rng: Generator, text: str, at: tuple[float, float], room: tuple[float, float], inks: list[Colour],
    ground: Colour,
) -> None:  # fmt: skip
    font, weight = FONTS[int(rng.integers(len(FONTS)))], _WEIGHTS[int(rng.integers(len(_WEIGHTS)))]
    outlines = lettering(text, font, weight)
    size = min(room[0] / width_of(outlines), room[1] * 0.95)
    tall = float(np.clip(room[1] * 0.8 / size, 1, 1.9))  # narrow letters rather than a thin line of them
    lean, bow = float(rng.normal(0, 0.15)), float(rng.choice([0.0, 0.0, rng.normal(0, 0.25)]))
    shaped = [_bent(line, tall, lean, bow / width_of(outlines)) for line in outlines]
    pen = Pen(sheet, at, size, float(rng.normal(0, 0.06)))
    ink = inks[int(rng.integers(len(inks)))]
    edges = [other for other in (BLACK, WHITE, *inks) if _apart(other, ink) > 200]
    edge = edges[int(rng.integers(len(edges)))] if edges else BLACK
    if rng.random() < 0.35:  # a block behind the letters
        step = float(rng.uniform(0.02, 0.05))
        for i in range(4, 0, -1):
            pen.letters([line + step * i for line in shaped], edge, edge, 0)
    pen.letters(shaped, ink, edge, float(rng.choice([0.0, 0.04, 0.07])))


def _bent(points: Values, tall: float, lean: float, bow: float) -> Values:
    """Letters drawn tall, in italics, along an arc."""
    x, y = points[:, 0], points[:, 1] * tall
    return np.stack([x - lean * y, y + bow * x * x], -1)
