"""Surgical masks, child cuts and masks with a clear window."""

from functools import partial

import numpy as np

from .draw_canvas import Cloth, F, bar, between, rounded_box
from .draw_palettes import CHILD, CHILD_PRINTS, CLOTH_PRINTS, MEDICAL, MEDICAL_PRINTS, WARDROBE
from .draw_sheets import EAR_COLOURS, Sheet, loops, sheet, ties


def _flat(cloth: Cloth, pleats: tuple[float, ...], wire: float) -> None:
    """The rectangle that all surgical masks are cut from: pleats sewn shut at the sides, hems, nose wire."""
    cloth.cut(rounded_box(cloth.x, cloth.y, 0, cloth.high / 2, cloth.wide * 0.49, cloth.high * 0.49, 0.05))
    open_up = 1 - 0.75 * np.abs(cloth.u) ** 3
    for at in pleats:
        cloth.pleat((cloth.v - at) * cloth.high, open_up)
    cloth.wire(rounded_box(cloth.x, cloth.y, 0, 0.085, wire, 0.022, 0.02))
    for edge in (0.15, cloth.high - 0.10):
        cloth.weld(cloth.y - edge, cloth.x, 0.035, 0.016, 0.12)


def surgical(cloth: Cloth) -> None:
    """Three-ply: three pleats, welded sides with the loops' weld spots in the corners."""
    _flat(cloth, (0.30, 0.47, 0.64), 0.62)
    for side in (-1, 1):
        for inset in (0.465, 0.448):
            cloth.weld(cloth.x - side * cloth.wide * inset, cloth.y, 0.05, 0.022, 0.15)
        for end in (0.07, cloth.high - 0.07):
            spot = rounded_box(cloth.x, cloth.y, side * cloth.wide * 0.46, end, 0.05, 0.035, 0.015)
            cloth.height -= 0.3 * cloth.soft(spot, 0.015)
            cloth.albedo *= 1 - 0.10 * cloth.soft(spot, 0.015)
    cloth.hem(0.05, 0.10)


def surgical_two(cloth: Cloth) -> None:
    """Two deep pleats and broad folded side hems."""
    _flat(cloth, (0.36, 0.60), 0.55)
    side = cloth.soft(-(np.abs(cloth.x) - cloth.wide * 0.452), 0.01)
    cloth.height += 0.3 * side
    cloth.albedo *= 1 - 0.05 * side
    cloth.stitches(np.abs(cloth.x) - cloth.wide * 0.458, cloth.y, 0.04, 0.014)
    cloth.hem(0.06, 0.14, 0.06)


def surgical_box(cloth: Cloth) -> None:
    """Box pleats: the upper ones open down, the lower ones open up, around a plain middle panel."""
    _flat(cloth, (0.24, 0.37), 0.62)
    open_up = 1 - 0.75 * np.abs(cloth.u) ** 3
    for at in (0.66, 0.79):
        cloth.pleat((at - cloth.v) * cloth.high, open_up)
    for side in (-1, 1):
        cloth.weld(cloth.x - side * cloth.wide * 0.462, cloth.y, 0.04, 0.028, 0.2)
    cloth.hem(0.05, 0.10)


def surgeon(cloth: Cloth) -> None:
    """Surgeon's mask: four pleats, cloth bindings on the long edges that go on as ties."""
    _flat(cloth, (0.26, 0.39, 0.53, 0.67), 0.66)
    for edge in (0.055, cloth.high - 0.055):
        band = np.abs(cloth.y - edge) - 0.055
        cover = cloth.soft(band) * cloth.soft(cloth.outside)
        cloth.paint(cover, (238, 241, 241), 1 - 0.12 * cloth.line(band, 0.02))
        cloth.height += 0.3 * cloth.soft(band, 0.02)
    cloth.stitches(np.abs(cloth.x) - cloth.wide * 0.466, cloth.y, 0.04, 0.016)


