"""Loud palettes: what printed masks are dyed with."""

import colorsys

import cv2
import numpy as np
from numpy.random import Generator

from .sheet import U8, Colour
from .tile import F32, Values

BLACK, WHITE = (14, 13, 15), (250, 249, 245)
_PRIMARIES = (
    (205, 24, 34), (250, 205, 20), (18, 66, 168), (12, 128, 60), (240, 110, 18), (16, 22, 58), (120, 30, 120),
)  # fmt: skip
_NATURAL = (
    (38, 44, 30), (92, 104, 52), (168, 140, 88), (222, 200, 158), (110, 66, 38), (176, 84, 44), (58, 82, 96),
)  # fmt: skip


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Colour of a hue (turns), saturation and value (0..1 each)."""
    red, green, blue = (round(255 * level) for level in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def strong(rng: Generator) -> Colour:
    """One saturated colour."""
    return hsv(rng.random(), float(rng.uniform(0.65, 1)), float(rng.uniform(0.45, 1)))


def bone_colour(rng: Generator) -> Colour:
    """White, yellowed, or seldom a colour that glows."""
    share = rng.random()
    if share < 0.15:
        return hsv(rng.random(), 0.7, 1)
    return (246, 243, 236) if share < 0.6 else (224, 206, 164)


def ground_colour(rng: Generator) -> Colour:
    """What lies behind a print: black, white, red and navy more often than others."""
    share = rng.random()
    if share < 0.35:
        return BLACK
    if share < 0.5:
        return WHITE
    return _PRIMARIES[int(rng.integers(len(_PRIMARIES)))] if share < 0.75 else strong(rng)


def palette(rng: Generator, count: int) -> list[Colour]:
    """Colours that stand against each other, the most telling first.

    All hues, black and white with a few hues, near hues with their opposite, the inks of flags and comics, or
    those of woods and sands.
    """
    style, hue = int(rng.integers(6)), rng.random()
    if style == 0:
        values = rng.uniform(0.55, 1, count)
        colours = [hsv(hue + i / count, float(rng.uniform(0.7, 1)), float(values[i])) for i in range(count)]
    elif style < 3:
        colours = [BLACK, WHITE, *(strong(rng) for _ in range(count))][:count]
    elif style == 3:
        colours = [hsv(hue + rng.normal(0, 0.05), rng.uniform(0.3, 1), (i + 1) / count) for i in range(count)]
        colours[0] = hsv(hue + 0.5, 0.9, 0.95)
    else:
        table = [BLACK, WHITE, *_PRIMARIES] if style == 4 else [*_NATURAL, WHITE]
        colours = [table[i % len(table)] for i in rng.permutation(max(len(table), count))[:count]]
    return [colours[i] for i in rng.permutation(count)]


def ramp(colours: list[Colour], share: Values) -> U8:
    """Colours along a ramp, uint8 (rows, cols, 3), of places 0..1 on it, float32 (rows, cols)."""
    steps = np.linspace(0, 255, len(colours))
    table = [np.interp(np.arange(256), steps, [colour[i] for colour in colours]) for i in range(3)]
    lookup = np.rint(np.stack(table, -1)).astype(np.uint8)[None]
    levels = (np.clip(share, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    found: U8 = cv2.LUT(cv2.merge([levels] * 3), lookup)
    return found


def bytes_of(rgb: Values) -> U8:
    """uint8 of levels of any range, float32."""
    return np.clip(rgb, 0, 255).astype(np.uint8)


def over(below: Values, colour: Colour, cover: Values) -> F32:
    """Levels with a colour over them, float32 (rows, cols, 3); ``cover`` 0..1, (rows, cols)."""
    laid: F32 = below + (np.array(colour, np.float32) - below) * cover[..., None]
    return laid
