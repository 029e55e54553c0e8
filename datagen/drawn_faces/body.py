"""Neck and ears of a drawn head: what lies behind the face."""

import numpy as np

from .canvas import Canvas, curve, offset, whole_cover
from .face import FaceParams
from .geometry import Geometry
from .skin import skin_paint


def paint_neck(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint the neck with the head's shadow on it; the body faces the viewer whatever the head does."""
    half = 27.0 * params.shape.neck_width * params.shape.face_width
    top, low = geometry.place([(0.0, 40.0, -40.0), (0.0, 80.0, -42.0)])
    low = top + (low - top) * np.array([0.3, 1.0])
    flare = half * 0.8
    end = low + (low - top) * 0.75
    sides = [(top, half), (low, half), (end, flare * 1.5)]
    left, right = ([point + offset(turn * far, 0) for point, far in sides] for turn in (-1.0, 1.0))
    neck = np.array([*left, *reversed(right)])
    light = params.shot.light[0]
    polygon = curve(neck, closed=True)
    cover = whole_cover(polygon, 0.5)
    canvas.lay(skin_paint(params, 0.68 * params.shot.exposure), cover)
    dark = skin_paint(params, 0.33)
    side = -np.sign(light) * half
    canvas.fill(curve(neck + offset(side * 1.35, 0), closed=True), dark, 0.3 + 0.4 * abs(light), 6.0, cover)
    chin = geometry.landmarks[4:13] + np.array([-4.0 * light, 5.0])
    canvas.fill(chin, dark, 0.9, 3.5, cover)
    bright = skin_paint(params, 0.95 * params.shot.exposure)
    gleam = [low + offset(light * half * 0.5, 4), end + offset(light * half * 0.6, 4)]
    canvas.stroke(gleam, bright, [5, 9], 0.35, 4.0, cover)
    if params.has("Double_Chin"):
        sag = geometry.landmarks[5:12] + np.array([0.0, 7.5]) * np.sin(np.linspace(0, np.pi, 7))[:, None]
        below = curve(np.concatenate([sag, geometry.landmarks[11:4:-1]]))
        canvas.fill(below, skin_paint(params, 0.66 * params.shot.exposure), 0.85, 1.4)
        canvas.stroke(curve(sag), dark, [0.3, 1.8, 0.3], 0.6, 1.1)


def paint_ears(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint ears behind the face; the turned head shows more of the near one."""
    size = params.shape.ear_size
    lx = params.shot.light[0]
    for side in (-1.0, 1.0):
        rim = [
            (-3, -7, 3),
            (3.5, -9, -4),
            (7.0, -5, -12),
            (7.0, 4, -13),
            (5.0, 13, -9),
            (2.0, 20, -4),
            (-3, 22, 2),
            (-6, 8, 6),
        ]
        points = np.array(
            [(side * (43.0 * params.shape.face_width + x * size), 2 + y * size, -46 + z) for x, y, z in rim]
        )
        shade = 0.68 + 0.2 * side * lx
        dark = skin_paint(params, 0.6 * shade)
        base = skin_paint(params, shade) + np.array([6.0, -6.0, -5.0], np.float32)
        placed = geometry.place(points)
        canvas.fill(curve(placed, closed=True), base, 1.0, 0.3)
        middle = placed.mean(0)
        canvas.fill(curve(middle + (placed - middle) * 0.55, closed=True), dark, 0.6, 1.0)
        canvas.stroke(curve(middle + (placed[1:6] - middle) * 0.8), base * 1.1, [0.5, 1.2, 0.5], 0.5, 0.4)