def child(cloth: Cloth) -> None:
    """A child's cut: two pleats, its corners rounded more."""
    cloth.cut(rounded_box(cloth.x, cloth.y, 0, cloth.high / 2, cloth.wide * 0.49, cloth.high * 0.49, 0.12))
    open_up = 1 - 0.75 * np.abs(cloth.u) ** 3
    for at in (0.38, 0.60):
        cloth.pleat((cloth.v - at) * cloth.high, open_up)
    cloth.wire(rounded_box(cloth.x, cloth.y, 0, 0.075, 0.42, 0.02, 0.02))
    cloth.weld(cloth.outside + 0.045, cloth.x + cloth.y, 0.04, 0.018, 0.15)
    cloth.hem(0.04, 0.10)


def _window(cloth: Cloth, shape: F) -> None:
    """A film sewn into the mask: glossy rim, two slanting reflections, a little mist at the lower edge."""
    film = cloth.soft(shape + 0.01)
    slant = cloth.x + 0.55 * (cloth.y - cloth.high / 2)
    glare = 0.45 * cloth.soft(np.abs(slant + 0.45) - 0.05, 0.05)
    glare += 0.25 * cloth.soft(np.abs(slant - 0.36) - 0.025, 0.04)
    mist = 0.18 * np.clip((cloth.y / cloth.high - 0.5) * 4, 0, 1)
    rim = 0.5 * np.exp(-(((shape + 0.03) / 0.02) ** 2))
    cloth.glass = film * np.clip(0.93 - glare - mist - rim, 0.2, 1)
    cloth.paint(film, (233, 238, 240))
    frame = cloth.soft(-shape, 0.01) * cloth.soft(shape - 0.07, 0.01)
    cloth.height += 0.5 * frame
    cloth.stitches(shape - 0.05, np.arctan2(cloth.y - cloth.high / 2, cloth.x) * 0.7, 0.035, 0.012)
    cloth.albedo *= 1 - 0.18 * cloth.line(shape, 0.02)


def clear_surgical(cloth: Cloth) -> None:
    """A surgical mask with a rounded window over the mouth and one pleat above and below it."""
    cloth.cut(rounded_box(cloth.x, cloth.y, 0, cloth.high / 2, cloth.wide * 0.49, cloth.high * 0.49, 0.07))
    open_up = 1 - 0.75 * np.abs(cloth.u) ** 3
    cloth.pleat((cloth.v - 0.22) * cloth.high, open_up, 0.5)
    cloth.wire(rounded_box(cloth.x, cloth.y, 0, 0.085, 0.6, 0.022, 0.02))
    cloth.weld(np.abs(cloth.x) - cloth.wide * 0.462, cloth.y, 0.045, 0.022, 0.15)
    cloth.hem(0.05, 0.10)
    _window(cloth, rounded_box(cloth.x, cloth.y, 0, cloth.high * 0.53, 0.74, cloth.high * 0.205, 0.17))


def clear_cloth(cloth: Cloth) -> None:
    """A shaped cloth mask with an oval window."""
    cloth.cut(between(cloth, lambda u: 0.02 + 0.11 * u**1.3, lambda u: 0.98 - 0.16 * u**2, 0.97, 0.06))
    cloth.wire(bar(cloth.x, cloth.y, 0.4, 0.1, 0.11, 0.02))
    cloth.hem(0.06, 0.2, 0.06)
    cloth.stitches(cloth.outside + 0.05, cloth.x + cloth.y, 0.04, 0.010)
    dx, dy = cloth.x / 0.80, (cloth.y - cloth.high * 0.53) / (cloth.high * 0.25)
    _window(cloth, ((np.abs(dx) ** 2.6 + np.abs(dy) ** 2.6) ** (1 / 2.6) - 1) * 0.45)


