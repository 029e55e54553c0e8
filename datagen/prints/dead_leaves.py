"""Dead leaves: shapes of all sizes that lie over one another (Lee, Mumford and Huang 2001), in loud colours."""

import numpy as np
from numpy.random import Generator

from .inks import BLACK, WHITE, palette
from .sheet import ellipse, printed, repeated, tile_sheet
from .tile import Frame, Print, Values

_CELLS = 3.0  # motif periods to a tile
_LEAVES = 145
_SMALLEST = 0.13  # of the largest radius
_POINTS = 24  # of an outline: polygons of 3, 4, 6 and 12 corners divide it


def draw_dead_leaves(frame: Frame, rng: Generator) -> Print:
    """Disks, ellipses, polygons and stars of power-law sizes, some with rims or hearts."""
    sheet = tile_sheet(frame, _CELLS)
    colours = np.array(palette(rng, int(rng.integers(4, 9))), np.uint8)
    kinds = rng.choice(4, int(rng.integers(1, 4)), replace=False)
    rim, heart = float(rng.choice([0.0, 0.0, 0.12, 0.25])), float(rng.choice([0.0, 0.0, 0.3, 0.6]))
    edge = np.array((BLACK, WHITE)[int(rng.random() < 0.3)], np.uint8)
    sheet.ground(tuple(colours[0].tolist()))
    # Density falls with the cube of the radius: the same at every scale, as in photographs.
    radii = 0.85 / np.sqrt(1 + rng.random(_LEAVES) * (_SMALLEST**-2 - 1))
    shapes = _leaves(rng, rng.choice(kinds, _LEAVES)) * radii[:, None, None]
    at = rng.uniform(0, _CELLS, (_LEAVES, 1, 2))
    inks = colours[rng.integers(len(colours), size=(2, _LEAVES))]
    layers, paints = [at + shapes * (1 - rim)], [inks[0]]
    if rim:
        layers, paints = [at + shapes, *layers], [np.broadcast_to(edge, inks[0].shape), *paints]
    if heart:
        hearted = (rng.random(_LEAVES) < heart) & (radii > 0.2)
        layers.append(at + shapes * np.where(hearted, 0.5, 0.0)[:, None, None])
        paints.append(inks[1])
    sheet.fill_each(_in_turn(layers), _in_turn(paints))
    return printed(repeated(sheet, frame, rng.random(2)))


def _in_turn(layers: list[Values]) -> Values:
    """All layers of the first leaf, then of the second; those that have no size are left out by the fill."""
    together = np.stack(layers, 1)
    return together.reshape(-1, *together.shape[2:])


def _leaves(rng: Generator, kinds: Values) -> Values:
    """Outlines about (0, 0) with a radius of about 1, float64 (n, 24, 2)."""
    count = len(kinds)
    long = np.where(kinds == 1, 1.25, 1.0)
    slim = np.where(kinds == 1, rng.uniform(0.35, 0.8, count), 1.0)
    shapes = ellipse((0, 0), (1, 1), count=_POINTS) * np.stack([long, slim], -1)[:, None]
    corners = rng.choice([3, 4, 4, 6], count)
    uneven = rng.uniform(0.75, 1.2, (count, 12))
    for i in np.flatnonzero(kinds > 1):
        shapes[i] = _polygon(uneven[i, : corners[i]] if kinds[i] == 2 else np.tile([1.2, 0.5], 6))
    angle = rng.uniform(0, 2 * np.pi, (count, 1))
    x, y, cos, sin = shapes[..., 0], shapes[..., 1], np.cos(angle), np.sin(angle)
    return np.stack([x * cos - y * sin, x * sin + y * cos], -1)


def _polygon(away: Values) -> Values:
    """Outline of 24 points through corners as far from (0, 0) as given."""
    angle = np.arange(len(away)) * (2 * np.pi / len(away))
    corner = np.stack([away * np.cos(angle), away * np.sin(angle)], -1)
    share = np.arange(0, 1, len(away) / _POINTS)[:, None]
    edges = corner[:, None] * (1 - share) + np.roll(corner, -1, 0)[:, None] * share
    outline: Values = edges.reshape(_POINTS, 2)
    return outline
