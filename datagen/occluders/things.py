"""Things that are held before the mouth: a cup, a microphone, a telephone."""

import numpy as np
from numpy.random import Generator

from .canvas import Canvas
from .hand import draw_grip, draw_grip_behind
from .look import Look
from .solids import Points, disc, drum, limb, slab

_DARK = np.float32(0.035)


def draw_cup(canvas: Canvas, look: Look) -> None:
    """Draw a mug, or a paper cup with or without a lid and a sleeve; the origin is below its rim."""
    rng = look.generator()
    top, paper = -0.25 + float(rng.uniform(-0.15, 0.15)), bool(rng.random() < 0.5)
    height = float(rng.uniform(1.5, 1.9) if paper else rng.uniform(1.15, 1.5))
    half = float(rng.uniform(0.52, 0.66))
    widths = (half, half * float(rng.uniform(0.72, 0.8) if paper else rng.uniform(0.9, 1.0)))
    curve = float(rng.uniform(-0.14, 0.14))
    low = top + height * 0.55
    draw_grip_behind(canvas, look, rng, half, low)
    if not paper:
        _draw_handle(canvas, look, -half * 0.98, top + height * 0.5, height * 0.27)
    canvas.paint(
        drum(canvas, top, top + height, widths, curve), look.colour, gloss=0.03 if paper else 0.22, shade=0.4
    )
    _draw_pattern(canvas, look, rng, (top, height), widths, curve)
    if curve > 0.02:
        _draw_opening(canvas, look, top, half, curve, lid=paper and bool(rng.random() < 0.6))
    elif curve < -0.02:
        middle = (0.0, top + height)
        canvas.paint(disc(canvas, middle, (widths[1], -curve)), look.colour * 0.62)
    draw_grip(canvas, look, rng, half, low, float(rng.uniform(-0.35, 0.25)))


def _draw_handle(canvas: Canvas, look: Look, u: float, v: float, size: float) -> None:
    angles = np.radians(np.linspace(-80, 80, 7))
    ring: Points = [(u - float(np.cos(a)) * size * 0.95, v + float(np.sin(a)) * size) for a in angles]
    canvas.paint(limb(canvas, [(ring, [0.085] * len(ring))]), look.colour, gloss=0.15)


def _draw_pattern(
    canvas: Canvas,
    look: Look,
    rng: Generator,
    span: tuple[float, float],
    widths: tuple[float, float],
    curve: float,
) -> None:
    """A sleeve of cardboard, a stripe or a round emblem, on half of the cups."""
    kind, place, tint = rng.random(), rng.uniform(0.25, 0.45), rng.uniform(0.25, 1.0, 3)
    low, high = float(place), float(place + rng.uniform(0.08, 0.4))
    if kind > 0.5:
        return
    ink = (look.white * tint).astype(np.float32)
    if kind < 0.15:
        middle = (0.0, span[0] + span[1] * 0.45)
        canvas.paint(disc(canvas, middle, (widths[1] * 0.45, widths[1] * 0.45)), ink)
        return
    taper = widths[1] - widths[0]
    ends = (widths[0] + taper * low + 0.012, widths[0] + taper * high + 0.012)
    canvas.paint(
        drum(canvas, span[0] + span[1] * low, span[0] + span[1] * high, ends, curve), ink, shade=0.15
    )


def _draw_opening(canvas: Canvas, look: Look, top: float, half: float, curve: float, *, lid: bool) -> None:
    if lid:
        canvas.paint(
            drum(canvas, top - 0.14, top + 0.05, (half * 0.97, half * 1.04), curve), look.white, shade=0.3
        )
        canvas.paint(disc(canvas, (0.0, top - 0.14), (half * 0.95, curve)), look.white * 0.9)
        return
    canvas.paint(disc(canvas, (0.0, top), (half, curve)), look.colour * 1.05)
    inner = (half - 0.045, max(curve - 0.03, 0.01))
    canvas.paint(disc(canvas, (0.0, top + 0.01), inner), look.colour * 0.45)


