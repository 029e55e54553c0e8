"""A pen: figures in their own unit are drawn at a place of a sheet, as large and as turned as wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from .sheet import Colour, Sheet, ellipse
from .tile import Values

Points = Values | Sequence[Sequence[float]]
_LETTER_PX = 64


@dataclass(frozen=True, eq=False)
class Pen:
    """Draws on a sheet about ``at``; its unit is ``size`` units of the sheet, x to the right, y downwards."""

    sheet: Sheet
    at: tuple[float, float]
    size: float
    turn: float = 0.0

    def to(self, points: Points) -> Values:
        """Points in the sheet's units, float64 (..., 2)."""
        placed = np.asarray(points, np.float64) * self.size
        x, y = placed[..., 0], placed[..., 1]
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return np.stack([self.at[0] + x * cos - y * sin, self.at[1] + x * sin + y * cos], -1)

    def fill(self, points: Points, colour: Colour) -> None:
        """Paint inside an outline."""
        self.sheet.fill(self.to(points), colour)

    def stroke(self, points: Points, colour: Colour, width: float, closed: bool = False) -> None:
        """Paint a line."""
        self.sheet.stroke(self.to(points), colour, width * self.size, closed)

    def outlined(self, points: Points, colour: Colour, edge: Colour, width: float) -> None:
        """Paint inside an outline, and the outline over it."""
        self.fill(points, colour)
        self.stroke(points, edge, width, closed=True)

    def oval(self, at: Sequence[float], radii: Sequence[float], colour: Colour, turn: float = 0.0) -> None:
        """Paint an ellipse; ``turn`` in radians, clockwise."""
        self.fill(ellipse(at, radii, turn), colour)

    def hairs(self, roots: Values, tips: Values, colours: Values, width: float) -> None:
        """Paint thin triangles; roots and tips float64 (n, 2), colours (n, 3)."""
        way = tips - roots
        side = np.stack([-way[:, 1], way[:, 0]], -1) * (width / 2 / np.hypot(way[:, :1], way[:, 1:]))
        self.sheet.fill_each(
            self.to(np.stack([roots - side, roots + side, tips], 1)), colours.astype(np.uint8)
        )

    def shade(self, at: Sequence[float], radii: Sequence[float], amount: float) -> None:
        """Lighten or darken softly (`Sheet.shade`)."""
        self.sheet.shade(self.to([at])[0], (radii[0] * self.size, radii[1] * self.size), amount)

    def letters(self, outlines: Sequence[Values], colour: Colour, edge: Colour, width: float) -> None:
        """Write outlines of `lettering`, with an edge around them unless ``width`` is 0."""
        placed = [self.to(points) for points in outlines]
        if width > 0:
            for points in placed:
                self.sheet.stroke(points, edge, 2 * width * self.size, closed=True)
        self.sheet.fill_between(placed, colour)


def mirrored(points: Points) -> Values:
    """The same outline on the other side."""
    return np.asarray(points, np.float64) * [-1, 1]


@lru_cache(maxsize=128)
def lettering(text: str, font: int, weight: float) -> tuple[Values, ...]:
    """Outlines of a text about (0, 0), float64 (n, 2) each; its height is 1.

    Parameters
    ----------
    font : int
        One of OpenCV's.
    weight : float
        By how much the font's strokes are widened, as a share of its height.
    """
    scale, stroke = _LETTER_PX / 22.0, max(round(_LETTER_PX * weight), 3)
    around = 2 * stroke + _LETTER_PX // 2
    canvas = np.zeros((2 * around + 2 * _LETTER_PX, 2 * around + _LETTER_PX * (len(text) + 1)), np.uint8)
    cv2.putText(canvas, text, (around, around + _LETTER_PX), font, scale, 255, 2, cv2.LINE_AA)
    canvas = cv2.dilate(canvas, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (stroke, stroke)))
    x, y, w, h = cv2.boundingRect(canvas)
    canvas = canvas[y - 4 : y + h + 4, x - 4 : x + w + 4]
    canvas = cv2.GaussianBlur(canvas, (0, 0), 1.2)
    found, _ = cv2.findContours((canvas > 127).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    outlines = [_smooth(line[:, 0].astype(np.float32)) for line in found if len(line) > 8]
    middle = np.array([4 + (w - 1) / 2, 4 + (h - 1) / 2])
    return tuple((line - middle) / h for line in outlines if len(line) > 2)


def _smooth(line: Values) -> Values:
    """Outline of pixels without its stairs, float64 (fewer, 2)."""
    even: Values = np.stack([np.roll(line, step, 0) for step in range(-3, 4)]).mean(0)
    outline: Values = cv2.approxPolyDP(even[:, None], 0.25, closed=True)[:, 0].astype(np.float64)
    return outline


def width_of(outlines: Sequence[Values]) -> float:
    """Width of a text whose height is 1."""
    return max(float(np.abs(line[:, 0]).max()) for line in outlines) * 2


def star(points: int = 5, inner: float = 0.4) -> Values:
    """Outline of a star of radius 1 that stands on two points."""
    angle = np.arange(2 * points) * (np.pi / points)
    away = np.where(np.arange(2 * points) % 2, inner, 1.0)
    return np.stack([away * np.sin(angle), -away * np.cos(angle)], -1)
