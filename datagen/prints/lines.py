"""Prints made of lines and dots: stripes, checks, gingham, dots and colour runs."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator

from .stamp import TileCanvas
from .tile import (
    Frame,
    Print,
    Tile,
    Values,
    layered,
    make_tile,
    sample,
    sample_new,
    soft_step,
    stored_tile,
    unit,
)

_PROFILE = 1024  # entries of one repeat of a stripe
_DOTS_PX = 128
_CONFETTI, _CONFETTI_PX = 8, 256


def draw_stripes(frame: Frame, rng: Generator) -> Print:
    """Even stripes, pinstripes, or a repeat of several bands with a third colour."""
    kind = int(rng.integers(5))
    repeat = frame.scale * (1.0 if kind < 3 else 2.5)
    share, third = _stripe_profiles(kind, rng)
    index = _index(frame.turned((repeat, repeat), rng.random(2))[0])
    width = frame.step / repeat
    if third is None:
        return Print(_filtered(share, width)[index])
    top = _filtered(third, width)
    below = layered(_filtered(share * (1 - third), width), top)
    return Print(below[index], third=top[index])


def _index(position: Values) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """Entry of a profile for positions whose unit is a repeat."""
    position = position - np.floor(position)
    return (position * np.float32(_PROFILE)).astype(np.int32) & (_PROFILE - 1)


def _stripe_profiles(kind: int, rng: Generator) -> tuple[Values, Values | None]:
    t = (np.arange(_PROFILE, dtype=np.float32) + np.float32(0.5)) / np.float32(_PROFILE)
    if kind == 0:
        return (t < rng.uniform(0.4, 0.6)).astype(np.float32), None
    if kind == 1:
        return (t < rng.uniform(0.1, 0.25)).astype(np.float32), None
    if kind == 2:
        return np.float32(0.5) - np.float32(0.5) * np.cos(t * np.float32(2 * np.pi)), None
    return _bands(t, rng, 0.55), _bands(t, rng, 0.2)


def _bands(t: Values, rng: Generator, cover: float) -> Values:
    """A few bands at random places that together cover about ``cover`` of the repeat."""
    count = int(rng.integers(1, 5))
    centres, widths = rng.random(count), rng.dirichlet(np.full(count, 1.5)) * cover
    profile = np.zeros_like(t)
    for centre, width in zip(centres, widths, strict=True):
        away = np.abs(t - np.float32(centre))
        profile[np.minimum(away, 1 - away) < width / 2] = 1
    return profile


def _filtered(profile: Values, width: float) -> Values:
    """Periodic profile seen by samples ``width`` repeats apart: two box means, exact for any width."""
    return _box_mean(_box_mean(profile, width), 0.7 * width)


def _box_mean(profile: Values, width: float) -> Values:
    count = len(profile)
    total = np.concatenate([[0.0], np.cumsum(profile, dtype=np.float64)]) / count
    ends = (np.arange(count) + 0.5) / count
    sums = []
    for at in (ends + width / 2, ends - width / 2):
        whole = np.floor(at)
        place = (at - whole) * count
        left = np.minimum(place.astype(np.int32), count - 1)
        part = total[left] + (place - left) * (total[left + 1] - total[left])
        sums.append(whole * total[-1] + part)
    mean: Values = ((sums[0] - sums[1]) / width).clip(0, 1).astype(np.float32)
    return mean


def draw_checks(frame: Frame, rng: Generator) -> Print:
    """Chequerboard, window panes, graph checks in two colours, buffalo plaid or tartan."""
    kind = int(rng.integers(5))
    repeat = frame.scale * (2.5 if kind == 4 else 1.0)
    u, v = frame.turned((repeat, repeat), rng.random(2))
    along, across = _index(u), _index(v)
    width = frame.step / repeat
    t = (np.arange(_PROFILE, dtype=np.float32) + np.float32(0.5)) / np.float32(_PROFILE)
    if kind == 0:
        half = _filtered((t < 0.5).astype(np.float32), width)
        a, b = half[along], half[across]
        return Print(a + b - 2 * a * b)
    if kind in (1, 2):
        line = float(rng.uniform(0.06, 0.2))
        first = _filtered((t < line).astype(np.float32), width)
        if kind == 1:
            a, b = first[along], first[across]
            return Print(a + b - a * b)
        other = np.roll(first, _PROFILE // 2)
        a, b, c, d = first[along], first[across], other[along], other[across]
        return Print(a + b - a * b, third=c + d - c * d)
    half = _bands(t, rng, 0.5) if kind == 4 else (t < rng.uniform(0.42, 0.58)).astype(np.float32)
    profile = _filtered(half, width)
    share = (profile[along] + profile[across]) * np.float32(0.5)
    if kind == 3:
        return Print(share)
    lines = _filtered(_bands(t, rng, 0.1), width) * np.float32(0.75)
    a, b = lines[along], lines[across]
    return Print(share, third=a + b - a * b)


def draw_gingham(frame: Frame, rng: Generator) -> Print:
    """Woven checks: two crossing sets of half-covering stripes, their threads just visible."""
    t = (np.arange(_PROFILE, dtype=np.float32) + np.float32(0.5)) / np.float32(_PROFILE)
    repeat = frame.scale
    profile = _filtered((t < rng.uniform(0.46, 0.54)).astype(np.float32), frame.step / repeat)
    u, v = frame.turned((repeat, repeat), rng.random(2))
    share = (profile[_index(u)] + profile[_index(v)]) * np.float32(0.5)
    # The twill of the threads: in the single-covered checks either the warp or the weft lies on top.
    twill = np.abs((u + v) * np.float32(8) % 1 - np.float32(0.5)) * np.float32(4) - np.float32(1)
    seen = np.clip(repeat / 8 / frame.step / 3 - 0.5, 0, 1)
    if seen > 0:
        mixed = share * (1 - share) * np.float32(4 * 0.25 * seen)
        share = np.clip(share + mixed * twill, 0, 1)
    return Print(share)


def draw_dots(frame: Frame, rng: Generator) -> Print:
    """Polka dots or rings on a square or a staggered grid, or confetti of two colours and many sizes."""
    grid = int(rng.integers(3))
    if grid == 2:
        values = sample(_confetti(int(rng.integers(_CONFETTI))), frame, frame.scale, rng.random(2))
        return Print(unit(values[..., 0]), third=unit(values[..., 1]))
    distance = _dot_distance(grid == 1)
    radius = float(rng.uniform(0.12, 0.4))
    discs = soft_step(np.float32(radius) - distance, 1 / _DOTS_PX)
    if rng.random() < 0.15:
        discs = discs - soft_step(np.float32(radius * 0.6) - distance, 1 / _DOTS_PX)
    cells = (1.0, 3**0.5) if grid else (1.0, 1.0)
    return Print(unit(sample_new([discs], cells, frame, frame.scale, rng.random(2))[..., 0]))


@lru_cache(maxsize=2)
def _dot_distance(staggered: bool) -> Values:
    """Distance to the next dot's centre in periods, over one repeat of a square or a staggered grid."""
    t = (np.arange(_DOTS_PX, dtype=np.float32) + np.float32(0.5)) / np.float32(_DOTS_PX) - np.float32(0.5)
    high = np.float32(3**0.5 if staggered else 1.0)
    near: Values = np.hypot(t[None, :], t[:, None] * high)
    if staggered:
        other = np.float32(0.5) - np.abs(t)
        near = np.minimum(near, np.hypot(other[None, :], other[:, None] * high))
    return near


