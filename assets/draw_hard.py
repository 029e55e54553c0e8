"""Respirators with hard parts: exhalation valves and elastomeric half-face pieces."""

from functools import partial

import numpy as np

from .draw_canvas import Cloth, Rgb, bar, ellipse, rounded_box, smooth_min
from .draw_palettes import CUP, RESPIRATOR, RESPIRATOR_PRINTS, RUBBER, RUBBER_PRINTS
from .draw_parts import box_filter, buckle, nose_clip, round_filter, round_valve, square_valve
from .draw_respirators import dome_cup, kf94, kn95_body
from .draw_sheets import Sheet, head_straps, loops, sheet


def valve_cup(cloth: Cloth) -> None:
    """A moulded cup with a square valve below the nose."""
    dome_cup(cloth)
    square_valve(cloth, 0.0, cloth.high * 0.55, 0.30, (236, 236, 232))


def valve_cup_yellow(cloth: Cloth) -> None:
    """A moulded cup with a round coloured valve."""
    dome_cup(cloth)
    round_valve(cloth, 0.0, cloth.high * 0.50, 0.30, (226, 190, 64), 8)


def valve_fold(cloth: Cloth) -> None:
    """A KN95 fold with a round grey valve on one cheek."""
    kn95_body(cloth)
    round_valve(cloth, -0.62, cloth.high * 0.56, 0.25, (168, 172, 176))
    cloth.stamp("KN95", 0.80, cloth.high * 0.55, 0.13)


def valve_panel(cloth: Cloth) -> None:
    """Three panels with a broad valve in the middle one."""
    kf94(cloth)
    square_valve(cloth, 0.0, cloth.high * 0.50, 0.31, (222, 226, 230))
    nose_clip(cloth, bar(cloth.x, cloth.y, 0.44, 0.0, 0.13, 0.03), (70, 110, 170))


def _face_piece(cloth: Cloth, filters: list[tuple[float, float, float, float]]) -> None:
    """The rubber cup over nose and chin, with arms to the filters and a lip that seals on the skin."""
    grow, shrink = np.clip((cloth.v - 0.05) / 0.5, 0, 1), np.clip((cloth.v - 0.72) / 0.28, 0, 1)
    half = 0.33 + 0.32 * grow**0.7 - 0.26 * shrink**2
    piece = np.maximum(
        (np.abs(cloth.u) - half) * cloth.wide / 2, (np.abs(cloth.v - 0.5) - 0.485) * cloth.high
    )
    discs = [
        ellipse(cloth.x, cloth.y, side * cx, cy, rx, ry) for cx, cy, rx, ry in filters for side in (-1, 1)
    ]
    arms = rounded_box(cloth.x, cloth.y, 0, cloth.high * 0.52, cloth.wide * 0.30, cloth.high * 0.16, 0.15)
    cloth.cut(smooth_min([piece, arms, *discs], 0.05))
    cloth.height += 0.5 * cloth.soft(piece + 0.10, 0.12) + 0.25 * cloth.line(piece + 0.05, 0.04)
    cloth.albedo *= 1 - 0.15 * cloth.line(piece + 0.09, 0.03)
    bridge = np.abs(cloth.x) - 0.16 - 0.20 * cloth.v
    cloth.height += 0.5 * cloth.soft(bridge, 0.10) * np.clip(3 * (0.45 - cloth.v), 0, 1)
    cloth.albedo *= 1 + 0.10 * cloth.line(bridge + 0.06, 0.05) * np.clip(3 * (0.45 - cloth.v), 0, 1)


def _valve_cover(cloth: Cloth, rgb: Rgb) -> None:
    """The moulded cover of the centre valve, ribbed, with its outlet towards the chin."""
    at = cloth.high * 0.60
    shape = rounded_box(cloth.x * (1 - 0.18 * (cloth.v - 0.5)), cloth.y, 0.0, at, 0.31, 0.36, 0.14)
    ribs = cloth.soft(shape + 0.07, 0.02) * np.clip(
        2.2 * np.cos(2 * np.pi * (cloth.y - at) / 0.115) - 0.6, 0, 1
    )
    cloth.paint(cloth.soft(shape), rgb, 1 - 0.45 * ribs - 0.35 * cloth.line(shape, 0.03))
    cloth.height += 0.9 * cloth.soft(shape + 0.02, 0.07) - 0.35 * ribs
    cloth.stand((0.0, at), (0.31, 0.36), 0.16, corners=5.0, taper=0.85)


def half_round(cloth: Cloth, filter_rgb: Rgb, rim_rgb: Rgb, cover_rgb: Rgb) -> None:
    """A half-face respirator with two round filters."""
    cx, cy, rx, ry = cloth.wide * 0.325, cloth.high * 0.52, 0.46, 0.44
    _face_piece(cloth, [(cx, cy, rx, ry)])
    for side in (-1, 1):
        round_filter(cloth, side * cx, cy, (rx, ry), filter_rgb, rim_rgb)
    _valve_cover(cloth, cover_rgb)
    buckle(cloth, cloth.wide * 0.215, cloth.high * 0.235)


