"""Eyes, brows, nose and mouth of a drawn face."""

import numpy as np

from .canvas import Canvas, curve, ellipse, offset, whole_cover
from .face import FaceParams
from .geometry import Geometry, Points
from .skin import skin_paint


def paint_eyes(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint both eyes with lids, iris, lashes and make-up."""
    for start, side in ((36, -1.0), (42, 1.0)):
        eye = geometry.landmarks[start : start + 6]
        _paint_socket(canvas, eye, side, params)
        _paint_eyeball(canvas, eye, geometry, params)
        _paint_lids(canvas, eye, side, params)


def _paint_socket(canvas: Canvas, eye: Points, side: float, params: FaceParams) -> None:
    centre = eye.mean(0)
    dark = skin_paint(params, 0.5)
    inner = eye[3] if side < 0 else eye[0]
    canvas.fill(ellipse(centre - offset(0, 3.2), 9.5, 3.2), dark, 0.28, 2.0)
    canvas.fill(ellipse(inner + offset(-side * 2.0, -1.5), 2.6, 4.0), dark, 0.42, 1.8)
    if params.has("Heavy_Makeup"):
        shadow = 0.55 * dark + 0.45 * np.array([70.0, 48.0, 78.0])
        canvas.fill(ellipse(centre - offset(-0.8 * side, 3.4), 9.8, 3.6), shadow, 0.62, 1.3)


def _paint_eyeball(canvas: Canvas, eye: Points, geometry: Geometry, params: FaceParams) -> None:
    look, shot = params.look, params.shot
    upper, lower = curve(eye[:4]), curve(eye[[3, 4, 5, 0]])
    opening = np.concatenate([upper, lower[1:-1]])
    clip = whole_cover(opening, 0.25)
    lit = min(0.82 + 0.14 * shot.exposure, 1.0)
    canvas.fill(opening, np.array([226.0, 218.0, 212.0]) * lit, 1.0, 0.25)
    for corner in (eye[0], eye[3]):
        canvas.fill(ellipse(corner, 2.2, 1.8), (176.0, 132.0, 122.0), 0.45, 0.7, clip)
    radius = 4.0 * geometry.scale * (0.96 + 0.2 * (params.shape.eye_size - 1.0))
    centre = 0.5 * (eye[0] + eye[3]) * 0.4 + eye.mean(0) * 0.6
    centre = centre + np.array([2.2 * shot.gaze[0] + 1.2 * geometry.yaw, -0.35 + 0.8 * shot.gaze[1]])
    iris = np.array(look.iris)
    squeeze = 0.97 * float(np.cos(geometry.yaw))
    canvas.fill(ellipse(centre, radius * squeeze, radius), iris * 0.38, 1.0, 0.25, clip)
    canvas.fill(ellipse(centre, radius * squeeze * 0.82, radius * 0.82), iris, 0.95, 0.4, clip)
    glow = centre - np.array([shot.light[0] * 1.3, -1.4])
    canvas.fill(ellipse(glow, radius * 0.5, radius * 0.35), np.minimum(iris * 1.55 + 12, 255), 0.6, 0.6, clip)
    canvas.fill(ellipse(centre, radius * squeeze * 0.42, radius * 0.42), (12.0, 9.0, 9.0), 0.96, 0.2, clip)
    canvas.stroke(upper + offset(0, 0.6), (40.0, 26.0, 24.0), [1.0, 1.8, 1.0], 0.5, 0.6, clip)
    spot = centre + np.array([shot.light[0] * 1.9, shot.light[1] * 2.0 + 0.3])
    canvas.fill(ellipse(spot, 0.75, 0.75), (255.0, 255.0, 252.0), 0.95, 0.15, clip)


def _paint_lids(canvas: Canvas, eye: Points, side: float, params: FaceParams) -> None:
    makeup, male = params.has("Heavy_Makeup"), params.has("Male")
    upper, lower = curve(eye[:4]), curve(eye[[3, 4, 5, 0]])
    grey = params.has("Gray_Hair") and not makeup
    ink = np.array([70.0, 58.0, 54.0] if grey else [30.0, 20.0, 19.0])
    wide = 1.6 if makeup else (0.95 if male else 1.2)
    taper = [0.6, wide, wide] if side > 0 else [wide, wide, 0.6]
    canvas.stroke(upper - offset(0, 0.25), ink, taper, 0.88, 0.25)
    canvas.stroke(
        lower + offset(0, 0.3), skin_paint(params, 0.42), [0.5, 0.9, 0.5], 0.75 if makeup else 0.5, 0.35
    )
    canvas.stroke(lower + offset(0, 1.3), skin_paint(params, 1.1), [0.3, 1.3, 0.3], 0.3, 0.5)
    fold = upper + np.stack(
        [np.zeros(len(upper)), -2.5 * np.sin(np.linspace(0.25, 2.9, len(upper))) - 0.4], -1
    )
    canvas.stroke(fold, skin_paint(params, 0.4), [0.4, 1.0, 0.5], 0.62, 0.4)
    if not male:
        outer = eye[3] if side > 0 else eye[0]
        lashes = upper[-9:] if side > 0 else upper[:9]
        length = 2.6 if makeup else 1.7
        away = np.stack([np.linspace(0.2, 0.9, 9) * side, np.linspace(-0.8, -0.55, 9)], -1)
        tips = lashes + length * (away if side > 0 else away[::-1])
        canvas.hairs(lashes, tips, ink, 0.55)
        canvas.stroke(
            [outer, outer + offset(1.9 * side, -1.0)], ink, [0.9, 0.2], 0.65 if makeup else 0.35, 0.2
        )


def paint_brows(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint eyebrows: a soft ground with hairs over it."""
    colour = np.array(params.look.brow)
    thick = 3.1 * params.shape.brow_thickness
    for brow, side in ((geometry.landmarks[17:22][::-1], -1.0), (geometry.landmarks[22:27], 1.0)):
        line = curve(brow, steps=8) + offset(0.0, 0.7)
        widths = thick * np.array([0.82, 1.0, 0.95, 0.78, 0.45])
        canvas.stroke(line, colour, widths * 0.9, 0.5, 0.7)
        count = int(70 * params.shape.brow_thickness)
        along = rng.uniform(0.0, 1.0, count)
        spot = np.stack(
            [np.interp(along, np.linspace(0, 1, len(line)), line[:, axis]) for axis in (0, 1)], -1
        )
        width = np.interp(along, np.linspace(0, 1, 5), widths)
        spot[:, 1] += rng.uniform(-0.5, 0.5, count) * width
        length = rng.uniform(2.0, 3.4, count)
        rise = np.interp(along, [0.0, 0.35, 1.0], [1.15, 0.55, -0.35]) + 0.2 * rng.standard_normal(count)
        tips = spot + np.stack([side * length * np.cos(rise), -length * np.sin(rise)], -1) * 0.8
        half = count // 2
        canvas.hairs(spot[:half], tips[:half], colour * 0.7, 0.5)
        canvas.hairs(spot[half:], tips[half:], colour, 0.55)


def paint_nose(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint nostrils, wings and the shadow that the nose throws; its body is relief already."""
    marks, wide = geometry.landmarks, params.shape.nose_width
    tip = geometry.head[30]
    light_x, light_y, _ = params.shot.light
    dark, deep = skin_paint(params, 0.46), skin_paint(params, 0.2)
    base = marks[31:36]
    thrown = np.array([-5.5 * light_x, 2.6 - 1.6 * light_y])
    shadow = np.concatenate([base, (base + thrown)[::-1]])
    canvas.fill(shadow, dark, 0.34 + 0.3 * params.shot.hardness, 1.4)
    for side, start, middle in ((-1.0, 31, 32), (1.0, 35, 34)):
        hole = geometry.place([(side * 4.5 * wide, tip[1] + 5.0, 9.0)])[0]
        radius = 2.0 * wide * (1.0 - 0.45 * max(side * np.sin(geometry.yaw), 0.0))
        canvas.fill(ellipse(hole, radius, 1.15, -0.35 * side), deep, 0.85, 0.45)
        wing = [
            (side * 8.0 * wide, tip[1] - 1.8, 4.0),
            (side * 9.6 * wide, tip[1] + 1.6, 3.0),
            (side * 8.4 * wide, tip[1] + 5.0, 5.0),
            (side * 6.0 * wide, tip[1] + 5.6, 8.0),
        ]
        strength = 0.42 + 0.3 * max(-side * light_x, 0.0)
        canvas.stroke(curve(geometry.place(wing)), dark, [0.4, 1.6, 1.4, 0.5], strength, 0.55)
        under = curve(marks[[start, middle, 33]])
        canvas.stroke(under, dark, [0.5, 1.0, 0.9], 0.45, 0.5)
    far_x = -np.sign(light_x)
    flank = geometry.place([(far_x * 4.0, 2.0, 4.0), (far_x * 5.0, 14.0, 6.0), (far_x * 7.0, tip[1], 6.0)])
    canvas.stroke(curve(flank), dark, [2.0, 3.0, 3.0], 0.5 * abs(light_x) * params.shot.hardness, 1.5)


def paint_mouth(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint lips in two tones, the line or gap between them, teeth."""
    marks = geometry.landmarks
    lip = np.array(params.look.lips) * params.shot.exposure
    painted = params.has("Wearing_Lipstick")
    top, bottom = curve(marks[48:55]), curve(marks[[54, 55, 56, 57, 58, 59, 48]])
    seam_up = curve(np.concatenate([marks[48:49], marks[60:65], marks[54:55]]))
    seam_low = curve(np.concatenate([marks[54:55], marks[[64, 65, 66, 67, 60]], marks[48:49]]))
    soft = 0.3 if painted else 0.55
    strong = 0.96 if painted else 0.88
    canvas.fill(np.concatenate([top, seam_up[::-1]]), lip * 0.8, strong, soft)
    canvas.fill(np.concatenate([seam_low[::-1], bottom]), lip, strong, soft)
    canvas.fill(ellipse(marks[57] + offset(0, 2.4), 8.0, 1.5), skin_paint(params, 0.5), 0.4, 1.2)
    middle = 0.45 * marks[57] + 0.55 * marks[66]
    spread = 0.26 * float(np.hypot(*(marks[54] - marks[48])))
    shine = np.minimum(lip * 1.22 + 18, 255)
    canvas.fill(ellipse(middle + offset(2.0 * params.shot.light[0], -0.2), spread, 1.2), shine, 0.55, 0.8)
    canvas.stroke(curve(marks[49:54]) - offset(0, 0.7), skin_paint(params, 1.1), [0.2, 0.9, 0.2], 0.4, 0.5)
    if params.shot.open > 0.0:
        _paint_gap(canvas, geometry, params)
    ink = np.minimum(lip * 0.3, skin_paint(params, 0.3))
    canvas.stroke(seam_up, ink, [0.7, 1.0, 1.1, 1.0, 0.7], 0.78 if params.shot.open <= 0.0 else 0.5, 0.35)
    for corner, side in ((marks[48], -1.0), (marks[54], 1.0)):
        canvas.fill(ellipse(corner + offset(0.6 * side, 0.2), 1.7, 1.3), skin_paint(params, 0.36), 0.55, 0.7)


def _paint_gap(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    marks = geometry.landmarks
    upper, lower = curve(marks[60:65]), curve(marks[[64, 65, 66, 67, 60]])
    gap = np.concatenate([upper, lower[1:-1]])
    clip = whole_cover(gap, 0.3)
    canvas.fill(gap, (58.0, 24.0, 24.0), 1.0, 0.3)
    tall = float(np.hypot(*(marks[66] - marks[62])))
    rows = upper[2:-2]
    drop = np.sin(np.linspace(0.25, np.pi - 0.25, len(rows)))[:, None] * np.array(
        [0.0, min(0.72 * tall + 0.6, 4.6)]
    )
    teeth = np.concatenate([rows - offset(0, 0.6), (rows + drop)[::-1]])
    canvas.fill(teeth, np.array([231.0, 225.0, 214.0]) * min(params.shot.exposure, 1.02), 0.96, 0.35, clip)
    centre = 0.5 * (rows[0] + rows[-1])
    gaps = centre[0] + offset(rows[-1, 0] - rows[0, 0]) * np.array([-0.3, -0.18, -0.06, 0.06, 0.18, 0.3])
    y_top = np.full(6, rows[:, 1].min() - 1)
    y_low = np.full(6, (rows + drop)[:, 1].max())
    tooth_clip = whole_cover(teeth, 0.3) * clip
    canvas.hairs(
        np.stack([gaps, y_top], -1), np.stack([gaps, y_low], -1), (150.0, 130.0, 120.0), 0.3, tooth_clip
    )
    for corner in (marks[60], marks[64]):
        canvas.fill(ellipse(corner, 4.0, 3.0), (50.0, 22.0, 22.0), 0.55, 1.2, clip)
    canvas.stroke(upper, (70.0, 30.0, 30.0), [0.5, 1.6, 0.5], 0.5, 0.6, clip)
    if tall > 6.0:
        canvas.fill(ellipse(marks[66] - offset(0, 0.6), 5.5, 1.4), (150.0, 72.0, 72.0), 0.6, 0.7, clip)
