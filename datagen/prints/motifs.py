"""Prints of drawn motifs that repeat: flowers and geometric patterns."""

import cv2
import numpy as np
from numpy.random import Generator

from .stamp import TileCanvas
from .tile import Frame, Print, Tile, Values, layered, make_tile, sample, soft_step, stored_tile, unit

_FLOWER_PX = 256
_FLOWERS = 16
_FLOWER_CELLS = 4.0
_GRID_PX = 128


def draw_floral(frame: Frame, rng: Generator) -> Print:
    """Flowers with leaves, scattered; the seed picks the kinds, how dense, and the colour of the leaves."""
    tile = _flowers(int(rng.integers(_FLOWERS)))
    values = sample(tile, frame, frame.scale, rng.random(2))
    petals, hearts, leaves, small = (unit(values[..., i]) for i in range(4))
    style = rng.random()
    # No two of the four overlap, but for hearts on petals: sums stay right where flowers are finer than a sample.
    if style < 0.25:
        petals, third = petals + leaves * np.float32(0.8), hearts
    elif style < 0.6:
        petals, third = petals + small, hearts + leaves
    else:
        third = hearts + leaves * np.float32(0.9) + small
    third = np.minimum(third, np.float32(1))
    return Print(layered(np.clip(petals - hearts, 0, 1), third), third=third)


@stored_tile
def _flowers(index: int) -> Tile:
    """Petals, hearts, leaves and small flowers of one bunch."""
    rng = np.random.Generator(np.random.PCG64(20240700 + index))
    canvas = TileCanvas(_FLOWER_PX, 4)
    apart = _FLOWER_PX / _FLOWER_CELLS * float(rng.uniform(0.75, 1.0))
    big = canvas.scatter(rng, apart)
    for x, y in big:
        _leaves(canvas, rng, x, y, apart)
    for x, y in canvas.scatter(rng, apart * 0.42):
        _blossom(canvas, rng, (x, y), apart * float(rng.uniform(0.07, 0.11)))
    kinds = rng.integers(0, 5, 2)
    for x, y in big:
        _flower(canvas, rng, (x, y), apart * float(rng.uniform(0.36, 0.5)), int(rng.choice(kinds)))
    return make_tile(canvas.channels, (_FLOWER_CELLS, _FLOWER_CELLS))


def _leaves(canvas: TileCanvas, rng: Generator, x: float, y: float, apart: float) -> None:
    start, count = float(rng.uniform(0, 6.3)), int(rng.integers(2, 5))
    length, slim = apart * float(rng.uniform(0.26, 0.34)), float(rng.uniform(0.3, 0.5))
    for i in range(count):
        turn = start + 2 * np.pi * i / count + float(rng.uniform(-0.3, 0.3))
        far = apart * 0.4
        window = canvas.window(x + np.cos(turn) * far, y + np.sin(turn) * far, length, turn)
        bow = window.y + np.float32(0.18) * (window.x**2 - np.float32(0.4))
        inside = np.float32(slim) * (1 - window.x**2) - np.abs(bow)
        vein = soft_step(np.float32(0.035) - np.abs(bow), window.soft * 1.5)
        canvas.shape(2, window, inside, 1 - np.float32(0.45) * vein)


def _blossom(canvas: TileCanvas, rng: Generator, place: tuple[float, float], radius: float) -> None:
    window = canvas.window(*place, radius, float(rng.uniform(0, 6.3)))
    away, angle = window.polar()
    canvas.shape(3, window, 0.62 + 0.3 * np.cos(5 * angle) - away)
    canvas.shape(3, window, 0.2 - away, 0.0)
    canvas.shape(2, window, 0.62 + 0.3 * np.cos(5 * angle) - away, 0.0)


