"""Swirls of many hues: warped noise, tie-dye, Julia sets and waves that cross."""

import numpy as np
from numpy.random import Generator

from .clouds import clouds
from .inks import palette, ramp
from .sheet import U8, averaged, cloth_sheet, printed
from .tile import F32, Frame, Print, Values

_ROUNDS = 18  # of a Julia set: more would show what is finer than a thread


def draw_fractal(frame: Frame, rng: Generator) -> Print:
    """One of four kinds of swirls, a motif period wide."""
    sheet = cloth_sheet(frame, 1.6)
    x, y = sheet.grid()
    cos, sin = np.float32(np.cos(frame.turn) / frame.scale), np.float32(np.sin(frame.turn) / frame.scale)
    u, v = x * cos + y * sin, y * cos - x * sin
    soft = sheet.soft / frame.scale
    phase = (_warped, _tie_dye, _julia, _waves)[int(rng.integers(4))](rng, u, v, soft)
    colours = palette(rng, int(rng.integers(3, 8)))
    np.copyto(sheet.image, _coloured(phase, colours, bool(rng.random() < 0.4)))
    return printed(averaged(sheet, frame))


def _coloured(phase: Values, colours: list[tuple[int, int, int]], hard: bool) -> U8:
    """Colours around a circle of them; where they change faster than the pixels they fade into their mean."""
    count = len(colours)
    share = phase - np.floor(phase)
    if hard:  # bands with edges instead of a run of hues
        place = share * np.float32(count)
        whole = np.floor(place)
        share = (whole + np.clip((place - whole - np.float32(0.8)) * 5, 0, 1)) / np.float32(count)
    found = ramp([*colours, colours[0]], share)
    rise = np.hypot(np.diff(phase, axis=1, append=phase[:, -1:]), np.diff(phase, axis=0, append=phase[-1:]))
    seen = np.clip(np.float32(1.6) - rise * np.float32(1.8 * (2 if hard else 1)), 0, 1)[..., None]
    if float(seen.min()) >= 1:
        return found
    mean = np.mean(np.array(colours, np.float32), 0)
    faded: U8 = (mean + (found - mean) * seen + np.float32(0.5)).astype(np.uint8)
    return faded


def _warped(rng: Generator, u: F32, v: F32, soft: float) -> F32:
    """Noise that is read where other noise says (domain warping), as marbled paper has it."""
    first = clouds(rng, u, v, soft, 1.6)
    bend = np.float32(rng.uniform(0.25, 0.7))
    second = clouds(rng, u + bend * first[..., 0], v + bend * first[..., 1], soft * 1.5, 1.3)
    return second[..., 0] * np.float32(rng.uniform(0.4, 0.9)) + first[..., 2] * np.float32(0.2)


def _tie_dye(rng: Generator, u: F32, v: F32, soft: float) -> F32:
    """Arms of a spiral about a place near the middle, with a frayed edge."""
    u, v = u + np.float32(rng.normal(0, 0.4)), v + np.float32(rng.normal(0, 0.4))
    frayed = clouds(rng, u, v, soft, 0.7)
    away = np.hypot(u, v) + np.float32(0.05)
    arms, tight = int(rng.integers(0, 4)), float(rng.uniform(0.5, 1.0))
    turn = np.arctan2(v, u) * np.float32(arms / (2 * np.pi))
    phase: F32 = turn + away * np.float32(tight) + frayed[..., 0] * np.float32(0.12)
    return phase


def _julia(rng: Generator, u: F32, v: F32, soft: float) -> F32:
    """How fast z -> z * z + c runs away: c lies near the border of the Mandelbrot set's heart."""
    angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 1.12)
    c = away * (np.exp(1j * angle) / 2 - np.exp(2j * angle) / 4)
    re, im = u * np.float32(0.8), v * np.float32(0.8)
    run = np.zeros_like(re)
    for _ in range(_ROUNDS):
        re, im = re * re - im * im + np.float32(c.real), 2 * re * im + np.float32(c.imag)
        np.clip(re, -1e3, 1e3, out=re)
        np.clip(im, -1e3, 1e3, out=im)
        run += 1 / (1 + re * re + im * im)  # counts the rounds until it has run away, without steps
    phase: F32 = run * np.float32(1 / rng.integers(2, 6))
    return phase


def _waves(rng: Generator, u: F32, v: F32, soft: float) -> F32:
    """Plane waves that cross, each bent by the one before."""
    phase = np.zeros(np.broadcast_shapes(u.shape, v.shape), np.float32)
    for _ in range(4):
        angle, length = rng.uniform(0, np.pi), rng.uniform(0.6, 1.6)
        along = (u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) * np.float32(
            2 * np.pi / length
        )
        phase = phase + np.sin(along + phase * 2 + np.float32(rng.uniform(0, 6))) * np.float32(0.4)
    return phase
