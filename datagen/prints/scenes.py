"""Procedural pictures with the look of photographs: what printed masks show, and what collages are cut from.

A scene is drawn once from a generator and then painted at any places, so that its parts lie where they lie at
every resolution. Its lengths are such that it fills about -1..1.
"""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from .clouds import clouds
from .inks import WHITE, bytes_of, ground_colour, hsv, over, palette, ramp, strong
from .sheet import U8, Colour, Painter
from .tile import F32, Values, soft_step

Scene = Callable[[Generator], Painter]
_LIGHT = np.array([-0.45, -0.6, 0.66], np.float32)


def scene(rng: Generator) -> Painter:
    """One of all scenes."""
    return SCENES[int(rng.integers(len(SCENES)))](rng)


def moved(painter: Painter, at: tuple[float, float], size: float, turn: float = 0.0) -> Painter:
    """The same picture about another place, ``size`` times as large and turned by ``turn`` radians."""
    cos, sin = np.float32(np.cos(turn) / size), np.float32(np.sin(turn) / size)

    def paint(x: F32, y: F32, soft: float) -> U8:
        x, y = x - np.float32(at[0]), y - np.float32(at[1])
        return painter(x * cos + y * sin, y * cos - x * sin, soft / size)

    return paint


def _copy(rng: Generator) -> Callable[[], Generator]:
    """Generators that begin alike: a painter that is called twice must paint the same."""
    seed = int(rng.integers(1 << 31))
    return lambda: np.random.Generator(np.random.PCG64(seed))


def _haze(rng: Generator) -> Painter:
    """Light and dark with the spectrum of photographs, and hues that drift."""
    again = _copy(rng)
    dark, bright = hsv(rng.random(), rng.uniform(0.5, 1), 0.18), hsv(rng.random(), rng.uniform(0.05, 0.4), 1)
    middle, other = strong(rng), strong(rng)

    def paint(x: F32, y: F32, soft: float) -> U8:
        noise = clouds(again(), x, y, soft, 1.1)
        base = ramp([dark, middle, bright], np.float32(0.5) + noise[..., 0] * np.float32(0.42))
        return bytes_of(
            over(base, other, np.clip(noise[..., 1] * np.float32(1.2) - np.float32(0.3), 0, 0.85))
        )

    return paint


def _galaxy(rng: Generator) -> Painter:
    """Glowing clouds before a black sky, with stars."""
    again, stars = _copy(rng), rng.uniform(-1.6, 1.6, (60, 2)).astype(np.float32)
    sizes = (0.008 + 0.03 * rng.random(60) ** 4).astype(np.float32)
    first, second = hsv(rng.uniform(0.5, 0.95), 0.9, 1), hsv(rng.random(), 0.8, 1)

    def paint(x: F32, y: F32, soft: float) -> U8:
        noise = clouds(again(), x, y, soft, 1.3)
        sky = np.full((*noise.shape[:2], 3), np.array([8, 7, 22], np.float32))
        sky = over(sky, first, np.clip(noise[..., 0] * np.float32(0.8), 0, 0.95))
        sky = over(sky, second, np.clip(noise[..., 1] * np.float32(1.0) - np.float32(0.4), 0, 0.95))
        glow = np.clip((noise[..., 0] + noise[..., 2]) * np.float32(0.5) - np.float32(0.6), 0, 1)
        return _starry(bytes_of(over(sky, WHITE, glow)), x, y, soft, stars, sizes)

    return paint


def _starry(image: U8, x: F32, y: F32, soft: float, stars: F32, sizes: F32) -> U8:
    x, y = np.broadcast_arrays(x, y)
    for (cx, cy), size in zip(stars.tolist(), sizes.tolist(), strict=True):
        part = _window(x, y, cx, cy, size + 2 * soft, soft)
        if part is not None:
            cover = soft_step(
                np.float32(size) - np.hypot(x[part] - np.float32(cx), y[part] - np.float32(cy)), soft
            )
            cover *= np.float32(min(size / soft, 1))
            image[part] = over(image[part].astype(np.float32), WHITE, cover)
    return image


