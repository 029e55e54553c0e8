"""Prints that look like photographs: one scene over the whole mask.

The rendering of a mask knows its recipe, its template and its own picture, and no other picture: the scenes are
therefore procedural, with the spectrum and the strong light of photographs.
"""

import numpy as np
from numpy.random import Generator

from .scenes import SCENES, moved
from .sheet import averaged, cloth_sheet, printed
from .tile import Frame, Print


def draw_photo(frame: Frame, rng: Generator) -> Print:
    """A galaxy, leaf, landscape, heap of balls, bunch of flowers, city or haze over the whole cloth."""
    sheet = cloth_sheet(frame, 1.3)  # painters soften their edges themselves
    wide, high = frame.size_iod
    painter = SCENES[int(rng.integers(len(SCENES)))](rng)
    at = float(rng.normal(0, 0.05)) * wide, float(rng.normal(-0.05, 0.05)) * high
    sheet.paint(moved(painter, at, frame.scale, float(rng.normal(0, 0.12))))
    if rng.random() < 0.3:  # dark towards the border, as lenses make it
        np.multiply(sheet.image, _falling(sheet.image.shape[:2]), out=sheet.image, casting="unsafe")
    return printed(averaged(sheet, frame))


def _falling(shape: tuple[int, ...]) -> np.ndarray:
    y, x = (np.linspace(-1, 1, count, dtype=np.float32) for count in shape)
    fall: np.ndarray = np.clip(1.15 - 0.5 * (x[None, :] ** 2 + y[:, None] ** 2), 0.2, 1)[..., None]
    return fall