@stored_tile
def _confetti(index: int) -> Tile:
    """Scattered dots, some of them rings, in two channels; 6 x 6 periods."""
    rng = np.random.Generator(np.random.PCG64(20240601 + index))
    canvas = TileCanvas(_CONFETTI_PX, 2)
    apart = _CONFETTI_PX / 6 * 0.9
    thin, even, mixed = rng.uniform(0.1, 0.3), rng.random() < 0.4, rng.uniform(0, 0.5)
    for x, y in canvas.scatter(rng, apart):
        radius = apart * (thin + 0.1 if even else float(rng.uniform(0.08, thin + 0.17)))
        window = canvas.window(x, y, radius + 1, 0.0)
        inside = (radius / (radius + 1) - np.hypot(window.x, window.y)).astype(np.float32)
        canvas.shape(int(rng.random() < mixed), window, inside)
    return make_tile(canvas.channels, (6.0, 6.0))


def draw_gradient(frame: Frame, rng: Generator) -> Print:
    """A run from one colour into the other: straight, from the middle, or in three colours."""
    kind = int(rng.integers(4))
    wide, high = frame.size_iod
    u, v = frame.turned((wide / 2, high / 2), (0.0, 0.0))
    centre, reach = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.5, 1.2))
    if kind == 2:
        run = np.sqrt(u * u + v * v) * np.float32(1 / reach) - np.float32(0.2)
    else:
        run = (v - np.float32(centre)) * np.float32(0.5 / reach) + np.float32(0.5)
    run = _eased(np.clip(run, 0, 1))
    if rng.random() < 0.5:
        run = 1 - run
    if kind != 3:
        return Print(run)
    late = np.clip((v - np.float32(centre + 0.3)) * np.float32(0.8 / reach), 0, 1)
    return Print(run, third=_eased(late))


def _eased(run: Values) -> Values:
    eased: Values = run * run * (3 - 2 * run)
    return eased
