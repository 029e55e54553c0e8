"""Prints made of noise: camouflage, marble and speckle."""

from functools import lru_cache

import numpy as np
from numpy.random import Generator

from unmask.datagen.common.stored import stored

from .tile import (
    Frame,
    Print,
    Tile,
    Values,
    level_for,
    make_tile,
    padded,
    sample_at,
    sample_new,
    soft_step,
    spacing_of,
    stacked,
    unit,
)

ROUGH, SMOOTH, SILK = 1.7, 2.2, 3.4  # exponents by which amplitude falls with frequency
_FIELD_WAVES = 12.0  # wavelengths of the coarsest noise in a tile
_FIELDS = 4


@lru_cache(maxsize=3)
def fields(fall: float) -> tuple[Tile, tuple[float, ...]]:
    """Four independent fractal noise fields of variance 1, and the deviation that each level keeps.

    Any rotation of the four is again such a field, so one tile serves for any number of patterns.

    Parameters
    ----------
    fall : float
        `ROUGH`, `SMOOTH` or `SILK`.
    """
    kept, *levels = stored(f"noise_fields-{fall}", lambda: _filtered_fields(fall))
    return Tile(tuple(levels), (_FIELD_WAVES, _FIELD_WAVES)), tuple(kept.tolist())


def _filtered_fields(fall: float) -> list[Values]:
    """What each level keeps of the deviation, float64 (levels,), and the levels."""
    rng = np.random.Generator(np.random.PCG64(20240602))
    side = 256 if fall == SILK else 512
    fy = np.fft.fftfreq(side)[:, None] * side
    fx = np.fft.rfftfreq(side)[None, :] * side
    waves = np.hypot(fx, fy) / _FIELD_WAVES
    waves[0, 0] = 1
    amplitude = np.where(waves < 1, waves**2, waves**-fall)
    amplitude[0, 0] = 0
    planes = []
    for _ in range(_FIELDS):
        spectrum = np.fft.rfft2(rng.standard_normal((side, side))) * amplitude
        plane = np.fft.irfft2(spectrum, (side, side))
        planes.append((plane / plane.std()).astype(np.float32))
    tile = make_tile(planes, (_FIELD_WAVES, _FIELD_WAVES), exact=True)
    kept = [float(min(level[1:-1, 1:-1].std(), 1.0)) for level in tile.levels]
    return [np.array(kept), *tile.levels]


def _mixed(values: Values, rng: Generator, count: int) -> list[Values]:
    """``count`` independent fields from the four sampled ones."""
    basis = np.linalg.qr(rng.standard_normal((_FIELDS, _FIELDS)))[0].astype(np.float32)
    return [sum(values[..., i] * basis[i, k] for i in range(_FIELDS)) for k in range(count)]


def _noise(frame: Frame, rng: Generator, fall: float, pitch: float, stretch: float) -> list[Values]:
    """Two independent fields of variance 1 with blobs of ``pitch`` IOD, ``stretch`` times as long as wide."""
    tile = fields(fall)[0]
    level = tile.levels[level_for(spacing_of(tile, frame, pitch), len(tile.levels))]
    u, v = frame.turned((pitch * stretch * tile.cells[0], pitch * tile.cells[1]), rng.random(2))
    return _mixed(sample_at(level, u, v), rng, 2)


def _above(noise: Values, level: float, fall: float, frame: Frame, pitch: float) -> Values:
    """Share of each sample where the noise lies above a level.

    The edge is one sample's rise of the noise wide. What a tile's level has lost of the noise stays within its
    samples as a Gaussian spread, so blobs finer than a sample fade into the share that they cover.
    """
    tile, kept = fields(fall)
    left = kept[level_for(spacing_of(tile, frame, pitch), len(kept))]
    lost = max(1 - left**2 - 0.05, 0.0)
    soft = float(np.hypot(4.5 * left * frame.step / pitch, 2.5 * np.sqrt(lost)))
    away = noise - np.float32(level)
    if lost < 0.3:
        return soft_step(away, soft)
    share: Values = np.float32(0.5) + np.float32(0.5) * np.tanh(away * np.float32(2 / soft))
    return share


def draw_camouflage(frame: Frame, rng: Generator) -> Print:
    """Three colours of blobs: woodland, drawn-out blobs, or square pixels."""
    kind = int(rng.integers(4))
    low, high = float(rng.uniform(-0.35, 0.25)), float(rng.uniform(0.3, 0.9))
    if kind == 1:
        return _pixel_camouflage(frame, rng, low, high)
    first, second = _noise(frame, rng, SMOOTH, frame.scale, (1.0, 1.0, 2.4, 1.5)[kind])
    share = _above(first, low, SMOOTH, frame, frame.scale)
    return Print(share, third=_above(second, high, SMOOTH, frame, frame.scale))


