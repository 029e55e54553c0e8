"""Respirators without hard parts of their own: KN95 and KF94, cups, boats, duckbills."""

from functools import partial

import numpy as np

from .draw_canvas import Cloth, bar, between
from .draw_palettes import CUP, DUCKBILL, RESPIRATOR, RESPIRATOR_PRINTS
from .draw_parts import nose_clip, staples
from .draw_sheets import Sheet, head_straps, loops, sheet


def kn95_body(cloth: Cloth) -> None:
    """Vertical fold over nose and mouth, welded rim, wire under the cloth."""
    cloth.cut(between(cloth, lambda u: 0.015 + 0.08 * u**1.5, lambda u: 0.985 - 0.13 * u**2, 0.97, 0.05))
    cloth.fold(cloth.x, 0.55, 0.035)
    cloth.albedo *= 1 - 0.05 * cloth.line(np.abs(cloth.x) - 0.03, 0.015)
    cloth.weld(np.abs(cloth.x) - 0.035, cloth.y, 0.05, 0.016, 0.12)
    cloth.hem(0.07, 0.22, 0.07)
    for inset in (0.035, 0.075):
        cloth.weld(cloth.outside + inset, cloth.x + cloth.y, 0.034, 0.018, 0.22)
    cloth.wire(bar(cloth.x, cloth.y, 0.45, 0.12, 0.13, 0.025))


def kn95(cloth: Cloth) -> None:
    """KN95 with the standard's mark pressed into one cheek."""
    kn95_body(cloth)
    cloth.emboss("KN95", 0.95, cloth.high * 0.58, 0.13)
    cloth.emboss("GB2626-2019", 0.95, cloth.high * 0.67, 0.07)


