"""Printed mouths and muzzles for the middle of a mask: drawn once at high resolution, then laid on."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .tile import Frame, Print, Values, lay_once

_HALF_PX = 160  # half the width of a finished drawing
_RATIO = 2 / 3  # of its height to its width
_VARIANTS = 3  # of each design
_SHIFT = 4  # fractional bits of drawn coordinates


def draw_mouth(frame: Frame, rng: Generator) -> Print:
    """Smile, lips, teeth, moustache or muzzle about u = 0, v = 0.45."""
    index = int(rng.integers(len(_DESIGNS) * _VARIANTS))
    wide, high = frame.size_iod
    width = min(float(rng.uniform(1.3, 2.0)) * (0.9 + 0.4 * frame.scale), wide, high * 1.4)
    centre = (float(rng.normal(0, 0.03)), high * (-0.05 + float(rng.normal(0, 0.02))))
    laid = lay_once(_drawing(index), frame, centre, width, float(rng.normal(0, 0.04)))
    return Print(np.ascontiguousarray(laid[..., 0]), third=np.ascontiguousarray(laid[..., 1]))


@lru_cache(maxsize=64)
def _drawing(index: int) -> Values:
    """Second and third colour of a design, float32 (rows, cols, 2)."""
    rng = np.random.Generator(np.random.PCG64(20240780 + index))
    pen = _Pen(2 * _HALF_PX)
    _DESIGNS[index // _VARIANTS](pen, rng)
    size = (2 * _HALF_PX, round(2 * _HALF_PX * _RATIO))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (pen.second, pen.third)]
    return (np.dstack(planes) * np.float32(1 / 255)).astype(np.float32)


class _Pen:
    """Draws on two planes; the middle is (0, 0), x -1..1 to the right, y downwards in the same unit."""

    def __init__(self, half_px: int) -> None:
        self.half = half_px
        rows = round(2 * half_px * _RATIO)
        self.second = np.zeros((rows, 2 * half_px), np.uint8)
        self.third = np.zeros((rows, 2 * half_px), np.uint8)

    def _place(self, x: Values, y: Values) -> NDArray[np.int32]:
        at = np.stack([np.asarray(x) + 1, np.asarray(y) + _RATIO], -1) * self.half
        placed: NDArray[np.int32] = np.rint(at * (1 << _SHIFT)).astype(np.int32).reshape(-1, 1, 2)
        return placed

    def fill(self, plane: NDArray[np.uint8], x: Values, y: Values, ink: int = 255) -> None:
        cv2.fillPoly(plane, [self._place(x, y)], ink, cv2.LINE_AA, _SHIFT)

    def stroke(self, plane: NDArray[np.uint8], x: Values, y: Values, width: float, ink: int = 255) -> None:
        thick = max(round(width * self.half), 1)
        cv2.polylines(plane, [self._place(x, y)], False, ink, thick, cv2.LINE_AA, _SHIFT)

    def oval(
        self, plane: NDArray[np.uint8], at: Sequence[float], radii: Sequence[float], ink: int = 255
    ) -> None:
        turn = np.linspace(0, 2 * np.pi, 72, dtype=np.float32)
        self.fill(plane, at[0] + radii[0] * np.cos(turn), at[1] + radii[1] * np.sin(turn), ink)


_T = np.linspace(-1, 1, 61, dtype=np.float32)


def _joined(upper: Values, lower: Values, half: float) -> tuple[Values, Values]:
    """Outline between an upper and a lower line over x = -half..half."""
    x = _T * np.float32(half)
    return np.concatenate([x, x[::-1]]), np.concatenate([upper, lower[::-1]]).astype(np.float32)


def _smile(pen: _Pen, rng: Generator) -> None:
    half, deep = rng.uniform(0.45, 0.8), rng.uniform(0.15, 0.4)
    pen.stroke(pen.second, _T * half, deep * (0.5 - _T**2), rng.uniform(0.04, 0.09))
    for side in (-1, 1):
        pen.stroke(pen.second, side * half + _T * 0.07, -0.5 * deep + side * _T * 0.06, 0.05)


def _grin(pen: _Pen, rng: Generator) -> None:
    half, deep, up = rng.uniform(0.5, 0.8), rng.uniform(0.3, 0.5), rng.uniform(0.05, 0.2)
    upper, lower = up * (0.3 - _T**2), deep * (1 - _T**2) - up * 0.7
    pen.fill(pen.second, *_joined(upper, lower, half))
    rim = rng.uniform(0.03, 0.06)
    teeth = np.minimum(upper + rim + deep * rng.uniform(0.3, 0.5) * (1 - _T**2), lower - rim)
    pen.fill(pen.third, *_joined(np.minimum(upper + rim, teeth), teeth, half * 0.93))
    for x in np.linspace(-0.75, 0.75, int(rng.integers(6, 10))):
        pen.stroke(pen.third, np.array([x, x]) * half, np.array([-0.3, 0.6]), 0.012, 0)
    np.minimum(pen.third, pen.second, out=pen.third)


def _lips(pen: _Pen, rng: Generator) -> None:
    half, full = rng.uniform(0.4, 0.65), rng.uniform(0.16, 0.28)
    bow = np.exp(-((np.abs(_T) - 0.28) ** 2) / 0.05) * 0.35 + 0.75
    upper = -full * bow * (1 - _T**2) ** 0.8
    lower = full * 1.25 * (1 - _T**2) ** 0.7
    pen.fill(pen.second, *_joined(upper, lower, half))
    line = 0.03 * np.cos(_T * 7) * (1 - _T**2)
    if rng.random() < 0.5:
        open_by = rng.uniform(0.03, 0.07)
        pen.fill(pen.third, *_joined(line - open_by * (1 - _T**2), line + open_by * (1 - _T**2), half * 0.9))
    else:
        pen.stroke(pen.third, _T * half * 0.92, line, 0.02)
    pen.stroke(pen.third, -0.1 + _T * 0.12, full * 0.6 - 0.02 * _T**2 + 0 * _T, 0.03, 120)


def _moustache(pen: _Pen, rng: Generator) -> None:
    half, curl = rng.uniform(0.6, 0.9), rng.uniform(0.0, 0.35)
    away = np.abs(_T)
    spine = -0.1 + 0.22 * np.sin(away * np.pi * 0.9) - curl * away**3 * 1.6
    thick = rng.uniform(0.1, 0.16) * (1 - away**2.2) ** 0.7 * (0.55 + 0.9 * np.minimum(away * 3, 1))
    pen.fill(pen.second, *_joined(spine - thick, spine + thick, half))
    for _ in range(26):
        x = rng.uniform(-0.8, 0.8)
        at = np.interp(x, _T, spine) + rng.uniform(-0.05, 0.05)
        run = np.linspace(0, 0.14, 5) * np.sign(x)
        pen.stroke(pen.third, x * half + run, at + 0.25 * np.abs(run), 0.008, 90)
    np.minimum(pen.third, pen.second, out=pen.third)


def _beard(pen: _Pen, rng: Generator) -> None:
    half = rng.uniform(0.75, 0.95)
    upper = 0.02 - 0.3 * np.exp(-((np.abs(_T) - 0.2) ** 2) / 0.04) - 0.6 * _T**8
    pen.fill(pen.second, *_joined(upper, 0.6 - 0.75 * _T**4, half))
    for _ in range(90):
        x, y = rng.uniform(-0.8, 0.8) * half, rng.uniform(-0.2, 0.55)
        pen.stroke(pen.third, np.array([x, x * 1.05]), np.array([y, y + 0.1]), 0.008, 70)
    pen.oval(pen.second, (0, 0.09), (0.24, 0.05), 0)
    np.minimum(pen.third, pen.second, out=pen.third)
    pen.oval(pen.third, (0, 0.09), (0.24, 0.05))


def _cat(pen: _Pen, rng: Generator) -> None:
    size = rng.uniform(0.1, 0.16)
    pen.fill(pen.third, size * np.array([-1, 1, 0.25, -0.25]), size * np.array([-0.6, -0.6, 0.6, 0.6]) - 0.2)
    pen.stroke(pen.second, np.array([0, 0]), np.array([-0.2 + 0.6 * size, 0.02]), 0.03)
    for side in (-1, 1):
        turn = np.linspace(0, np.pi, 24)
        pen.stroke(pen.second, side * 0.18 - 0.18 * np.cos(turn), 0.02 + 0.16 * np.sin(turn), 0.032)
        for i in range(3):
            reach = np.linspace(0.35, 0.95, 12)
            rise = (i - 1) * 0.22
            pen.stroke(pen.second, side * reach, -0.05 + rise * (reach - 0.1) + 0.12 * reach**2 - 0.05, 0.014)


def _dog(pen: _Pen, rng: Generator) -> None:
    for side in (-1, 1):
        pen.oval(pen.second, (side * 0.3, 0.12), (0.42, 0.36), int(rng.integers(130, 255)))
    tongue = rng.random() < 0.6
    if tongue:
        pen.oval(pen.third, (0, 0.46), (0.14, 0.2), 170)
    pen.oval(pen.third, (0, -0.24), (0.24, 0.17))
    pen.oval(pen.third, (-0.07, -0.3), (0.07, 0.03), 110)
    pen.stroke(pen.third, np.array([0, 0]), np.array([-0.1, 0.2]), 0.03)
    for side in (-1, 1):
        turn = np.linspace(0.1, np.pi - 0.3, 20)
        pen.stroke(pen.third, side * (0.2 - 0.2 * np.cos(turn)), 0.2 + 0.17 * np.sin(turn), 0.03)
        for x, y in rng.uniform((0.25, 0.0), (0.55, 0.2), (4, 2)):
            pen.oval(pen.third, (side * x, y), (0.018, 0.018))


def _snout(pen: _Pen, rng: Generator) -> None:
    wide = rng.uniform(0.35, 0.5)
    pen.oval(pen.second, (0, -0.1), (wide, wide * 0.75))
    for side in (-1, 1):
        pen.oval(pen.third, (side * wide * 0.36, -0.1), (wide * 0.15, wide * 0.26))
    pen.stroke(pen.second, _T * 0.35, 0.48 - 0.12 * _T**2, 0.035)


def _fangs(pen: _Pen, rng: Generator) -> None:
    half, deep = rng.uniform(0.55, 0.8), rng.uniform(0.25, 0.45)
    upper = -0.12 * np.cos(_T * np.pi) * (1 - _T**2) - 0.05
    pen.fill(pen.second, *_joined(upper, deep * (1 - _T**2) - 0.05, half))
    count = int(rng.integers(5, 11))
    edges = np.linspace(-0.85, 0.85, count + 1)
    for left, right in pairwise(edges):
        middle = (left + right) / 2
        top = float(np.interp(middle, _T, upper))
        long = deep * (0.75 if abs(abs(middle) - 0.45) < 0.18 else 0.4) * (1 - middle**2)
        pen.fill(pen.third, np.array([left, right, middle]) * half, np.array([top, top, top + long]))


def _jaw(pen: _Pen, rng: Generator) -> None:
    """Rows of bare teeth, as on skull masks."""
    half, high, count = rng.uniform(0.7, 0.95), rng.uniform(0.16, 0.26), int(rng.integers(7, 12))
    width = 2 * half / count
    for row in (-1, 1):
        for i in range(count):
            x = -half + (i + 0.5) * width
            tall = high * (1 - 0.45 * (x / half) ** 2)
            y = 0.06 + row * tall * 0.54 - 0.12 * (x / half) ** 2
            pen.oval(pen.second, (x, y), (width * 0.44, tall * 0.5))
    for side in (-1, 1):
        pen.fill(pen.second, side * np.array([0.02, 0.14, 0.04]), np.array([-0.34, -0.36, -0.58]))
    pen.stroke(pen.third, _T * half * 1.05, 0.06 - 0.12 * _T**2, 0.03)


def _zipper(pen: _Pen, rng: Generator) -> None:
    half, bend = rng.uniform(0.6, 0.9), rng.uniform(-0.15, 0.2)
    for i, x in enumerate(np.linspace(-half, half, int(rng.integers(20, 32)))):
        y = bend * (0.5 - (x / half) ** 2)
        pen.stroke(pen.third, np.array([x, x]), y + np.array([-0.09, 0.01]) * (1 if i % 2 else -1), 0.022)
    pen.stroke(pen.second, _T * half, bend * (0.5 - _T**2), 0.035)
    pen.fill(
        pen.third, half + np.array([-0.06, 0.06, 0.04, -0.04]), -bend / 2 + np.array([-0.05, -0.05, 0.2, 0.2])
    )


def _stitches(pen: _Pen, rng: Generator) -> None:
    half, bend = rng.uniform(0.5, 0.85), rng.uniform(0.0, 0.3)
    pen.stroke(pen.second, _T * half, bend * (0.5 - _T**2), 0.035)
    for x in np.linspace(-0.85, 0.85, int(rng.integers(5, 11))):
        lean = rng.uniform(-0.04, 0.04)
        y = bend * (0.5 - x**2)
        pen.stroke(pen.second, x * half + np.array([-lean, lean]), y + np.array([-0.11, 0.11]), 0.03)


def _tongue(pen: _Pen, rng: Generator) -> None:
    half = rng.uniform(0.45, 0.7)
    pen.fill(pen.second, *_joined(-0.05 * (1 - _T**2) - 0.1, 0.22 * (1 - _T**2) - 0.1, half))
    at = rng.uniform(-0.2, 0.2)
    pen.oval(pen.third, (at, 0.2), (0.2, 0.27))
    pen.stroke(pen.third, np.array([at, at]), np.array([0.0, 0.28]), 0.025, 120)


def _clown(pen: _Pen, rng: Generator) -> None:
    half = rng.uniform(0.7, 0.9)
    pen.fill(pen.third, *_joined(-0.25 + 0.12 * np.cos(_T * 5), 0.5 * (1 - _T**2) ** 0.6 - 0.2, half))
    inner = half * 0.78
    line, mouth = 0.2 * (0.3 - _T**2), 0.36 * (1 - _T**2) - 0.14
    pen.fill(pen.third, *_joined(line, mouth, inner), ink=0)
    pen.fill(pen.second, *_joined(line, mouth, inner))


def _rabbit(pen: _Pen, rng: Generator) -> None:
    tall = rng.uniform(0.2, 0.34)
    pen.oval(pen.second, (0, -0.3), (0.13, 0.09))
    pen.stroke(pen.second, np.array([0, 0]), np.array([-0.24, -0.08]), 0.028)
    for side in (-1, 1):
        turn = np.linspace(0, np.pi, 24)
        pen.stroke(pen.second, side * 0.17 - 0.17 * np.cos(turn), -0.08 + 0.13 * np.sin(turn), 0.03)
        x = side * np.array([0.012, 0.16, 0.15, 0.012])
        pen.fill(pen.third, x, np.array([0.06, 0.06, 0.06 + tall, 0.06 + tall]))


_DESIGNS: tuple[Callable[[_Pen, Generator], None], ...] = (
    _smile, _grin, _lips, _moustache, _beard, _cat, _dog, _snout, _fangs, _jaw, _zipper, _stitches, _tongue,
    _clown, _rabbit,
)  # fmt: skip