def draw_microphone(canvas: Canvas, look: Look) -> None:
    """Draw a hand-held microphone, its head at the origin, the stem away from the tip."""
    rng = look.generator()
    head, held = float(rng.uniform(0.34, 0.48)), bool(rng.random() < 0.85)
    foam = bool(rng.random() < 0.4)
    low = head + float(rng.uniform(0.9, 1.3))
    if held:
        draw_grip_behind(canvas, look, rng, 0.16, low)
    end = head + (2.9 if held else 9.0)  # in a hand, or on a stand
    stem: Points = [(0.0, head * 0.7), (0.0, head + 0.8), (0.0, end)]
    body = limb(canvas, [(stem, [head * 0.62, 0.22, 0.16])], softness=0.02)
    canvas.paint(body, np.full(3, _DARK, np.float32) + look.white * 0.02, gloss=0.18, shade=0.4)
    collar: Points = [(-head * 0.5, head * 0.72), (head * 0.5, head * 0.72)]
    canvas.paint(limb(canvas, [(collar, [0.09, 0.09])]), look.white * 0.35, gloss=0.3, shade=0.3)
    ball = limb(canvas, [([(0.0, -0.06), (0.0, 0.06)], [head, head])], softness=0.05)
    if ball is not None:
        u, v = ball.window.u, ball.window.v
        bend = 1 / np.maximum(
            ball.normal[..., 2], np.float32(0.25)
        )  # the grille is finer where it turns away
        mesh = np.sin(u * 42 * bend**0.3) * np.sin(v * 42 * bend**0.3)
        grain = np.sin(u * 91 + 5 * np.sin(v * 67)) * 0.2
        base, depth = (look.colour, 0.15) if foam else (look.white * np.float32(rng.uniform(0.12, 0.5)), 0.5)
        albedo = base * (0.8 + depth * (grain if foam else mesh))[..., None].astype(np.float32)
        canvas.paint(ball, albedo, gloss=0.0 if foam else 0.12, shade=0.4)
    if held:
        draw_grip(canvas, look, rng, 0.16, low, -0.2)


def draw_phone(canvas: Canvas, look: Look) -> None:
    """Draw a telephone, its back to the camera or edge-on, with the fingers that hold it."""
    rng = look.generator()
    flat = bool(rng.random() < 0.7)
    half = (0.56, 1.16) if flat else (float(rng.uniform(0.07, 0.11)), 1.16)
    low = float(rng.uniform(0.1, 0.7))
    draw_grip_behind(canvas, look, rng, half[0], low)
    corner = 0.13 if flat else 0.05
    frame = slab(canvas, (0.0, 0.0), half, corner, 0.06)
    canvas.paint(frame, look.colour * 0.6 + look.white * 0.06, gloss=0.4, shade=0.4)
    if flat:
        _draw_back(canvas, look, rng, half)
    draw_grip(canvas, look, rng, half[0], low, half[0] - (0.28 if flat else 0.35))
    if flat and rng.random() < 0.5:
        thumb: Points = [(-half[0] - 0.1, low + 0.25), (-half[0] + 0.02, low), (-half[0] + 0.1, low - 0.16)]
        canvas.paint(limb(canvas, [(thumb, [0.19, 0.17, 0.14])]), look.skin, shade=0.4)


def _draw_back(canvas: Canvas, look: Look, rng: Generator, half: tuple[float, float]) -> None:
    back = slab(canvas, (0.0, 0.0), (half[0] - 0.035, half[1] - 0.035), 0.1, 0.03)
    if back is not None:
        slope, shine = float(rng.uniform(-1, 1)), float(rng.uniform(0.0, 0.16))
        streak = np.clip(1 - np.abs(back.across + slope * back.along) * 1.6, 0, 1)
        canvas.paint(back, look.colour + look.white * (shine * streak[..., None]).astype(np.float32))
    side = -1 if rng.random() < 0.5 else 1
    bump = (side * (half[0] - 0.24), -half[1] + 0.26)
    canvas.paint(slab(canvas, bump, (0.17, 0.19), 0.06, 0.03), look.colour * 0.75, gloss=0.1, shade=0.2)
    for u, v in ((-0.07, -0.08), (-0.07, 0.08), (0.08, 0.0)):
        at = (bump[0] + u, bump[1] + v)
        canvas.paint(disc(canvas, at, (0.065, 0.065)), look.white * 0.12)
        canvas.paint(disc(canvas, at, (0.045, 0.045)), look.white * 0.012)
        canvas.paint(disc(canvas, (at[0] - 0.012, at[1] - 0.014), (0.012, 0.012)), look.white * 0.5)