def ffp2(cloth: Cloth) -> None:
    """FFP2 fold: a broad welded centre seam, slanting stiffening welds, printed marks."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.20 * u**1.6, lambda u: 0.988 - 0.24 * u**1.7, 0.97, 0.05))
    for offset in (0.0, 0.035):
        cloth.weld(np.abs(cloth.x) - offset, cloth.y, 0.045, 0.024, 0.22)
    cloth.fold(cloth.x, 0.45, 0.05)
    for slope, at in ((0.20, 0.30), (-0.24, 0.74)):
        line = (cloth.v - at) * cloth.high - slope * np.abs(cloth.x)
        cloth.weld(line, cloth.x, 0.055, 0.026, 0.35)
        cloth.height += 0.2 * np.clip(1 - np.abs(line) / 0.3, 0, 1)
    cloth.hem(0.05, 0.2, 0.06)
    cloth.weld(cloth.outside + 0.03, cloth.x + cloth.y, 0.034, 0.02, 0.2)
    cloth.stamp("FFP2 NR", -0.92, cloth.high * 0.50, 0.11)
    cloth.stamp("EN149:2001", -0.92, cloth.high * 0.58, 0.065)


def kf94(cloth: Cloth) -> None:
    """KF94 boat: two horizontal seams, a flat front panel between chin and nose panels."""
    cloth.cut(between(cloth, lambda u: 0.02 + 0.10 * u**2, lambda u: 0.98 - 0.12 * u**2, 0.97, 0.06))
    for at, bend in ((0.33, 0.07), (0.68, -0.07)):
        crease = (cloth.v - at - bend * cloth.u**2) * cloth.high
        cloth.fold(crease, 0.55, 0.03)
        cloth.albedo *= 1 - 0.08 * cloth.line(crease - 0.02, 0.02)
    cloth.hem(0.06, 0.18, 0.06)
    cloth.weld(cloth.outside + 0.04, cloth.x + cloth.y, 0.034, 0.016, 0.18)
    for side in (-1, 1):
        cloth.weld(cloth.x - side * cloth.wide * 0.455, cloth.y, 0.05, 0.05, 0.2)
    cloth.wire(bar(cloth.x, cloth.y, 0.42, 0.0, 0.13, 0.022))


def _cup_outline(cloth: Cloth, pear: float, chin: float) -> None:
    """An egg: ``pear`` narrows it to the nose, ``chin`` squares its lower half."""
    lift = (0.52 - cloth.v) / 0.5
    power = 2 + chin * np.clip(-lift, 0, 1)
    around = (np.abs(cloth.u) ** power + np.abs(lift) ** power) ** (1 / power)
    cloth.cut((around - 0.97 + pear * np.clip(lift, 0, 1) * np.abs(cloth.u) ** 2) * cloth.wide * 0.45)


def cup_rim(cloth: Cloth) -> None:
    """The pressed flange around a moulded cup."""
    cloth.height -= 0.35 * cloth.line(cloth.outside + 0.12, 0.05)
    cloth.height += 0.30 * cloth.line(cloth.outside + 0.17, 0.05)
    cloth.albedo *= 1 - 0.10 * cloth.line(cloth.outside + 0.115, 0.03)
    cloth.weld(cloth.outside + 0.05, np.arctan2(cloth.v - 0.5, cloth.u) * 1.1, 0.05, 0.03, 0.12)


def ribbed_cup(cloth: Cloth) -> None:
    """Moulded cup with a rim, horizontal ribs and a metal nose clip."""
    _cup_outline(cloth, 0.22, 0.5)
    cup_rim(cloth)
    inner = cloth.soft(cloth.outside + 0.25, 0.1)
    for at in (0.40, 0.52, 0.64):
        cloth.fold((cloth.v - at) * cloth.high, 0.16 * inner, 0.05)
    nose_clip(cloth, bar(cloth.x, cloth.y, 0.36, 0.10, 0.22, 0.032))
    staples(cloth, ((cloth.wide * 0.38, cloth.high * 0.30), (cloth.wide * 0.41, cloth.high * 0.70)))
    cloth.stamp("N95", 0.0, cloth.high * 0.455, 0.09, 0.45)
    cloth.stamp("TC-84A", 0.0, cloth.high * 0.575, 0.06, 0.45)


def dome_cup(cloth: Cloth) -> None:
    """A smooth round dome, its marks printed low on the front."""
    _cup_outline(cloth, 0.06, 0.8)
    cup_rim(cloth)
    cloth.height += 0.10 * cloth.soft(cloth.outside + 0.5, 0.5)
    nose_clip(cloth, bar(cloth.x, cloth.y, 0.42, 0.13, 0.17, 0.036))
    staples(cloth, ((cloth.wide * 0.42, cloth.high * 0.34), (cloth.wide * 0.43, cloth.high * 0.66)))
    cloth.stamp("N95", 0.0, cloth.high * 0.52, 0.11, 0.45)
    cloth.stamp("NIOSH TC-84A-0006", 0.0, cloth.high * 0.595, 0.05, 0.45)


def panel_boat(cloth: Cloth) -> None:
    """Three flat panels that fold open: stiff edges across nose and chin, head straps."""
    cloth.cut(between(cloth, lambda u: 0.015 + 0.24 * u**2.2, lambda u: 0.985 - 0.26 * u**2.2, 0.98, 0.05))
    for at, bend in ((0.335, 0.10), (0.665, -0.10)):
        crease = (cloth.v - at - bend * cloth.u**2) * cloth.high
        cloth.fold(crease, 0.5, 0.028)
        cloth.weld(np.abs(crease) - 0.045, cloth.x, 0.04, 0.018, 0.2)
    cloth.height += 0.35 * np.clip(1 - np.abs(cloth.v - 0.5) / 0.2, 0, 1)
    cloth.hem(0.06, 0.18, 0.06)
    cloth.weld(cloth.outside + 0.03, cloth.x + cloth.y, 0.034, 0.02, 0.2)
    nose_clip(cloth, bar(cloth.x, cloth.y, 0.40, 0.0, 0.13, 0.03), (214, 216, 218))
    staples(cloth, ((cloth.wide * 0.455, cloth.high * 0.43), (cloth.wide * 0.455, cloth.high * 0.57)))
    cloth.stamp("N95", 0.28, cloth.high * 0.50, 0.11)


def duckbill(cloth: Cloth) -> None:
    """Two trapezoid panels that meet in a stiff straight bill in front of the mouth."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.26 * u**2.4, lambda u: 0.988 - 0.26 * u**2.4, 0.98, 0.05))
    bill = (cloth.v - 0.56) * cloth.high
    reach = np.clip(1.25 - 1.15 * np.abs(cloth.u), 0, 1)
    cloth.height += 2.6 * reach * np.clip(1 - np.abs(bill) / (0.42 * cloth.high), 0, 1)
    for offset in (-0.03, 0.03):
        cloth.weld(bill - offset, cloth.x, 0.045, 0.018, 0.18)
    cloth.albedo *= 1 - 0.20 * cloth.line(bill - 0.03, 0.03) * np.clip(reach * 2, 0, 1)
    cloth.albedo *= 1 - 0.16 * np.clip(reach, 0, 1) * cloth.beyond(
        bill
    )  # the underside of the bill sees less sky
    slant = np.abs(cloth.x) - 0.62 - 0.45 * np.abs(bill)
    cloth.weld(slant, cloth.y, 0.05, 0.022, 0.3)
    cloth.height -= 0.3 * cloth.line(slant, 0.05)
    cloth.hem(0.05, 0.15, 0.05)
    cloth.weld(cloth.outside + 0.03, cloth.x + cloth.y, 0.034, 0.018, 0.2)
    cloth.wire(bar(cloth.x, cloth.y, 0.5, 0.0, 0.10, 0.022))