def half_box(cloth: Cloth, band_rgb: Rgb, cover_rgb: Rgb) -> None:
    """A half-face respirator with two gas cartridges."""
    cx, cy, rx, ry = cloth.wide * 0.30, cloth.high * 0.53, 0.44, 0.46
    _face_piece(cloth, [(cx, cy, rx, ry)])
    for side in (-1, 1):
        box_filter(cloth, side, cx, cy, (0.44, 0.44), band_rgb)
    _valve_cover(cloth, cover_rgb)
    buckle(cloth, cloth.wide * 0.215, cloth.high * 0.235)


def half_single(cloth: Cloth) -> None:
    """A half-face respirator with one round filter before the mouth, and the outlet below it."""
    at, radius = cloth.high * 0.50, 0.44
    _face_piece(cloth, [(0.0, at, radius, radius)])
    outlet = rounded_box(cloth.x, cloth.y, 0.0, cloth.high * 0.85, 0.16, 0.10, 0.05)
    cloth.paint(cloth.soft(outlet), (58, 60, 64), 1 - 0.4 * cloth.line(outlet, 0.03))
    cloth.height += 0.7 * cloth.soft(outlet + 0.02, 0.05)
    round_filter(cloth, 0.0, at, (radius, radius), (206, 208, 206), (96, 100, 106))
    buckle(cloth, cloth.wide * 0.215, cloth.high * 0.235)


_FOLD = {"width": [0.98, 1.08], "top": [-2, 1], "bottom": [-6, 8], "bulge": [0.7, 1.5], "pleat": [0.6, 1.3]}
_CUP = {
    "width": [0.84, 1.16],
    "top": [-7, 1.5],
    "bottom": [-8, 10],
    "bulge": [0.7, 1.35],
    "pleat": [0.6, 1.3],
}
_PIECE = {
    "width": [0.86, 1.14],
    "top": [-5, 1.5],
    "bottom": [-9, 8],
    "bulge": [0.75, 1.3],
    "pleat": [0.7, 1.3],
}


def sheets() -> list[Sheet]:
    """The templates of this module."""
    # Moulded cups and face pieces sit on the middle of the face: the outer cheeks stay bare.
    cup = partial(sheet, family="valve_respirator", palette=CUP, textures=RESPIRATOR_PRINTS, parameters=_CUP,
                  relief=0.05, wrinkle=0.05, ridge=2.6, least_cover=0.5,
                  straps=head_straps((0.86, 0.30), (0.86, 0.72)),
                  edges=((0, 33), (38, 24), (70, 8), (0, -71), (40, -64), (70, -38)),
                  lift=([-0.06, 0.17, 0.36, 0.30, 0.03], [0.01, 0.03, 0.05, 0.03, 0.01]))  # fmt: skip
    fold = partial(sheet, family="valve_respirator", palette=RESPIRATOR, textures=RESPIRATOR_PRINTS,
                   parameters=_FOLD, relief=0.045, wrinkle=0.15)  # fmt: skip
    black = {"#26272a": 5.0, "#5b5f66": 1.0, "#b9bcc0": 1.0}
    piece = partial(sheet, family="half_face", palette=RUBBER, textures=RUBBER_PRINTS, parameters=_PIECE,
                    relief=0.06, wrinkle=0.0, ridge=1.7, least_cover=0.4,
                    straps=head_straps((0.45, 0.22), (0.55, 0.72), black),
                    edges=((0, 32), (32, 25), (62, 10), (0, -72), (36, -64), (62, -36)),
                    lift=([-0.06, 0.13, 0.34, 0.34, 0.05], [0.02, 0.14, 0.24, 0.16, 0.02]))  # fmt: skip
    return [
        cup("valve-cup", draw=valve_cup),
        cup("valve-cup-yellow", draw=valve_cup_yellow),
        fold("valve-fold", draw=valve_fold, ridge=1.3, straps=loops((0.95, 0.10), (0.95, 0.86)),
             edges=((0, 33), (40, 26), (84, 17), (0, -72), (44, -64), (84, -34)),
             lift=([-0.07, 0.09, 0.19, 0.15, 0.05], [0.01, 0.02, 0.02, 0.02, 0.01])),
        fold("valve-panels", draw=valve_panel, ridge=1.8, straps=head_straps((0.95, 0.30), (0.95, 0.70)),
             edges=((0, 33), (40, 26), (85, 18), (0, -71), (44, -64), (85, -36)),
             lift=([-0.07, 0.09, 0.24, 0.19, 0.04], [0.01, 0.02, 0.02, 0.02, 0.01])),
        piece("half-face-magenta",
              draw=partial(half_round, filter_rgb=(214, 72, 128), rim_rgb=(202, 60, 116), cover_rgb=(70, 74, 80))),
        piece("half-face-white",
              draw=partial(half_round, filter_rgb=(232, 232, 228), rim_rgb=(206,) * 3, cover_rgb=(52, 54, 58))),
        piece("half-face-cartridge", draw=partial(half_box, band_rgb=(196, 186, 110), cover_rgb=(88, 92, 98))),
        piece("half-face-single", draw=half_single),
    ]  # fmt: skip