def _flower(canvas: TileCanvas, rng: Generator, place: tuple[float, float], radius: float, kind: int) -> None:
    window = canvas.window(*place, radius, float(rng.uniform(0, 6.3)))
    away, angle = window.polar()
    outline, shade, heart = _petals(away, angle, kind, rng)
    for channel in (2, 3):
        canvas.shape(channel, window, outline + np.float32(0.05) - away, 0.0)
    canvas.shape(0, window, outline - away, shade.astype(np.float32))
    canvas.shape(1, window, np.float32(heart) - away)
    if kind in (0, 2):
        stamens = 0.05 - np.abs(away - np.float32(heart + 0.12)) * np.float32(1.0)
        dots = stamens + 0.05 * np.cos(11 * angle) - np.float32(0.05)
        canvas.shape(1, window, dots.astype(np.float32))


def _petals(away: Values, angle: Values, kind: int, rng: Generator) -> tuple[Values, Values, float]:
    """Outline and shade of a flower's petals, and the radius of its heart; lengths in the flower's radius."""
    count = (5, 12, 5, 6, 8)[kind]
    wave = np.abs(np.cos(angle * np.float32(count / 2)))
    gap = soft_step(np.float32(0.14) - wave, 0.12)  # the line between two petals
    if kind == 0:  # round petals
        return 0.5 + 0.45 * wave**0.6, 0.72 + 0.28 * away - 0.35 * gap * (away > 0.3), 0.17
    if kind == 1:  # daisy
        return 0.35 + 0.6 * wave**0.7, 1 - 0.75 * gap * (away > 0.25), 0.24
    if kind == 2:  # notched petals, as cherry blossom has
        notch = 0.16 * np.clip(1 - np.abs((angle * (count / (2 * np.pi)) + 0.5) % 1 - 0.5) * 9, 0, 1)
        return 0.42 + 0.55 * wave**0.7 - notch, 0.6 + 0.4 * away, 0.12
    if kind == 3:  # rose: rings of petals
        swirl = np.sin(away * np.float32(17) + 2 * np.sin(angle * 3 + away * 4) + angle)
        return 0.82 + 0.1 * wave, 0.8 + 0.2 * away - 0.5 * soft_step(swirl - np.float32(0.75), 0.3), 0.07
    tips = (1 - np.abs((angle * (count / (2 * np.pi))) % 1 * 2 - 1)) ** 0.8  # pointed petals
    return 0.3 + 0.65 * tips, 0.65 + 0.35 * away, 0.2


_PATTERNS = (
    "houndstooth",
    "zigzag",
    "herringbone",
    "triangles",
    "honeycomb",
    "argyle",
    "scales",
    "cubes",
    "lozenges",
    "key",
    "ogee",
    "rings",
)


def draw_geometric(frame: Frame, rng: Generator) -> Print:
    """One of a dozen regular patterns, from houndstooth to rings."""
    name = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    values = sample(_pattern(name), frame, frame.scale, rng.random(2))
    third = unit(values[..., 1]) if values.shape[2] > 1 else None
    return Print(unit(values[..., 0]), third=third)


@stored_tile
def _pattern(name: str) -> Tile:
    """One period of a pattern, drawn with four samples a texel side."""
    side = _GRID_PX * 4
    t = ((np.arange(side) + 0.5) / side).astype(np.float32)
    x, y = np.broadcast_arrays(t[None, :], t[:, None])
    high = 3**0.5 if name in ("honeycomb", "cubes", "triangles") else 1.0
    planes = [plane.astype(np.float32) for plane in _DRAW[name](x, y)]
    small = [cv2.resize(plane, (_GRID_PX, _GRID_PX), interpolation=cv2.INTER_AREA) for plane in planes]
    return make_tile(small, (1.0, high))


def _houndstooth(x: Values, y: Values) -> list[Values]:
    # A 2/2 twill of four dark and four light threads each way.
    i, j = np.floor(x * 8).astype(int), np.floor(y * 8).astype(int)
    up = (i + j) % 4 < 2
    return [np.where(up, (i % 8) < 4, (j % 8) < 4)]


def _zigzag(x: Values, y: Values) -> list[Values]:
    return [(y + np.abs(x - 0.5) * 0.9) % 1 < 0.5]


def _herringbone(x: Values, y: Values) -> list[Values]:
    slope = np.where(x < 0.5, x, -x) * 4 + y * 4
    return [(slope % 1 < 0.5) * np.float32(1)]


