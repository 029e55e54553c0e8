"""Periodic tiles of prints, filtered for every sample spacing, and the raster on which they are laid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.stored import stored

F32 = NDArray[np.float32]
Values = NDArray[Any]  # uint8 or float32, (rows, cols) or (rows, cols, channels)

_GAIN_ONE = 128  # code of gain 1 in a tile of bytes
# Taps of the smallest blur [a, 1 - 2a, a] at whole octaves, and at the half octaves between them: its
# variance, 2a, adds to a box's 1/12, so that each level is the square root of 2 wider than the one before.
_TAPS = (0.09, 0.22)


@dataclass(frozen=True)
class Print:
    """What is printed on or woven into one mask's cloth.

    Attributes
    ----------
    share : float32 (h, w)
        0..1, how much of the second colour there is.
    third : float32 (h, w) or None
        0..1, how much of a third colour lies on top.
    gain : float32 (h, w) or None
        Light change by threads or embossing, around 1, within 0..2.
    height : float32 (h, w) or None
        IOD, small relief such as knit ribs.
    holes : float32 (h, w) or None
        0..1, see-through share (lace).
    rgb : float32 (3, h, w) or None
        Linear reflectance 0..1 of a picture in full colour, which then stands instead of all dyes.
    """

    share: F32
    third: F32 | None = None
    gain: F32 | None = None
    height: F32 | None = None
    holes: F32 | None = None
    rgb: F32 | None = None


@dataclass(frozen=True)
class Frame:
    """Raster of a piece of cloth: lengths in IOD, x from the middle, y from the middle, turn in radians."""

    shape: tuple[int, int]
    size_iod: tuple[float, float]
    scale: float
    turn: float
    step: float

    @cached_property
    def x(self) -> F32:
        """Position of the columns, float32 (w,)."""
        cols, wide = self.shape[1], self.size_iod[0]
        return ((np.arange(cols) + 0.5) / cols * wide - wide / 2).astype(np.float32)

    @cached_property
    def y(self) -> F32:
        """Position of the rows, float32 (h,), growing downwards."""
        rows, high = self.shape[0], self.size_iod[1]
        return ((np.arange(rows) + 0.5) / rows * high - high / 2).astype(np.float32)

    def turned(
        self, unit: tuple[float, float], phase: Sequence[float] | Values, more: float = 0.0
    ) -> tuple[F32, F32]:
        """Positions along the turned axes in units of ``unit`` IOD, plus ``phase``; float32 (h, w) each."""
        cos, sin = np.cos(self.turn + more), np.sin(self.turn + more)
        along = (self.x * np.float32(cos / unit[0]) + np.float32(phase[0]))[None, :]
        across = (self.x * np.float32(-sin / unit[1]) + np.float32(phase[1]))[None, :]
        u = along + (self.y * np.float32(sin / unit[0]))[:, None]
        v = across + (self.y * np.float32(cos / unit[1]))[:, None]
        return u, v


@dataclass(frozen=True, eq=False)
class Tile:
    """One repeat of a pattern at every half octave of resolution, each level padded by a texel all round.

    Attributes
    ----------
    levels : tuple of uint8 or float32 (rows + 2, cols + 2, channels)
        Level k is meant for samples 2 ** (k / 2) texels of level 0 apart.
    cells : (float, float)
        How many motif periods the tile spans along and across.
    """

    levels: tuple[Values, ...]
    cells: tuple[float, float]


def make_tile(channels: Sequence[Values], cells: tuple[float, float], *, exact: bool = False) -> Tile:
    """Filter a tile for all resolutions.

    Parameters
    ----------
    channels : sequence of float32 (rows, cols)
        0..1 each (any range when ``exact``); sides are powers of two.
    exact : bool
        Keep float32 instead of bytes.
    """
    base = stacked(channels)
    octaves = int(np.log2(min(base.shape[:2])))
    return Tile(tuple(_level(base, k, exact) for k in range(2 * octaves + 1)), cells)


def stored_tile(draw: Callable[[Any], Tile]) -> Callable[[Any], Tile]:
    """Draw each of a print's tiles once: for this process, and in the store for all (`stored`).

    Parameters
    ----------
    draw : callable
        Takes a number or a name, and returns the same tile for it each time.
    """
    kind = f"{draw.__module__.rpartition('.')[2]}{draw.__name__}"  # lace_lace: names begin with an underscore

    @cache
    def kept(which: int | str) -> Tile:
        def arrays() -> list[Values]:
            tile = draw(which)
            return [np.array(tile.cells), *tile.levels]

        cells, *levels = stored(f"{kind}-{which}", arrays)
        return Tile(tuple(levels), (float(cells[0]), float(cells[1])))

    return kept


def stacked(channels: Sequence[Values]) -> F32:
    """One or four channels, float32 (rows, cols, 1 or 4): OpenCV samples four faster than two."""
    count = 1 if len(channels) == 1 else 4
    blank = [np.zeros_like(channels[0])] * (count - len(channels))
    return np.dstack([*channels, *blank]).astype(np.float32)


def sample_new(
    channels: Sequence[Values],
    cells: tuple[float, float],
    frame: Frame,
    pitch: float,
    phase: Sequence[float] | Values,
    exact: bool = False,
) -> Values:
    """Like `sample`, for a tile that is used once: only the level that is needed is made."""
    base = stacked(channels)
    rows, cols = base.shape[:2]
    spacing = frame.step / pitch * float(np.sqrt(rows * cols / (cells[0] * cells[1])))
    level = level_for(spacing, 2 * int(np.log2(min(rows, cols))) + 1)
    u, v = frame.turned((pitch * cells[0], pitch * cells[1]), phase)
    return sample_at(_level(base, level, exact), u, v)


def _level(base: Values, k: int, exact: bool) -> Values:
    rows, cols = base.shape[0] >> (k // 2), base.shape[1] >> (k // 2)
    small: Values = cv2.resize(base, (cols, rows), interpolation=cv2.INTER_AREA) if k > 1 else base
    return padded(_widened(small.reshape(rows, cols, -1), k), exact)


def _widened(values: Values, k: int) -> Values:
    """Blur a periodic picture by the least that its level needs."""
    if k == 0:
        return values
    tap = np.float32(_TAPS[k % 2])
    for axis in (0, 1):
        around = np.roll(values, 1, axis) + np.roll(values, -1, axis)
        values = values * (1 - 2 * tap) + around * tap
    return values


def padded(values: Values, exact: bool = False) -> Values:
    """Periodic picture with a texel more all round, as bytes unless ``exact``."""
    if not exact:
        values = np.clip(np.rint(values * np.float32(255)), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.pad(values, ((1, 1), (1, 1), (0, 0)), mode="wrap"))


def level_for(spacing: float, count: int) -> int:
    """Level for samples ``spacing`` texels apart, of ``count`` levels."""
    return int(np.clip(np.rint(2 * np.log2(max(spacing, 1e-6)) + 0.25), 0, count - 1))


def spacing_of(tile: Tile, frame: Frame, pitch: float) -> float:
    """Texels of level 0 between two samples when a motif period is ``pitch`` IOD."""
    rows, cols = tile.levels[0].shape[0] - 2, tile.levels[0].shape[1] - 2
    return frame.step / pitch * float(np.sqrt(rows * cols / (tile.cells[0] * tile.cells[1])))


def sample(
    tile: Tile, frame: Frame, pitch: float, phase: Sequence[float] | Values, more: float = 0.0
) -> Values:
    """Lay a tile on the raster.

    Parameters
    ----------
    pitch : float
        IOD, one motif period.
    phase : two floats
        0..1, where in the tile the middle of the raster lies.
    more : float
        Radians, turn beyond the frame's own.

    Returns
    -------
    uint8 or float32 (h, w, 1 or 4)
    """
    level = tile.levels[level_for(spacing_of(tile, frame, pitch), len(tile.levels))]
    u, v = frame.turned((pitch * tile.cells[0], pitch * tile.cells[1]), phase, more)
    return sample_at(level, u, v)


def sample_at(level: Values, u: F32, v: F32) -> Values:
    """Bilinear samples of a padded level at tile coordinates (1 is a whole tile); changes ``u`` and ``v``."""
    for position, count in ((u, level.shape[1] - 2), (v, level.shape[0] - 2)):
        position -= np.floor(position)
        position *= np.float32(count)
        position += np.float32(0.5)
    values: Values = cv2.remap(level, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(*u.shape, -1)


def lay_once(picture: Values, frame: Frame, centre: tuple[float, float], width: float, turn: float) -> F32:
    """Lay a picture on the raster once.

    Parameters
    ----------
    picture : float32 (rows, cols) or (rows, cols, channels)
        0..1, 0 where nothing is printed.
    centre : (float, float)
        IOD from the middle of the raster.
    width : float
        IOD.
    turn : float
        Radians, clockwise.

    Returns
    -------
    float32 (h, w) or (h, w, channels)
    """
    spacing = frame.step * picture.shape[1] / width
    if spacing > 1:
        small = (max(round(picture.shape[1] / spacing), 1), max(round(picture.shape[0] / spacing), 1))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    # A printed picture must fade out within the window that is warped, or its cut edge would show.
    picture = cv2.copyMakeBorder(picture, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    texel = (picture.shape[1] - 2) / width
    cos, sin = np.cos(turn) * texel, np.sin(turn) * texel
    step_x, step_y = frame.size_iod[0] / frame.shape[1], frame.size_iod[1] / frame.shape[0]
    x0, y0 = float(frame.x[0]) - centre[0], float(frame.y[0]) - centre[1]
    middle = (picture.shape[1] - 1) / 2, (picture.shape[0] - 1) / 2
    matrix = np.array(
        [
            [cos * step_x, sin * step_y, cos * x0 + sin * y0 + middle[0]],
            [-sin * step_x, cos * step_y, cos * y0 - sin * x0 + middle[1]],
        ]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid: F32 = np.asarray(cv2.warpAffine(picture, matrix, frame.shape[::-1], flags=flags), np.float32)
    return laid


def unit(values: Values) -> F32:
    """Share 0..1, float32, of bytes."""
    return values * np.float32(1 / 255)


def gain_code(gain: Values) -> F32:
    """What a tile of bytes stores for a gain whose mean is to be 1."""
    return np.clip(gain / np.float32(gain.mean()) * np.float32(_GAIN_ONE / 255), 0, 1)


def gain_of(values: Values) -> F32:
    """Gain around 1, float32, of bytes."""
    return values * np.float32(1 / _GAIN_ONE)


def layered(second: Values, third: Values) -> F32:
    """Share of the second colour below ``third`` such that ``second`` of it stays visible.

    Two inks that meet would else show the cloth's colour between them, where both cover half a sample.
    """
    share: F32 = np.minimum(second / np.maximum(1 - third, np.float32(1e-3)), np.float32(1))
    return share


def soft_step(value: Values, soft: float) -> F32:
    """0..1 ramp, ``soft`` wide, around ``value`` = 0."""
    ramp: F32 = np.clip(value * np.float32(1 / max(soft, 1e-6)) + np.float32(0.5), 0, 1)
    return ramp
