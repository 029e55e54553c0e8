"""Hard parts that several templates carry: valves, nose clips, staples, buckles, filter cartridges."""

import numpy as np

from .draw_canvas import Cloth, F, Rgb, ellipse, rounded_box

STEEL: Rgb = (176, 178, 181)
# How far parts stand off the fabric, IOD of 63 mm: valves 8 mm, pancake filters 15 to 20, gas cartridges 30.
_VALVE_IOD, _PANCAKE_IOD, _CARTRIDGE_IOD = 0.13, 0.28, 0.46


def staples(cloth: Cloth, corners: tuple[tuple[float, float], ...], rgb: Rgb = STEEL) -> None:
    """Two short metal bars at every (x >= 0, y) where a strap is fixed, mirrored."""
    for x, y in corners:
        for side in (-1, 1):
            for row in (-0.035, 0.035):
                part = rounded_box(cloth.x, cloth.y, side * x, y + row, 0.05, 0.011, 0.008)
                cloth.paint(cloth.soft(part), rgb)
                cloth.height += 0.25 * cloth.soft(part, 0.015)


def nose_clip(cloth: Cloth, signed_distance: F, rgb: Rgb = STEEL) -> None:
    """A metal strip pressed on the outside over the nose."""
    cover = cloth.soft(signed_distance)
    gleam = (
        1 + 0.10 * cloth.line(signed_distance + 0.02, 0.02) - 0.14 * np.exp(-((signed_distance / 0.012) ** 2))
    )
    cloth.paint(cover, rgb, gleam)
    cloth.height += 0.30 * cloth.soft(signed_distance, 0.02)


def round_valve(cloth: Cloth, cx: float, cy: float, radius: float, rgb: Rgb, spokes: int = 6) -> None:
    """An exhalation valve: a flat plastic disc with a raised rim, slots around it and a plain middle."""
    dx, dy = cloth.x - cx, cloth.y - cy
    far = np.hypot(dx, dy)
    cover = cloth.soft(far - radius)
    ring = np.clip(1 - np.abs(far - 0.58 * radius) / (0.17 * radius), 0, 1) ** 0.5
    turn = np.arctan2(dy, dx)
    slots = ring * np.clip(3 * np.cos(spokes * turn) + 1.2, 0, 1)
    groove = cloth.line(far - 0.86 * radius, 0.028)
    _plastic(cloth, cover, far - radius, rgb, 1 - 0.55 * slots - 0.22 * groove)
    cloth.height += 0.35 * cloth.soft(far - 0.34 * radius, 0.03) - 0.45 * slots - 0.3 * groove
    cloth.stand((cx, cy), (radius, radius), _VALVE_IOD, taper=0.9)


def square_valve(cloth: Cloth, cx: float, cy: float, half: float, rgb: Rgb) -> None:
    """An exhalation valve with a square cover that is open at its lower edge and ribbed."""
    shape = rounded_box(cloth.x, cloth.y, cx, cy, half, half * 0.86, half * 0.30)
    cover = cloth.soft(shape)
    inner = cloth.soft(shape + 0.30 * half, 0.02)
    ribs = inner * np.clip(2.5 * np.cos(2 * np.pi * (cloth.y - cy) / (0.36 * half)) - 0.4, 0, 1)
    mouth = rounded_box(cloth.x, cloth.y, cx, cy + 0.66 * half, 0.66 * half, 0.07 * half, 0.03)
    shade = 1 - 0.38 * ribs - 0.6 * cloth.soft(mouth, 0.02) - 0.15 * cloth.line(shape + 0.20 * half, 0.03)
    _plastic(cloth, cover, shape, rgb, shade)
    cloth.height += 0.35 * inner - 0.30 * ribs - 0.5 * cloth.soft(mouth, 0.02)
    cloth.stand((cx, cy), (half, half * 0.86), _VALVE_IOD, corners=6.0, taper=0.85)