def _leaf(rng: Generator) -> Painter:
    """A leaf as large as the picture: midrib, veins to both sides, light through the blade."""
    again, hue = _copy(rng), float(rng.choice([0.28, 0.3, 0.34, 0.08, 0.98]))
    dark, light = hsv(hue, 0.95, 0.22), hsv(hue - 0.03, 0.8, 0.75)
    vein, apart, slope = hsv(hue - 0.05, 0.45, 0.9), rng.uniform(0.22, 0.4), rng.uniform(0.4, 0.9)

    def paint(x: F32, y: F32, soft: float) -> U8:
        noise = clouds(again(), x, y, soft, 0.8)
        side = np.abs(x)
        place = (y + side * np.float32(slope) + side * side * np.float32(0.3)) / np.float32(apart)
        across = np.abs(place - np.rint(place)) * np.float32(apart)
        lines = soft_step(np.float32(0.018) - across, max(soft, 0.02)) * np.float32(min(0.03 / soft, 1))
        rib = soft_step(np.float32(0.035) - side, max(soft, 0.02))
        blade = (
            np.float32(0.25) + across / np.float32(apart) * np.float32(1.1) + noise[..., 0] * np.float32(0.16)
        )
        return bytes_of(over(ramp([dark, light], blade), vein, np.maximum(lines, rib + 0 * lines)))

    return paint


def _ridges(rng: Generator) -> Painter:
    """Hills behind hills below an evening sky with a sun."""
    again, high, low = _copy(rng), hsv(rng.random(), 0.75, 0.6), hsv(rng.uniform(0, 0.16), 0.8, 1)
    sun, radius = rng.uniform((-0.7, -0.7), (0.7, 0.0)), rng.uniform(0.12, 0.3)
    near, levels = hsv(rng.random(), 0.8, 0.14), np.sort(rng.uniform(-0.35, 0.9, 4))
    waves, phases = rng.uniform(1.5, 9, (4, 3)), rng.uniform(0, 6.3, (4, 3))

    def paint(x: F32, y: F32, soft: float) -> U8:
        noise = clouds(again(), x, y, soft, 0.9)
        sky = ramp([high, low], (y + np.float32(1)) * np.float32(0.6) + noise[..., 0] * np.float32(0.08))
        image = over(sky, (255, 246, 214), soft_step(radius - np.hypot(x - sun[0], y - sun[1]), soft))
        for i, level in enumerate(levels):
            line = sum(
                np.sin(x * w + p) * np.float32(0.35 / w) for w, p in zip(waves[i], phases[i], strict=True)
            )
            share = (1 - i / 3) * 0.6
            hill = tuple(round(a + (b - a) * share) for a, b in zip(near, low, strict=True))
            grain = np.float32(1) + noise[..., 1:2] * np.float32(0.18)
            cover = soft_step(y - np.float32(level) + line, soft)[..., None]
            image = image + (np.array(hill, np.float32) * grain - image) * cover
        return bytes_of(image)

    return paint


def _balls(rng: Generator) -> Painter:
    """Fruit or sweets: shaded balls with a gleam that lie over one another."""
    colours = palette(rng, int(rng.integers(2, 6)))
    count, ground = 40, ground_colour(rng)
    places = rng.uniform(-1.5, 1.5, (count, 2))
    radii, inks = rng.uniform(0.18, 0.45, count), rng.integers(len(colours), size=count)

    def paint(x: F32, y: F32, soft: float) -> U8:
        image = np.full((*np.broadcast_shapes(x.shape, y.shape), 3), np.array(ground, np.float32))
        x, y = np.broadcast_arrays(x, y)
        for (cx, cy), radius, ink in zip(places, radii, inks, strict=True):
            part = _window(x, y, float(cx), float(cy), float(radius), soft)
            if part is not None:
                u, v = (x[part] - np.float32(cx)) / radius, (y[part] - np.float32(cy)) / radius
                image[part] = _ball(image[part], u, v, soft / radius, colours[ink])
        return bytes_of(image)

    return paint


def _window(
    x: Values, y: Values, cx: float, cy: float, radius: float, soft: float
) -> tuple[slice, slice] | None:
    """Part of a raster, turned or not, with pixels ``soft`` apart, that holds a disc."""
    cos, sin = (x[0, 1] - x[0, 0]) / soft, (y[0, 1] - y[0, 0]) / soft
    right, down = (cx - x[0, 0]) / soft, (cy - y[0, 0]) / soft
    col, row, reach = right * cos + down * sin, down * cos - right * sin, radius / soft + 2
    rows, cols = (
        slice(max(int(at - reach), 0), min(int(at + reach) + 1, count))
        for at, count in zip((row, col), x.shape, strict=True)
    )
    return (rows, cols) if rows.stop > rows.start and cols.stop > cols.start else None