def _pixel_camouflage(frame: Frame, rng: Generator, low: float, high: float) -> Print:
    tile = fields(ROUGH)[0]
    level = tile.levels[6]
    first, second = _mixed(level[1:-1, 1:-1] / np.float32(fields(ROUGH)[1][6]), rng, 2)
    squares = [(first > low).astype(np.float32), (second > high).astype(np.float32)]
    count, pitch = first.shape[0], frame.scale
    span = pitch * tile.cells[0]
    phase = rng.random(2)
    if span / count < 1.3 * frame.step:
        values = sample_new(squares, tile.cells, frame, pitch, phase)
    else:
        u, v = (
            _squared(position, count, span / frame.step) for position in frame.turned((span, span), phase)
        )
        values = sample_at(padded(stacked(squares)), u, v)
    return Print(unit(values[..., 0]), third=unit(values[..., 1]))


def _squared(position: Values, count: int, samples: float) -> Values:
    """Positions drawn to the middles of ``count`` squares, but for one sample at the borders between them."""
    cell = position * np.float32(count) - np.float32(0.5)
    whole = np.floor(cell)
    across = np.clip((cell - whole - np.float32(0.5)) * np.float32(samples / count) + np.float32(0.5), 0, 1)
    drawn: Values = (whole + across + np.float32(0.5)) / np.float32(count)
    return drawn


def draw_marble(frame: Frame, rng: Generator) -> Print:
    """Veined stone, tie-dye spirals or marbled paper."""
    kind = int(rng.integers(3))
    pitch = frame.scale * (1.0, 1.0, 1.6)[kind]
    bend, cloud = _noise(frame, rng, SMOOTH if kind == 1 else SILK, pitch, 1.0 if kind < 2 else 1.8)
    seen = np.float32(np.clip(pitch / frame.step / 8 - 0.5, 0, 1))
    if kind == 0:
        rise = 7 * frame.step / pitch  # of the noise from one sample to the next
        veins = _vein(bend, 0.2, rise) * np.clip(cloud + np.float32(0.9), 0, 1)
        thin = _vein(bend + cloud, 0.12, rise) * np.float32(0.6)
        clouds = np.clip(cloud * np.float32(0.12) + np.float32(0.14), 0, 1)
        return Print(_faded(np.maximum(veins, clouds), 0.22, seen), third=_faded(thin, 0.04, seen))
    if kind == 1:
        wave = _spiral(frame, rng, pitch) + bend * np.float32(0.09)
    else:
        wave = bend * np.float32(rng.uniform(0.5, 0.9))
    share = _faded(soft_step(_triangle(wave) - np.float32(0.5), 0.5), 0.5, seen)
    # Half the frequency would tear a spiral with an odd number of arms.
    slower = wave if kind == 1 else wave * np.float32(0.5)
    third = soft_step(_triangle(slower + np.float32(0.35)) - np.float32(0.78), 0.25)
    return Print(share, third=_faded(third * np.float32(0.85), 0.17, seen))


def _vein(noise: Values, half_width: float, rise: float) -> Values:
    """Line where the noise is 0, paler instead of broken where it is thinner than a sample."""
    seen = float(np.hypot(half_width, rise))
    line: Values = np.clip(1 - np.abs(noise) * np.float32(1 / seen), 0, 1) * np.float32(half_width / seen)
    return line


def _triangle(position: Values) -> Values:
    """0..1..0 over every unit."""
    rise: Values = 1 - np.abs((position - np.floor(position)) * 2 - 1)
    return rise


def _spiral(frame: Frame, rng: Generator, pitch: float) -> Values:
    """Turns of a spiral with a few arms about a place near the middle."""
    wide, high = frame.size_iod
    centre = rng.uniform(-0.3, 0.3, 2)
    x = (frame.x - np.float32(centre[0] * wide))[None, :] / np.float32(pitch)
    y = (frame.y - np.float32(centre[1] * high))[:, None] / np.float32(pitch)
    away = np.sqrt(x * x + y * y)
    arms = int(rng.integers(0, 5))
    run: Values = away * np.float32(rng.uniform(0.4, 0.8))
    if arms:
        run = run + np.arctan2(y, x) * np.float32(arms / (2 * np.pi))
    return run


def _faded(share: Values, mean: float, seen: np.float32) -> Values:
    """Pattern whose contrast is ``seen``, 0..1."""
    return np.float32(mean) + (share - np.float32(mean)) * seen if seen < 1 else share


def draw_noise(frame: Frame, rng: Generator) -> Print:
    """Heathered yarn, soft clouds, splashes of paint or terrazzo."""
    kind = int(rng.integers(4))
    pitch = frame.scale * (1.0, 4.0, 1.5, 1.5)[kind]
    fall = ROUGH if kind in (0, 2) else SMOOTH
    first, second = _noise(frame, rng, fall, pitch, 4.0 if kind == 0 else 1.0)
    if kind < 2:
        return Print(np.clip(np.float32(0.5) + first * np.float32(0.25), 0, 1))
    level = float(rng.uniform(0.8, 1.4))
    share = _above(first, level, fall, frame, pitch)
    return Print(share, third=_above(second, level, fall, frame, pitch) if kind == 3 else None)