def pouch(cloth: Cloth) -> None:
    """A softer duckbill: a round pouch whose bill sits lower, its panels puffed by breath."""
    cloth.cut(between(cloth, lambda u: 0.012 + 0.16 * u**2, lambda u: 0.988 - 0.34 * u**2, 0.975, 0.06))
    bill = (cloth.v - 0.63 + 0.05 * cloth.u**2) * cloth.high
    reach = np.clip(1.2 - 1.1 * np.abs(cloth.u), 0, 1)
    cloth.height += 2.0 * reach * np.clip(1 - np.abs(bill) / (0.36 * cloth.high), 0, 1) ** 1.3
    cloth.albedo *= 1 - 0.16 * cloth.line(bill - 0.03, 0.03) * np.clip(reach * 2, 0, 1)
    cloth.weld(bill + 0.035, cloth.x, 0.045, 0.018, 0.2)
    cloth.hem(0.05, 0.15, 0.05)
    cloth.stitches(cloth.outside + 0.035, cloth.x + cloth.y, 0.04, 0.012)
    cloth.wire(bar(cloth.x, cloth.y, 0.46, 0.02, 0.11, 0.022))


_FOLD = {"width": [0.97, 1.08], "top": [-2, 1.5], "bottom": [-6, 9], "bulge": [0.6, 1.5], "pleat": [0.5, 1.4]}
_CUP = {
    "width": [0.84, 1.16],
    "top": [-7, 1.5],
    "bottom": [-8, 10],
    "bulge": [0.7, 1.35],
    "pleat": [0.5, 1.4],
}


def sheets() -> list[Sheet]:
    """The templates of this module."""
    fold = partial(sheet, family="kn95", palette=RESPIRATOR, textures=RESPIRATOR_PRINTS, parameters=_FOLD,
                   relief=0.045, wrinkle=0.15)  # fmt: skip
    # Cups and boats sit on the middle of the face: their rim leaves the outer cheeks bare.
    cup = partial(sheet, family="n95_cup", palette=CUP, textures=RESPIRATOR_PRINTS, parameters=_CUP, relief=0.05,
                  wrinkle=0.05, least_cover=0.4)  # fmt: skip
    bill = partial(sheet, family="duckbill", palette=DUCKBILL, textures=RESPIRATOR_PRINTS, parameters=_CUP,
                   relief=0.05, wrinkle=0.15, least_cover=0.5)  # fmt: skip
    bands = head_straps((0.86, 0.30), (0.86, 0.74))
    return [
        fold("kn95-fold", draw=kn95, ridge=1.15, straps=loops((0.95, 0.10), (0.95, 0.86)),
             edges=((0, 33), (40, 26), (84, 17), (0, -72), (44, -64), (84, -34)),
             lift=([-0.07, 0.09, 0.19, 0.15, 0.05], [0.01, 0.02, 0.02, 0.02, 0.01])),
        fold("kf94-boat", draw=kf94, ridge=1.8, straps=loops((0.95, 0.16), (0.95, 0.84)),
             edges=((0, 33), (40, 26), (85, 18), (0, -71), (44, -64), (85, -35)),
             lift=([-0.07, 0.09, 0.20, 0.17, 0.04], [0.01, 0.02, 0.02, 0.02, 0.01])),
        fold("ffp2-fold", draw=ffp2, ridge=1.3, straps=loops((0.95, 0.24), (0.95, 0.76)),
             edges=((0, 33), (38, 27), (90, 25), (0, -73), (42, -68), (88, -46)),
             lift=([-0.07, 0.10, 0.24, 0.18, 0.04], [0.01, 0.02, 0.03, 0.02, 0.01])),
        cup("n95-cup", draw=ribbed_cup, ridge=2.2, straps=bands,
            edges=((0, 32), (37, 22), (70, 2), (0, -72), (40, -62), (70, -36)),
            lift=([-0.05, 0.17, 0.34, 0.28, 0.03], [0.01, 0.03, 0.04, 0.03, 0.01])),
        cup("n95-dome", draw=dome_cup, ridge=2.6, straps=bands,
            edges=((0, 33), (38, 24), (70, 8), (0, -71), (40, -64), (70, -38)),
            lift=([-0.06, 0.17, 0.36, 0.30, 0.03], [0.01, 0.03, 0.05, 0.03, 0.01])),
        cup("n95-panels", draw=panel_boat, ridge=2.0, straps=head_straps((0.93, 0.43), (0.93, 0.57)),
            edges=((0, 33), (38, 26), (74, 14), (0, -72), (42, -64), (74, -34)),
            lift=([-0.06, 0.12, 0.33, 0.22, 0.03], [0.01, 0.02, 0.03, 0.02, 0.01])),
        bill("duckbill-flat", draw=duckbill, ridge=3.2, straps=head_straps((0.95, 0.40), (0.95, 0.60)),
             edges=((0, 32), (38, 25), (76, 14), (0, -70), (40, -64), (76, -36)),
             lift=([-0.06, 0.12, 0.46, 0.28, 0.02], [0.01, 0.03, 0.04, 0.03, 0.01])),
        bill("duckbill-pouch", draw=pouch, ridge=2.4, straps=head_straps((0.95, 0.28), (0.95, 0.60)),
             edges=((0, 33), (38, 27), (78, 17), (0, -71), (42, -66), (78, -38)),
             lift=([-0.06, 0.09, 0.34, 0.34, 0.03], [0.01, 0.03, 0.04, 0.03, 0.01])),
    ]  # fmt: skip
