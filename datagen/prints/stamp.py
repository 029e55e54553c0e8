"""A periodic drawing area for tiles: shapes are painted through windows that wrap around its borders."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .tile import Values, soft_step


@dataclass(frozen=True)
class Window:
    """Square part of a canvas, with coordinates turned and in units of half its side.

    Attributes
    ----------
    rows, cols : intp arrays for indexing, wrapped around the canvas
    x, y : float32 (rows, cols)
        -1..1 about the middle.
    soft : float
        One pixel in these units.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]
    x: Values
    y: Values
    soft: float

    def polar(self) -> tuple[Values, Values]:
        """Distance from the middle and angle."""
        return np.hypot(self.x, self.y), np.arctan2(self.y, self.x)


class TileCanvas:
    """Channels 0..1 of a periodic square tile; lengths in its pixels."""

    def __init__(self, side: int, count: int) -> None:
        self.side = side
        self.channels: list[Values] = [np.zeros((side, side), np.float32) for _ in range(count)]

    def window(self, x: float, y: float, radius: float, turn: float) -> Window:
        """Window of half side ``radius`` about (x, y)."""
        reach = int(np.ceil(radius)) + 1
        offsets = np.arange(-reach, reach + 1)
        cols, rows = int(np.floor(x)) + offsets, int(np.floor(y)) + offsets
        dx = ((cols - x) / radius).astype(np.float32)[None, :]
        dy = ((rows - y) / radius).astype(np.float32)[:, None]
        cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        wrapped = (rows % self.side)[:, None], (cols % self.side)[None, :]
        return Window(*wrapped, dx * cos + dy * sin, dy * cos - dx * sin, 1.0 / radius)

    def over(self, channel: int, window: Window, cover: Values, value: float | Values = 1.0) -> None:
        """Paint ``value`` with opacity ``cover``."""
        plane = self.channels[channel]
        below = plane[window.rows, window.cols]
        plane[window.rows, window.cols] = below + cover * (np.float32(value) - below)

    def shape(self, channel: int, window: Window, inside: Values, value: float | Values = 1.0) -> None:
        """Paint where ``inside`` (a length in the window's units) is positive, edges one pixel soft."""
        self.over(channel, window, soft_step(inside.astype(np.float32), window.soft), value)

    def scatter(self, rng: Generator, apart: float) -> list[tuple[float, float]]:
        """Random places at least ``apart`` from each other, around the borders too, closely packed."""
        tries = rng.uniform(0, self.side, (2500, 2)).astype(np.float32)
        free = np.ones(len(tries), bool)
        found: list[tuple[float, float]] = []
        half = self.side / 2
        while free.any():
            place = tries[int(np.argmax(free))]
            found.append((float(place[0]), float(place[1])))
            away = np.abs((tries - place + half) % self.side - half)
            free &= np.hypot(away[:, 0], away[:, 1]) >= apart
        return found