def _plastic(cloth: Cloth, cover: F, shape: F, rgb: Rgb, shade: F) -> None:
    """A hard part set on the fabric: raised, with a bright bevel and a dark joint around it."""
    rim = 0.14 * np.exp(-(((shape + 0.025) / 0.02) ** 2)) - 0.25 * np.exp(-((shape / 0.014) ** 2))
    cloth.paint(cover, rgb, np.clip(shade + rim, 0.05, 1.3))
    cloth.height += 1.1 * cloth.soft(shape, 0.05)
    cloth.albedo *= 1 - 0.25 * np.exp(-((np.maximum(shape, 0) / 0.03) ** 2))


def round_filter(
    cloth: Cloth, cx: float, cy: float, radius: tuple[float, float], rgb: Rgb, rim_rgb: Rgb
) -> None:
    """A pancake filter on a bayonet: a felt disc with a moulded rim, a hub and pressed rings."""
    shape = ellipse(cloth.x, cloth.y, cx, cy, *radius)
    far = np.hypot((cloth.x - cx) / radius[0], (cloth.y - cy) / radius[1])
    rings = cloth.line((far - 0.62) * radius[0], 0.05) + cloth.line((far - 0.36) * radius[0], 0.04)
    cloth.paint(cloth.soft(shape), rim_rgb, 1 - 0.3 * cloth.line(shape, 0.03))
    cloth.paint(cloth.soft(shape + 0.07), rgb, 1 - 0.16 * rings - 0.2 * cloth.line(shape + 0.07, 0.03))
    hub = ellipse(cloth.x, cloth.y, cx, cy, 0.10, 0.10)
    cloth.paint(cloth.soft(hub), rgb, 0.82 - 0.3 * cloth.line(hub, 0.025))
    cloth.height += 1.4 * cloth.soft(shape + 0.03, 0.09) + 0.3 * rings + 0.35 * cloth.line(shape + 0.05, 0.04)
    cloth.height += 0.3 * cloth.soft(hub, 0.03)
    cloth.stand((cx, cy), radius, _PANCAKE_IOD)


def box_filter(
    cloth: Cloth, side: int, cx: float, cy: float, half: tuple[float, float], band_rgb: Rgb
) -> None:
    """A gas cartridge: a dark trapezoid box with a coloured label band and a slotted grille."""
    slant = 0.25 * (cloth.y - cy)
    x = (cloth.x - side * cx) * side + slant
    shape = rounded_box(x, cloth.y, 0.0, cy, half[0], half[1], 0.09)
    cloth.paint(cloth.soft(shape), (104, 107, 112), 1 - 0.3 * cloth.line(shape, 0.03))
    inner = cloth.soft(shape + 0.10, 0.02)
    slots = (
        inner
        * np.clip(3 * np.cos(2 * np.pi * x / 0.11) - 1.2, 0, 1)
        * cloth.soft(-(cloth.y - cy - 0.02), 0.02)
    )
    band = np.maximum(shape + 0.04, np.abs(cloth.y - cy + half[1] * 0.42) - half[1] * 0.30)
    cloth.paint(cloth.soft(band), band_rgb)
    cloth.paint(np.clip(slots, 0, 1) * 0.9, (34, 35, 38))
    cloth.height += 1.5 * cloth.soft(shape + 0.03, 0.09) - 0.4 * slots
    cloth.stand((side * cx, cy), half, _CARTRIDGE_IOD, corners=7.0, taper=0.97, lean=-0.25 * side)


def buckle(cloth: Cloth, x: float, y: float, rgb: Rgb = (36, 37, 40)) -> None:
    """A ladder buckle for a strap on both sides: a small frame with a slot."""
    for side in (-1, 1):
        frame = rounded_box(cloth.x, cloth.y, side * x, y, 0.085, 0.065, 0.02)
        slot = rounded_box(cloth.x, cloth.y, side * (x + 0.02), y, 0.022, 0.045, 0.01)
        cloth.paint(cloth.soft(frame), rgb, 1 - 0.6 * cloth.soft(slot, 0.015))
        cloth.height += 0.5 * cloth.soft(frame, 0.02) - 0.4 * cloth.soft(slot, 0.015)
