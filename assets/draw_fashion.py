"""Sewn cloth masks and sponge masks."""

from functools import partial

import numpy as np

from .draw_canvas import Cloth, bar, between, rounded_box, smooth_min
from .draw_palettes import CLOTH_PRINTS, SPONGE, SPONGE_PRINTS, WARDROBE
from .draw_parts import round_valve
from .draw_sheets import EAR_COLOURS, Sheet, loops, sheet


def cloth_seam(cloth: Cloth) -> None:
    """Two panels sewn along a curved centre seam, hemmed all round."""
    cloth.cut(between(cloth, lambda u: 0.02 + 0.11 * u**1.3, lambda u: 0.98 - 0.16 * u**2, 0.97, 0.06))
    cloth.seam(cloth.x, cloth.y)
    cloth.hem(0.06, 0.2, 0.06)
    cloth.stitches(cloth.outside + 0.05, cloth.x + cloth.y, 0.04, 0.010)


def olson(cloth: Cloth) -> None:
    """Curved contour: a front panel in two halves and narrow side panels with casings for the elastic."""
    cloth.cut(
        between(
            cloth,
            lambda u: 0.015 + 0.26 * np.clip((u - 0.34) / 0.66, 0, 1) ** 1.4,
            lambda u: 0.985 - 0.27 * np.clip((u - 0.25) / 0.75, 0, 1) ** 1.5,
            0.97,
            0.07,
        )
    )
    cloth.seam(cloth.x, cloth.y)
    side = np.abs(cloth.u) - 0.66 + 0.07 * np.cos((cloth.v - 0.5) * np.pi)
    cloth.seam(side * cloth.wide / 2, cloth.y, 0.3)
    cloth.stitches((np.abs(cloth.u) - 0.90) * cloth.wide / 2, cloth.y, 0.04, 0.012)
    cloth.hem(0.045, 0.15, 0.05)
    cloth.stitches(cloth.outside + 0.035, cloth.x + cloth.y, 0.035, 0.010)


def pocket(cloth: Cloth) -> None:
    """A flat panel with darts at nose and chin and the seam of a filter pocket across it."""
    cloth.cut(between(cloth, lambda u: 0.02 + 0.05 * u**2, lambda u: 0.98 - 0.10 * u**2, 0.97, 0.10))
    for top, sign in ((0.0, 1), (1.0, -1)):
        dart = np.hypot(
            cloth.x * (1 + 3 * np.abs(cloth.v - top)), np.maximum(sign * (cloth.v - top) - 0.24, 0)
        )
        cloth.height -= 0.4 * cloth.line(dart, 0.03)
        cloth.albedo *= 1 - 0.15 * cloth.line(dart, 0.016)
    across = cloth.y - 0.20 * cloth.high
    cloth.pleat(across, np.clip(1.6 - 1.6 * np.abs(cloth.u), 0, 1), 0.4, 0.06)
    for inset in (0.05, 0.09):
        cloth.stitches(cloth.outside + inset, cloth.x + cloth.y, 0.045, 0.012)
    cloth.wire(bar(cloth.x, cloth.y, 0.35, 0.0, 0.10, 0.02), 0.2)
    cloth.hem(0.11, 0.18, 0.05)


def pleated(cloth: Cloth) -> None:
    """A sewn rectangle with three broad soft pleats and stitched side channels."""
    cloth.cut(rounded_box(cloth.x, cloth.y, 0, cloth.high / 2, cloth.wide * 0.488, cloth.high * 0.485, 0.06))
    open_up = 1 - 0.8 * np.abs(cloth.u) ** 4
    for at in (0.27, 0.45, 0.63):
        cloth.pleat((cloth.v - at) * cloth.high + 0.02 * np.sin(3 * cloth.u), open_up, 0.9, 0.15)
    for inset in (0.45, 0.482):
        cloth.stitches(np.abs(cloth.x) - cloth.wide * inset, cloth.y, 0.045, 0.013)
    cloth.stitches(cloth.outside + 0.04, cloth.x + cloth.y, 0.045, 0.012)
    cloth.hem(0.055, 0.2, 0.06)