def _ball(below: F32, u: Values, v: Values, soft: float, colour: Colour) -> F32:
    away = u * u + v * v
    depth = np.sqrt(np.clip(1 - away, 0, 1))
    light = np.clip(u * _LIGHT[0] + v * _LIGHT[1] + depth * _LIGHT[2], 0, 1)
    shaded = np.array(colour, np.float32) * (np.float32(0.3) + np.float32(0.8) * light)[..., None]
    shaded = over(shaded, WHITE, np.clip(light - np.float32(0.93), 0, 1) * np.float32(12))
    return below + (shaded - below) * soft_step(1 - np.sqrt(away), soft)[..., None].astype(np.float32)


def _blooms(rng: Generator) -> Painter:
    """Large flowers that lie over one another before dark leaves: petals with light, shadow and a heart."""
    count, leafy = 22, hsv(rng.uniform(0.2, 0.42), 0.8, 0.22)
    colours, heart = [strong(rng), strong(rng), WHITE], hsv(rng.uniform(0.08, 0.16), 0.9, 0.9)
    places, radii = rng.uniform(-1.5, 1.5, (count, 2)), rng.uniform(0.3, 0.6, count)
    inks, petals, turns = rng.integers(3, size=count), rng.integers(5, 10, count), rng.uniform(0, 6, count)

    def paint(x: F32, y: F32, soft: float) -> U8:
        image = np.full((*np.broadcast_shapes(x.shape, y.shape), 3), np.array(leafy, np.float32))
        x, y = np.broadcast_arrays(x, y)
        for i, (cx, cy) in enumerate(places.tolist()):
            part = _window(x, y, cx, cy, float(radii[i]), soft)
            if part is not None:
                u, v = (x[part] - np.float32(cx)) / radii[i], (y[part] - np.float32(cy)) / radii[i]
                angle = np.arctan2(v, u) * np.float32(petals[i] / 2) + np.float32(turns[i])
                image[part] = _bloom(
                    image[part], np.hypot(u, v), angle, soft / float(radii[i]), colours[inks[i]], heart
                )
        return bytes_of(image)

    return paint


def _bloom(below: F32, away: Values, angle: Values, soft: float, colour: Colour, heart: Colour) -> F32:
    petal = np.abs(np.cos(angle))
    light = (np.float32(0.3) + np.float32(0.7) * petal) * (np.float32(0.45) + np.float32(0.6) * away)
    shaded = over(
        np.array(colour, np.float32) * light[..., None], heart, soft_step(np.float32(0.2) - away, soft)
    )
    edge = np.float32(0.6) + np.float32(0.38) * np.sqrt(petal)
    shadow = np.clip((edge + np.float32(0.12) - away) * np.float32(6), 0, 0.7)
    below = below * (1 - shadow)[..., None]
    return below + (shaded - below) * soft_step(edge - away, soft)[..., None].astype(np.float32)


def _city(rng: Generator) -> Painter:
    """Towers with lit windows at night, or in flat colours by day."""
    night = bool(rng.random() < 0.5)
    colours = palette(rng, 5) if not night else [(22, 24, 40), (34, 34, 58), (14, 16, 26), (48, 40, 60)]
    sky = ramp([hsv(rng.random(), 0.8, 0.3 if night else 0.9), strong(rng)], np.linspace(0, 1, 64)[None])[0]
    lamp = (255, 216, 120) if night else WHITE
    edges = np.cumsum(rng.uniform(0.14, 0.4, 24)) - 2.4
    roofs, seeds = rng.uniform(-0.7, 0.6, 24), rng.uniform(0, 99, 24).astype(np.float32)

    def paint(x: F32, y: F32, soft: float) -> U8:
        shape = np.broadcast_shapes(x.shape, y.shape)
        index = np.clip(np.searchsorted(edges, np.broadcast_to(x, shape)), 0, 23)
        tower = np.array(colours, np.float32)[index % len(colours)]
        image = sky[np.clip((y + 1) * 32 + 0 * x, 0, 63).astype(np.uint8)].astype(np.float32)
        image += (tower - image) * soft_step(y - roofs[index].astype(np.float32), soft)[..., None]
        u, v = x * np.float32(14), y * np.float32(11)
        lit = np.sin(np.floor(u) * 12.9 + np.floor(v) * 78.2 + seeds[index]) * 43758.5
        window = (np.abs(u % 1 - 0.5) < 0.28) & (np.abs(v % 1 - 0.5) < 0.3) & (y > roofs[index] + 0.06)
        share = (window & (lit % 1 < 0.55)) * np.float32(min(0.05 / soft, 0.95))
        return bytes_of(over(image, lamp, share))

    return paint


SCENES: tuple[Scene, ...] = (_haze, _galaxy, _leaf, _ridges, _balls, _blooms, _city)
