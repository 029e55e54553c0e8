"""Sheets on which prints in full colour are drawn, and how a sheet is laid on cloth."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import DECODE

from .tile import F32, Frame, Print, Values, sample_new

Colour = tuple[int, int, int]  # sRGB levels
U8 = NDArray[np.uint8]
# From the places of a sheet's pixels, x and y in its units, and one pixel in them: uint8 sRGB (rows, cols, 3).
Painter = Callable[[F32, F32, float], U8]

DARKEST, BRIGHTEST = (
    0.018,
    0.92,
)  # linear reflectance of black and white cloth: no dye takes all light or none
_INK: F32 = (np.float32(DARKEST) + DECODE * np.float32(BRIGHTEST - DARKEST)).astype(np.float32)
_OVER = 2.0  # pixels of a sheet to a sample each way: edges are smooth before they are averaged
_LEAST_SAMPLES_PER_IOD, _LEAST_TILE_PX, _MOST_TILE_PX = 36.0, 64, 512
_THINNEST = 1.35  # pixels
_SHIFT = 4  # fractional bits of drawn coordinates


@dataclass(frozen=True, eq=False)
class Sheet:
    """A raster of sRGB levels; lengths in units of its user, y downwards.

    Attributes
    ----------
    image : uint8 (rows, cols, 3)
    size : (float, float)
        Width and height in units.
    wraps : bool
        What leaves it on one side comes in on the other and (0, 0) is a corner; else (0, 0) is its middle.
    """

    image: U8
    size: tuple[float, float]
    wraps: bool = False

    @property
    def soft(self) -> float:
        """One pixel in units."""
        return self.size[0] / int(self.image.shape[1])

    @cached_property
    def _factor(self) -> NDArray[np.float64]:
        return np.array([self.image.shape[1] / self.size[0], self.image.shape[0] / self.size[1]])

    def place(self, points: Values | Sequence[Sequence[float]]) -> NDArray[np.float64]:
        """Pixels, float64 (..., 2), of points in units; the middle of the first pixel is (0, 0)."""
        origin = 0.0 if self.wraps else np.array(self.size) / 2
        placed: NDArray[np.float64] = (np.asarray(points, np.float64) + origin) * self._factor - 0.5
        return placed

    def grid(self) -> tuple[F32, F32]:
        """Places of all pixels, float32 (1, cols) and (rows, 1)."""
        return self._places((0, 0, self.image.shape[1], self.image.shape[0]))

    def _places(self, box: tuple[int, int, int, int]) -> tuple[F32, F32]:
        origin = (0.0, 0.0) if self.wraps else (self.size[0] / 2, self.size[1] / 2)
        x, y = (
            ((np.arange(box[i], box[i + 2]) + 0.5) / self._factor[i] - origin[i]).astype(np.float32)
            for i in (0, 1)
        )
        return x[None, :], y[:, None]

    def _copies(self, pixels: NDArray[np.float64], reach: float = 1.0) -> list[NDArray[np.float64]]:
        """The outline itself, and where it comes in again on a sheet that wraps."""
        if not self.wraps:
            return [pixels]
        rows, cols = self.image.shape[:2]
        (left, top), (right, bottom) = pixels.min(0) - reach, pixels.max(0) + reach
        return [
            pixels + np.array([across, down])
            for across in (-cols, 0, cols)
            for down in (-rows, 0, rows)
            if left + across < cols and right + across > 0 and top + down < rows and bottom + down > 0
        ]

    def ground(self, colour: Colour) -> None:
        """Paint all of it."""
        self.image[:] = colour

    def paint(self, painter: Painter) -> None:
        """Let a painter paint all of it."""
        self.image[:] = painter(*self.grid(), self.soft)

    def fill(self, points: Values | Sequence[Sequence[float]], colour: Colour) -> None:
        """Paint inside an outline."""
        for pixels in self._copies(self.place(points)):
            cv2.fillPoly(self.image, [_fixed(pixels)], colour, cv2.LINE_AA, _SHIFT)

    def fill_each(self, outlines: Values, colours: NDArray[np.uint8]) -> None:
        """Paint inside many outlines of as many points, one over another.

        Parameters
        ----------
        outlines : float64 (n, points, 2)
        colours : uint8 (n, 3)
        """
        rows, cols = self.image.shape[:2]
        pixels = self.place(outlines)
        low, high = pixels.min(1) - 1, pixels.max(1) + 1
        fixed = _fixed(pixels).reshape(*pixels.shape[:2], 1, 2)
        inks = colours.tolist()
        offsets = (-1, 0, 1) if self.wraps else (0,)
        shifts = [(across * cols, down * rows) for across in offsets for down in offsets]
        seen = [((low + shift < (cols, rows)) & (high + shift > 0)).all(1) for shift in shifts]
        moves = [np.array(shift, np.int32) << _SHIFT for shift in shifts]
        for i, ink in enumerate(inks):
            for move, inside in zip(moves, seen, strict=True):
                if inside[i]:
                    cv2.fillPoly(self.image, [fixed[i] + move], ink, cv2.LINE_AA, _SHIFT)

    def fill_between(self, outlines: Sequence[Values], colour: Colour) -> None:
        """Paint what lies inside an odd number of outlines: letters with their holes; not where it wraps."""
        fixed = [_fixed(self.place(points)) for points in outlines]
        cv2.fillPoly(self.image, fixed, colour, cv2.LINE_AA, _SHIFT)

    def stroke(
        self, points: Values | Sequence[Sequence[float]], colour: Colour, width: float, closed: bool = False
    ) -> None:
        """Paint a line; one thinner than a pixel is paler instead."""
        thick = width / self.soft
        if thick < _THINNEST:  # the colour of what lies below its middle stands for all that it crosses
            x, y = self.place(np.asarray(points)[len(points) // 2 : len(points) // 2 + 1])[0]
            rows, cols = self.image.shape[:2]
            below = self.image[int(min(max(y, 0), rows - 1)), int(min(max(x, 0), cols - 1))]
            colour = mixed((int(below[0]), int(below[1]), int(below[2])), colour, thick / _THINNEST)
        # Smooth lines of an even number of pixels come out 1.4 wider, of an odd number 2.4, and of one 0.35.
        even = max(2 * round((thick - 1.4) / 2), 1)
        for pixels in self._copies(self.place(points), thick):
            cv2.polylines(self.image, [_fixed(pixels)], closed, colour, even, cv2.LINE_AA, _SHIFT)

    def oval(self, at: Sequence[float], radii: Sequence[float], colour: Colour, turn: float = 0.0) -> None:
        """Paint an ellipse; ``turn`` in radians, clockwise."""
        self.fill(ellipse(at, radii, turn), colour)

    def paste(self, points: Values | Sequence[Sequence[float]], painter: Painter) -> None:
        """Let a painter paint inside an outline, with hard edges; not on sheets that wrap."""
        pixels = self.place(points)
        rows, cols = self.image.shape[:2]
        left, top = np.maximum(np.floor(pixels.min(0)).astype(int), 0).tolist()
        right, bottom = np.minimum(np.ceil(pixels.max(0)).astype(int) + 1, [cols, rows]).tolist()
        if right <= left or bottom <= top:
            return
        inside = np.zeros((bottom - top, right - left), np.uint8)
        cv2.fillPoly(inside, [_fixed(pixels - [left, top])], 255, cv2.LINE_8, _SHIFT)
        x, y = self._places((left, top, right, bottom))
        window = self.image[top:bottom, left:right]
        cv2.copyTo(painter(x, y, self.soft), inside, window)

    def shade(self, at: Sequence[float], radii: Sequence[float], amount: float) -> None:
        """Lighten (``amount`` above 0, at most 1) or darken (below 0) softly about a place; not where it wraps."""
        x, y = self.grid()
        inside_x, inside_y = np.abs(x[0] - at[0]) < 2.5 * radii[0], np.abs(y[:, 0] - at[1]) < 2.5 * radii[1]
        if not (inside_x.any() and inside_y.any()):
            return
        part = np.s_[_span(inside_y), _span(inside_x)]
        across = np.exp(-(((x[:, part[1]] - at[0]) / radii[0]) ** 2)).astype(np.float32)
        down = np.exp(-(((y[part[0]] - at[1]) / radii[1]) ** 2)).astype(np.float32)
        share = (across * down * np.float32(abs(amount)))[..., None]
        window = self.image[part].astype(np.float32)
        towards = np.float32(255 if amount > 0 else 0)
        self.image[part] = (window + (towards - window) * share + np.float32(0.5)).astype(np.uint8)

    def linear(self) -> F32:
        """Reflectance of cloth printed with it, float32 (rows, cols, 3)."""
        ink: F32 = cv2.LUT(self.image, _INK)
        return ink


def _span(inside: NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(inside)
    return slice(int(at[0]), int(at[-1]) + 1)


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    limited = np.minimum(np.maximum(pixels, -16000), 16000) * (1 << _SHIFT)
    fixed: NDArray[np.int32] = np.rint(limited).astype(np.int32).reshape(-1, 1, 2)
    return fixed


def ellipse(at: Sequence[float], radii: Sequence[float], turn: float = 0.0, count: int = 28) -> Values:
    """Outline, float64 (count, 2)."""
    angle = np.arange(count) * (2 * np.pi / count)
    x, y = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([at[0] + x * cos - y * sin, at[1] + x * sin + y * cos], -1)


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """Colour between two, in sRGB levels."""
    red, green, blue = (
        round(low + (high - low) * min(max(share, 0.0), 1.0)) for low, high in zip(first, second, strict=True)
    )
    return red, green, blue


def cloth_sheet(frame: Frame, finer: float = _OVER) -> Sheet:
    """Sheet over the whole of a piece of cloth, in IOD from its middle, ``finer`` times as fine as its samples."""
    wide, high = frame.size_iod
    px = finer * max(1 / frame.step, _LEAST_SAMPLES_PER_IOD)
    rows, cols = max(round(high * px), frame.shape[0]), max(round(wide * px), frame.shape[1])
    return Sheet(np.zeros((rows, cols, 3), np.uint8), (wide, high))


def tile_sheet(frame: Frame, cells: float) -> Sheet:
    """Sheet that repeats, ``cells`` motif periods each way, as fine as the samples need."""
    needed = cells * frame.scale / frame.step
    side = int(np.clip(1 << int(np.ceil(np.log2(needed))), _LEAST_TILE_PX, _MOST_TILE_PX))
    return Sheet(np.zeros((side, side, 3), np.uint8), (cells, cells), wraps=True)


def printed(rgb: Values) -> Print:
    """Print in full colour of reflectances, float32 (h, w, 3)."""
    planes = np.ascontiguousarray(rgb.transpose(2, 0, 1), np.float32)
    return Print(np.zeros(planes.shape[1:], np.float32), rgb=planes)


def averaged(sheet: Sheet, frame: Frame) -> F32:
    """Reflectance of each sample below a `cloth_sheet`, float32 (h, w, 3)."""
    return np.asarray(cv2.resize(sheet.linear(), frame.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


def repeated(sheet: Sheet, frame: Frame, phase: Sequence[float] | Values) -> F32:
    """Reflectance of each sample of cloth on which a `tile_sheet` repeats, float32 (h, w, 3)."""
    ink = sheet.linear()
    channels = [ink[..., i] for i in range(3)]
    return np.asarray(sample_new(channels, sheet.size, frame, frame.scale, phase, exact=True)[..., :3])