def _triangles(x: Values, y: Values) -> list[Values]:
    # Two rows of triangles to a tile; one in four takes the third colour.
    row = np.floor(y * 2)
    down = y * 2 - row
    across = (x + 0.5 * row) % 1
    up = np.abs(across - 0.5) * 2 < down
    return [up, up & (row == 1)]


def _hexagon(x: Values, y: Values) -> tuple[Values, Values, Values]:
    """Offset from the nearest centre of a staggered grid, and how far inside its cell (0 at the border)."""
    high = np.float32(3**0.5)
    y = y * high
    ax, ay = x - np.rint(x), y - np.rint(y / high) * high
    bx, by = x - np.floor(x) - np.float32(0.5), y - (np.floor(y / high) + np.float32(0.5)) * high
    nearer = ax * ax + ay * ay < bx * bx + by * by
    dx, dy = np.where(nearer, ax, bx), np.where(nearer, ay, by)
    inside = 0.5 - np.maximum(np.abs(dx), np.abs(dx) * 0.5 + np.abs(dy) * (high / 2))
    return dx, dy, inside


def _honeycomb(x: Values, y: Values) -> list[Values]:
    return [_hexagon(x, y)[2] < 0.06]


def _cubes(x: Values, y: Values) -> list[Values]:
    dx, dy, _ = _hexagon(x, y)
    top = dy < -np.abs(dx) / np.float32(3**0.5)
    right = ~top & (dx > 0)
    return [right | (top & False), top]


def _argyle(x: Values, y: Values) -> list[Values]:
    a, b = np.abs(x - 0.5), np.abs(y - 0.5)
    lines = np.minimum(np.abs((x + y) % 1 - 0.5), np.abs((x - y) % 1 - 0.5)) < 0.025
    return [a + b < 0.5, np.roll(lines, lines.shape[1] // 2, axis=1)]


def _scales(x: Values, y: Values) -> list[Values]:
    # Concentric arcs in overlapping rows, the lower rows in front.
    value = np.zeros_like(x)
    for row in range(-1, 5):
        dx = (x + 0.5 * (row % 2)) % 1 - 0.5
        away = np.hypot(dx, y - 0.25 * row - 0.25) * 2
        value = np.where((away < 1) & (y < 0.25 * row + 0.25), (away * 4) % 1 < 0.45, value)
    # Two rows above the tile's end come back in at its start.
    return [value]


def _lozenges(x: Values, y: Values) -> list[Values]:
    away = np.abs(x - 0.5) + np.abs(y - 0.5)
    return [np.abs(away - 0.5) < 0.06, away < 0.2]


def _key(x: Values, y: Values) -> list[Values]:
    rows = ("11111111", "10000001", "10111101", "10100101", "10110101", "10000101", "11111101", "00000001")
    grid = np.array([[letter == "1" for letter in row] for row in rows])
    return [grid[np.floor(y * 8).astype(int), np.floor(x * 8).astype(int)]]


def _ogee(x: Values, y: Values) -> list[Values]:
    turn = np.float32(2 * np.pi)
    value = np.cos(turn * x) + np.cos(turn * y) + 0.35 * np.cos(turn * (x + y)) * np.cos(turn * (x - y))
    return [np.abs(value) < 0.28, value < -1.15]


def _rings(x: Values, y: Values) -> list[Values]:
    value = np.zeros(x.shape, bool)
    for cx in (0.0, 0.5, 1.0):
        for cy in (0.0, 0.5, 1.0):
            value |= np.abs(np.hypot(x - cx, y - cy) - 0.36) < 0.025
    return [value]


_DRAW = {
    "houndstooth": _houndstooth,
    "zigzag": _zigzag,
    "herringbone": _herringbone,
    "triangles": _triangles,
    "honeycomb": _honeycomb,
    "argyle": _argyle,
    "scales": _scales,
    "cubes": _cubes,
    "lozenges": _lozenges,
    "key": _key,
    "ogee": _ogee,
    "rings": _rings,
}