# Up and down at the chin changes the outline most and bares least; the nose and the cheeks must stay in.
_SHAPES = {
    "width": [0.94, 1.07],
    "top": [-4, 2],
    "bottom": [-9, 12],
    "bulge": [0.5, 1.7],
    "pleat": [0.4, 1.5],
}
# The cut of a child leaves the outer cheeks of a grown face bare.
_SMALL = {"width": [0.8, 1.14], "top": [-7, 3], "bottom": [-8, 8], "bulge": [0.6, 1.5], "pleat": [0.4, 1.4]}
_WEAR = {"#2a2b2e": 8.0, "#24365c": 2.0}


def sheets() -> list[Sheet]:
    """The templates of this module."""
    flat = partial(sheet, family="surgical", palette=MEDICAL, textures=MEDICAL_PRINTS, parameters=_SHAPES,
                   relief=0.055, wrinkle=0.35)  # fmt: skip
    small = partial(sheet, family="surgical_small", palette=CHILD, textures=CHILD_PRINTS, parameters=_SMALL,
                    relief=0.05, wrinkle=0.35, least_cover=0.5)  # fmt: skip
    edges = ((0.0, 31.0), (38.0, 25.0), (84.0, 18.0), (0.0, -71.0), (40.0, -66.0), (84.0, -37.0))
    deep = ((0.0, 32.0), (38.0, 26.0), (82.0, 20.0), (0.0, -74.0), (42.0, -69.0), (82.0, -44.0))
    loose = ((0.0, 30.0), (36.0, 24.0), (84.0, 20.0), (0.0, -69.0), (40.0, -64.0), (84.0, -30.0))
    lift = ([-0.07, 0.04, 0.09, 0.09, 0.05], [0.015, 0.02, 0.03, 0.03, 0.015])
    full = ([-0.07, 0.07, 0.15, 0.14, 0.06], [0.02, 0.03, 0.04, 0.04, 0.02])
    corner = loops((0.97, 0.04), (0.97, 0.96))
    bands = loops((0.97, 0.07), (0.97, 0.92))
    clear = {"width": [0.94, 1.07], "top": [-1.5, 2.5], "bottom": [-5, 7], "bulge": [0.6, 1.5]}
    return [
        flat("surgical-pleated", draw=surgical, edges=edges, lift=lift, straps=corner),
        flat("surgical-two-pleats", draw=surgical_two, edges=deep, lift=full, straps=bands),
        flat("surgical-box-pleats", draw=surgical_box, edges=loose, lift=full, straps=corner),
        flat("surgical-ties", draw=surgeon, edges=deep, lift=lift, straps=ties((0.98, 0.03), (0.98, 0.97))),
        small("surgical-child", draw=child,
              edges=((0, 25), (30, 20), (60, 13), (0, -66), (32, -60), (60, -34)),
              lift=([-0.06, 0.04, 0.09, 0.08, 0.04], [0.015, 0.02, 0.03, 0.03, 0.015]),
              straps=loops((0.96, 0.07), (0.96, 0.93), EAR_COLOURS | {"#f2b6c8": 1.0, "#9cc7dc": 1.0})),
        small("surgical-narrow", draw=surgical,
              edges=((0, 27), (32, 21), (64, 12), (0, -67), (34, -62), (66, -36)), lift=full, straps=corner),
        sheet("clear-surgical", "clear_window", clear_surgical, edges,
              ([-0.07, 0.07, 0.15, 0.14, 0.05], [0.015, 0.02, 0.03, 0.03, 0.015]), MEDICAL, corner,
              relief=0.05, wrinkle=0.2, textures=MEDICAL_PRINTS, parameters=clear),
        sheet("clear-cloth", "clear_window", clear_cloth,
              ((0, 32), (40, 27), (86, 20), (0, -72), (44, -65), (86, -38)),
              ([-0.07, 0.08, 0.17, 0.15, 0.04], [0.01, 0.02, 0.02, 0.02, 0.01]), WARDROBE,
              loops((0.95, 0.16), (0.95, 0.80), EAR_COLOURS | _WEAR),
              relief=0.035, wrinkle=0.4, ridge=1.6, textures=CLOTH_PRINTS, parameters=clear),
    ]  # fmt: skip