def pleated_bound(cloth: Cloth) -> None:
    """A pleated mask whose edges are bound with dark bias tape."""
    pleated(cloth)
    tape = np.abs(np.abs(cloth.x) - cloth.wide * 0.467) - cloth.wide * 0.020
    edge = np.abs(np.abs(cloth.y - cloth.high / 2) - cloth.high * 0.463) - cloth.high * 0.024
    band = np.minimum(tape, edge)
    weave = 1 + 0.10 * np.sin(2 * np.pi * (cloth.x + cloth.y) / 0.03)
    cloth.paint(cloth.soft(band) * cloth.soft(cloth.outside), (34, 36, 44), weave)
    cloth.height += 0.35 * cloth.soft(band, 0.02)


def sponge(cloth: Cloth) -> None:
    """Seamless polyurethane: thin, smooth, its sides taper into the ear loops."""
    cloth.cut(
        between(
            cloth,
            lambda u: 0.02 + 0.32 * np.clip((u - 0.48) / 0.52, 0, 1) ** 1.9,
            lambda u: 0.98 - 0.36 * np.clip((u - 0.4) / 0.6, 0, 1) ** 1.6,
            0.985,
            0.04,
        )
    )
    _welded_middle(cloth)
    cloth.hem(0.02, 0.10, 0.03)


def _welded_middle(cloth: Cloth) -> None:
    cloth.fold(cloth.x, 0.30, 0.05)
    cloth.albedo *= 1 - 0.10 * cloth.line(cloth.x, 0.012)


def sponge_slit(cloth: Cloth) -> None:
    """Cut from one sheet: the sides run on as bands around the ears, with a slit for the ear."""
    u = np.abs(cloth.u)
    body = between(
        cloth,
        lambda u: 0.02 + 0.36 * np.clip((u - 0.40) / 0.48, 0, 1) ** 1.7,
        lambda u: 0.98 - 0.44 * np.clip((u - 0.35) / 0.50, 0, 1) ** 1.5,
        0.83,
        0.05,
    )
    across, down, wide = np.abs(cloth.x), cloth.y - cloth.high * 0.46, cloth.wide
    band = rounded_box(across, down, wide * 0.42, 0, wide * 0.078, 0.36, 0.16)
    ear = rounded_box(across, down, wide * 0.435, 0, wide * 0.042, 0.20, 0.10)
    cloth.cut(np.maximum(smooth_min([body, band], 0.10), -ear))
    _welded_middle(cloth)
    cloth.height += 0.10 * np.clip(u - 0.6, 0, 1)
    cloth.hem(0.018, 0.10, 0.03)


