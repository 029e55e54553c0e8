"""How the cloth itself is made: plain weave, non-woven, knit."""

import cv2
import numpy as np
from numpy.random import Generator

from .stamp import TileCanvas
from .tile import Frame, Print, Tile, Values, gain_code, gain_of, make_tile, sample, stored_tile, unit

_PX = 256
_WEAVE_PX = 512
_THREADS = 64  # of a weave tile, each way
_WEAVES, _WEBS, _KNITS = 8, 6, 6


def draw_weave(frame: Frame, rng: Generator) -> Print:
    """Threads over and under each other, thick and thin in places; the weft may have the second colour."""
    index = int(rng.integers(_WEAVES))
    values = sample(_weave(index), frame, frame.scale, rng.random(2))
    dyed = np.float32(rng.choice([0.0, 0.3, 0.7]))
    relief = unit(values[..., 2]) * np.float32(0.25 * frame.scale)
    return Print(unit(values[..., 0]) * dyed, gain=gain_of(values[..., 1]), height=relief)


@stored_tile
def _weave(index: int) -> Tile:
    """Plain weave, basket or twill: share of weft on top, gain, height."""
    rng = np.random.Generator(np.random.PCG64(20240620 + index))
    t = (np.arange(_WEAVE_PX, dtype=np.float32) + np.float32(0.5)) * np.float32(_THREADS / _WEAVE_PX)
    warp, weft = np.floor(t).astype(np.int32)[None, :], np.floor(t).astype(np.int32)[:, None]
    order = (warp + weft, warp // 2 + weft // 2, warp + weft, warp + weft)[index % 4]
    weft_up = (order % 4 >= 2) if index % 4 == 2 else (order % 2 == 1)
    round_x = np.sin(np.float32(np.pi) * (t % 1))[None, :]
    round_y = np.sin(np.float32(np.pi) * (t % 1))[:, None]
    height = np.where(
        weft_up, np.sqrt(round_y) * (0.55 + 0.45 * round_x), np.sqrt(round_x) * (0.55 + 0.45 * round_y)
    )
    slub = np.where(weft_up, _slubs(rng).T, _slubs(rng))
    # Uneven yarn is seen from afar where single threads are not.
    gain = (0.62 + 0.5 * height) * (1 + (0.04 + 0.03 * (index // 4)) * slub)
    share = weft_up.astype(np.float32)
    return make_tile(
        [share, gain_code(gain.astype(np.float32)), height.astype(np.float32)], (_THREADS, _THREADS)
    )


def _slubs(rng: Generator) -> Values:
    """Thickness of upright threads along their length, variance about 1, periodic, (rows, cols)."""
    size = _WEAVE_PX
    noise = rng.standard_normal((size, _THREADS)).astype(np.float32)
    smooth = cv2.GaussianBlur(np.tile(noise, (3, 1)), (0, 0), sigmaX=0.01, sigmaY=16.0)[size : 2 * size]
    # Taking away what is common to neighbours keeps the tile's repeats from showing.
    smooth = (
        smooth
        - cv2.GaussianBlur(np.tile(smooth, (3, 3)), (0, 0), sigmaX=3.0, sigmaY=24.0)[
            size : 2 * size, _THREADS : 2 * _THREADS
        ]
    )
    return np.repeat(smooth / smooth.std(), size // _THREADS, axis=1)


def draw_nonwoven(frame: Frame, rng: Generator) -> Print:
    """Spun web of fibres welded together in a grid of small embossed points."""
    index = int(rng.integers(_WEBS))
    values = sample(_web(index), frame, frame.scale, rng.random(2))
    depth = np.float32(0.25 * frame.scale)
    share = np.zeros(frame.shape, np.float32)
    return Print(share, gain=gain_of(values[..., 0]), height=unit(values[..., 1]) * depth)


@stored_tile
def _web(index: int) -> Tile:
    """Gain and height of a web: round, oval, lozenge or bar-shaped points, 8 x 8 periods."""
    rng = np.random.Generator(np.random.PCG64(20240640 + index))
    side, cell = _PX, _PX / 8
    canvas = TileCanvas(side, 1)
    for row in range(16):
        for col in range(8):
            x, y = (col + 0.5 * (row % 2) + 0.25) * cell, (row + 0.5) * cell / 2
            if index % 2 and row % 2:
                continue
            window = canvas.window(x, y, cell * 0.3, 0.6 * (-1) ** row if index in (2, 3) else 0.0)
            if index in (4, 5):
                inside = 0.85 - np.abs(window.x) - np.abs(window.y) * np.float32(0.8)
            else:
                inside = 0.8 - np.hypot(window.x, window.y * np.float32((1.0, 1.0, 2.2, 2.2)[index]))
            canvas.shape(0, window, inside)
    dent = cv2.GaussianBlur(np.tile(canvas.channels[0], (3, 3)), (0, 0), 1.3)[
        side : 2 * side, side : 2 * side
    ]
    gain = 1 - 0.16 * dent + 0.035 * _fibres(rng)
    return make_tile([gain_code(gain.astype(np.float32)), 1 - dent], (8.0, 8.0))


def _fibres(rng: Generator) -> Values:
    """Random fibres of all directions, as noise of variance 1, periodic."""
    total = np.zeros((_PX, _PX), np.float32)
    for angle in np.linspace(0, np.pi, 7)[:-1] + rng.uniform(0, 0.4):
        kernel = np.zeros((41, 41), np.float32)
        cos, sin = float(np.cos(angle)) * 19, float(np.sin(angle)) * 19
        ends = [(round((20 + s * cos) * 16), round((20 + s * sin) * 16)) for s in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_4, 4)
        noise = (rng.random((_PX, _PX)) < 0.012).astype(np.float32)
        drawn = cv2.filter2D(np.pad(noise, 20, mode="wrap"), -1, kernel)[20:-20, 20:-20]
        total += np.minimum(drawn, 2)
    total -= cv2.GaussianBlur(np.tile(total, (3, 3)), (0, 0), 18.0)[_PX : 2 * _PX, _PX : 2 * _PX]
    fibres: Values = total / total.std()
    return fibres


def draw_knit(frame: Frame, rng: Generator) -> Print:
    """Columns of V stitches, flat or in ribs; some rows or stitches may have the second colour."""
    index = int(rng.integers(_KNITS))
    values = sample(_knit(index), frame, frame.scale, rng.random(2))
    dyed = np.float32(rng.choice([0.0, 0.0, 1.0]))
    relief = unit(values[..., 2]) * np.float32(0.3 * frame.scale)
    return Print(unit(values[..., 0]) * dyed, gain=gain_of(values[..., 1]), height=relief)


@stored_tile
def _knit(index: int) -> Tile:
    """8 x 8 stitches: share (stripes, specks or a small figure), gain, height."""
    rng = np.random.Generator(np.random.PCG64(20240660 + index))
    count = 8
    t = (np.arange(_PX, dtype=np.float32) + np.float32(0.5)) * np.float32(count / _PX)
    x, y = t[None, :], t[:, None]
    half = np.abs((x % 1) - np.float32(0.5)) * 2  # 0 at the middle of a column, 1 between columns
    leg = (y + np.float32(0.85) * (1 - half)) % 1
    yarn = (
        np.sqrt(np.clip(1 - (2 * leg - 1) ** 2, 0, 1))
        * np.sqrt(np.clip(1 - (2 * half - 1) ** 2, 0, 1)) ** 0.6
    )
    column, row = (
        np.floor(x).astype(np.int32),
        np.floor(y + np.float32(0.85) * (1 - half)).astype(np.int32) % count,
    )
    rib = np.ones_like(x + y)
    if index % 3 == 1:
        rib = np.float32(0.5) + np.float32(0.5) * np.cos(x * np.float32(np.pi)) + 0 * y
    if index % 3 == 2:
        rib = np.float32(0.5) + np.float32(0.5) * np.cos(x * np.float32(np.pi / 2)) + 0 * y
    height = yarn * 0.5 + rib * 0.5 if index % 3 else yarn
    uneven = rng.standard_normal((count, count)).astype(np.float32)[row, column]
    gain = (0.66 + 0.42 * yarn) * (1 + 0.03 * uneven) * (0.86 + 0.14 * rib)
    share = ((row // 2 + column * (index // 3)) % 4 == 0) | (rng.random((count, count)) < 0.12)[row, column]
    return make_tile(
        [share.astype(np.float32), gain_code(gain.astype(np.float32)), height.astype(np.float32)],
        (count, count),
    )