def sport(cloth: Cloth) -> None:
    """Neoprene sports mask: two valves at the cheeks, rows of punched holes, a bound edge, a nose clip."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.20 * u**1.7, lambda u: 0.988 - 0.22 * u**2, 0.98, 0.06))
    for row, (at, count) in enumerate(((0.36, 4), (0.45, 3), (0.54, 2))):
        for hole in range(count):
            for side in (-1, 1):
                far = 0.25 + 0.17 * hole + 0.03 * row
                spot = np.hypot(cloth.x - side * far, cloth.y - at * cloth.high) - 0.038
                cloth.paint(cloth.soft(spot), (12, 12, 13))
                cloth.height -= 0.5 * cloth.soft(spot, 0.02)
    for side in (-1, 1):
        round_valve(cloth, side * 0.62, cloth.high * 0.68, 0.22, (30, 31, 34))
    cloth.seam(cloth.x, cloth.y, 0.3)
    tape = np.abs(cloth.outside + 0.045) - 0.03
    cloth.paint(cloth.soft(tape), (24, 25, 28), 1 - 0.2 * cloth.line(tape, 0.02))
    cloth.height += 0.3 * cloth.soft(tape, 0.02)
    cloth.wire(bar(cloth.x, cloth.y, 0.34, 0.10, 0.17, 0.03), 0.5)


_CUT = {
    "width": [0.95, 1.07],
    "top": [-3.5, 1.5],
    "bottom": [-9, 12],
    "bulge": [0.5, 1.7],
    "pleat": [0.5, 1.5],
}
_THIN = {"width": [0.94, 1.05], "top": [-2.5, 1.5], "bottom": [-9, 12], "bulge": [0.4, 1.5]}


def sheets() -> list[Sheet]:
    """The templates of this module."""
    elastic = EAR_COLOURS | {"#2a2b2e": 8.0, "#24365c": 2.0, "#7a7f86": 1.0}
    sewn = partial(sheet, family="cloth", palette=WARDROBE, textures=CLOTH_PRINTS, parameters=_CUT, relief=0.035,
                   wrinkle=0.6)  # fmt: skip
    folded = partial(sheet, family="cloth_pleated", palette=WARDROBE, textures=CLOTH_PRINTS, parameters=_CUT,
                     relief=0.05, wrinkle=0.7, straps=loops((0.97, 0.05), (0.97, 0.95), elastic))  # fmt: skip
    thin = partial(sheet, family="sponge", palette=SPONGE, textures=SPONGE_PRINTS, parameters=_THIN)
    dark = {"#2a2b2e": 2.0, "#1b1c20": 2.0, "#7a7f86": 1.0, "#e8e6e2": 0.7}
    return [
        sewn("cloth-seam", draw=cloth_seam, ridge=1.3, straps=loops((0.95, 0.16), (0.95, 0.80), elastic),
             edges=((0, 32), (40, 27), (88, 20), (0, -72), (44, -65), (88, -38)),
             lift=([-0.07, 0.07, 0.12, 0.11, 0.04], [0.01, 0.02, 0.02, 0.02, 0.01])),
        sewn("cloth-olson", draw=olson, ridge=1.5, straps=loops((0.95, 0.34), (0.95, 0.70), elastic),
             edges=((0, 33), (38, 28), (90, 26), (0, -76), (44, -70), (90, -48)),
             lift=([-0.07, 0.07, 0.14, 0.13, 0.04], [0.01, 0.02, 0.02, 0.02, 0.01])),
        sewn("cloth-pocket", draw=pocket, ridge=2.0, straps=loops((0.95, 0.10), (0.95, 0.88), elastic),
             edges=((0, 31), (40, 27), (86, 21), (0, -72), (42, -66), (86, -42)),
             lift=([-0.07, 0.05, 0.09, 0.10, 0.05], [0.015, 0.02, 0.03, 0.03, 0.02])),
        folded("cloth-pleated", draw=pleated,
               edges=((0, 32), (38, 26), (84, 19), (0, -73), (42, -68), (84, -42)),
               lift=([-0.07, 0.06, 0.12, 0.12, 0.06], [0.015, 0.03, 0.04, 0.04, 0.02])),
        folded("cloth-pleated-bound", draw=pleated_bound,
               edges=((0, 32), (38, 26), (85, 17), (0, -70), (40, -65), (85, -36)),
               lift=([-0.07, 0.05, 0.10, 0.10, 0.05], [0.015, 0.02, 0.03, 0.03, 0.015])),
        thin("sponge-taper", draw=sponge, relief=0.03, wrinkle=0.2, ridge=1.5,
             edges=((0, 32), (40, 26), (97, 28), (0, -71), (44, -64), (97, -28)),
             straps=loops((0.95, 0.42), (0.95, 0.54), dark),
             lift=([-0.07, 0.05, 0.09, 0.08, 0.03], [0.01, 0.01, 0.01, 0.01, 0.01])),
        thin("sponge-slit", draw=sponge_slit, relief=0.03, wrinkle=0.25, ridge=1.4,
             edges=((0, 33), (44, 29), (108, 34), (0, -72), (48, -67), (108, -42)), straps={"kind": "none"},
             lift=([-0.07, 0.05, 0.10, 0.08, 0.03], [0.01, 0.01, 0.01, 0.01, 0.01])),
        thin("sponge-sport", draw=sport, relief=0.045, wrinkle=0.3, ridge=1.5,
             edges=((0, 32), (40, 28), (92, 25), (0, -75), (44, -69), (92, -46)),
             straps=loops((0.95, 0.36), (0.95, 0.66), dark),
             lift=([-0.07, 0.08, 0.14, 0.12, 0.05], [0.01, 0.02, 0.02, 0.02, 0.01])),
    ]  # fmt: skip
