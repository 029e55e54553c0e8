"""What surrounds a drawn face: backdrop, clothes, hats, glasses, jewellery."""

import cv2
import numpy as np

from .canvas import (
    COLUMNS,
    ROWS,
    Canvas,
    FloatImage,
    curve,
    ellipse,
    offset,
    pixel_grid,
    resized,
    smooth,
    whole_cover,
)
from .face import FaceParams
from .geometry import HEIGHT, WIDTH, Geometry, Points


def paint_backdrop(canvas: Canvas, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint an out-of-focus background: a gradient, soft blobs, sometimes upright edges."""
    rows, columns = HEIGHT // 4 + 1, WIDTH // 4 + 1
    first, second, third = (np.array(colour, np.float32) for colour in params.shot.backdrop)
    angle = rng.uniform(0, 2 * np.pi)
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :, None]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None, None]
    mix = np.clip(0.5 + 0.45 * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))), 0, 1)
    small = first + mix * (second - first)
    kind = rng.integers(4)
    for _ in range(int(rng.integers(3, 9)) if kind else 0):
        colour = (
            third * rng.uniform(0.5, 1.5) if rng.random() < 0.7 else np.full(3, 235.0) * rng.uniform(0.6, 1.0)
        )
        where = (int(rng.integers(columns)), int(rng.integers(rows)))
        blob = np.zeros((rows, columns), np.float32)
        if kind == 1:
            cv2.rectangle(blob, where, (where[0] + int(rng.integers(3, 16)), rows), 1.0, -1)
        else:
            cv2.circle(blob, where, int(rng.integers(2, 9)), 1.0, -1)
        soft = smooth(blob, float(rng.uniform(1.3, 3.5)))[..., None]
        small = small + np.float32(rng.uniform(0.3, 0.8)) * soft * (colour.astype(np.float32) - small)
    small = np.clip(small, 2, 252).astype(np.float32)
    for axis, plane in enumerate(canvas.planes):
        plane[:] = resized(np.ascontiguousarray(small[..., axis]), COLUMNS, ROWS, cv2.INTER_CUBIC)


def paint_clothes(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint shoulders with a collar, a neckline, or a shirt and tie."""
    base = geometry.place([(0.0, 84.0, -44.0)])[0]
    half = 27.0 * params.shape.neck_width * geometry.scale
    colour = np.array(params.shot.clothes)
    tie = params.has("Wearing_Necktie")
    male = params.has("Male")
    dip = 26.0 if tie else (9.0 if male else 22.0)
    slope = [(-105.0, 42.0), (-62.0, 20.0), (-half - 9.0, 7.0), (-half + 1.0, -1.0)]
    front = [(-half * 0.62, dip * 0.62), (0.0, dip), (half * 0.62, dip * 0.62)]
    shoulders = base + np.array(
        [*slope, *front, *[(-x, y) for x, y in reversed(slope)], (110.0, 90.0), (-110.0, 90.0)]
    )
    cover = whole_cover(curve(shoulders, steps=4), 0.5)
    fabric = _fabric(colour, params, rng)
    canvas.spread(fabric, cover)
    neckline = curve(shoulders[3:8])
    canvas.stroke(neckline + offset(0, 1.5), colour * 0.5, [1.0, 2.0, 1.0], 0.55, 0.7)
    if tie:
        _paint_shirt(canvas, base, half, params)


def _fabric(colour: Points, params: FaceParams, rng: np.random.Generator) -> FloatImage:
    folds = rng.standard_normal((HEIGHT // 4, WIDTH // 4), dtype=np.float32)
    folds = resized(smooth(folds, 1.6), WIDTH, HEIGHT, cv2.INTER_CUBIC)
    side = np.linspace(-1, 1, WIDTH, dtype=np.float32)[None, :] * np.float32(0.25 * params.shot.light[0])
    weave = rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * np.float32(0.03)
    shade = np.float32(params.shot.exposure) * (0.8 + side + 0.35 * folds + weave)
    fabric: FloatImage = np.minimum(shade * colour.astype(np.float32)[:, None, None], np.float32(250))
    return fabric


def _paint_shirt(canvas: Canvas, base: Points, half: float, params: FaceParams) -> None:
    """Paint a white or pale collar over the jacket, and a tie."""
    shirt = 0.25 * np.array(params.shot.backdrop[1]) + 0.75 * np.array([232.0, 234.0, 240.0])
    accent = np.array(params.shot.accent)
    front = base + np.array(
        [(-half * 0.98, -5.0), (half * 0.98, -5.0), (half * 0.6, 40.0), (-half * 0.6, 40.0)]
    )
    throat = base + np.array([(-half, -4), (0, 13), (half, -4), (half * 0.9, 50), (-half * 0.9, 50)])
    canvas.fill(front, shirt * 0.88, 1.0, 0.4, whole_cover(throat, 0.3))
    blade = base + np.array([(-3.5, 15.0), (3.5, 15.0), (8.0, 50.0), (-8.0, 50.0)])
    canvas.fill(blade, accent, 1.0, 0.3)
    canvas.stroke([base + offset(2.5, 15), base + offset(5.5, 50)], accent * 0.6, [1.5, 3.0], 0.5, 0.8)
    knot = base + np.array([(-5.6, 8.5), (5.6, 8.5), (3.4, 16.5), (-3.4, 16.5)])
    canvas.fill(knot, accent * 1.05, 1.0, 0.4)
    canvas.stroke([base + offset(-3.2, 16.5), base + offset(3.2, 16.5)], accent * 0.4, [1.0, 1.0], 0.8, 0.3)
    for side in (-1.0, 1.0):
        flap = base + np.array(
            [(side * half * 1.02, -7.0), (side * 2.4, 9.0), (side * 11.0, 22.0), (side * (half + 3), 9.0)]
        )
        canvas.fill(flap + offset(0, 1.6), shirt * 0.45, 0.5, 1.2)
        canvas.fill(flap, shirt * (0.96 + 0.06 * side * params.shot.light[0]), 1.0, 0.35)


def paint_necklace(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint beads or a chain with a pendant."""
    base = geometry.place([(0.0, 76.0, -42.0)])[0]
    half = 27.0 * params.shape.neck_width * geometry.scale
    line = curve(
        base + np.array([(-half, 2.0), (-half * 0.7, 11.0), (0.0, 17.0), (half * 0.7, 11.0), (half, 2.0)])
    )
    gold = np.array(
        [(214.0, 172.0, 88.0), (226.0, 224.0, 218.0), (206.0, 206.0, 214.0)][int(rng.integers(3))]
    )
    canvas.stroke(line + offset(0.4, 1.2), (40.0, 22.0, 16.0), [1.2, 1.6, 1.2], 0.4, 0.7)
    if rng.random() < 0.5:
        for point in line[1::2]:
            canvas.fill(ellipse(point, 1.55, 1.55, samples=12), gold * 0.85, 1.0, 0.15)
            canvas.fill(
                ellipse(point - offset(0.4, 0.5), 0.6, 0.6, samples=8), np.minimum(gold * 1.3, 255), 0.9, 0.15
            )
    else:
        canvas.stroke(line, gold * 0.8, [0.9, 1.1, 0.9], 0.95, 0.15)
        canvas.hairs(line[:-1:2], line[1::2], np.minimum(gold * 1.25, 255), 0.7)
        canvas.fill(ellipse(line[len(line) // 2] + offset(0, 2.4), 2.0, 2.6), gold, 1.0, 0.25)


def paint_earrings(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint a stud, a drop or a hoop under each ear that shows."""
    metal = np.array([(220.0, 180.0, 96.0), (222.0, 222.0, 226.0), params.shot.accent][int(rng.integers(3))])
    kind = int(rng.integers(3))
    for side in (-1.0, 1.0):
        if side * geometry.yaw > 0.2:
            continue
        lobe = geometry.place([(side * 45.5 * params.shape.face_width, 25.0, -46.0)])[0]
        if kind == 0:
            canvas.fill(ellipse(lobe, 2.0, 2.0), metal, 1.0, 0.2)
        elif kind == 1:
            canvas.stroke([lobe, lobe + offset(0, 9.0)], metal * 0.8, [0.8, 2.8], 1.0, 0.2)
            canvas.fill(ellipse(lobe + offset(0, 11.0), 2.6, 3.4), metal, 1.0, 0.25)
        else:
            hoop = curve(ellipse(lobe + offset(0, 7.0), 4.6, 6.6), closed=True)
            canvas.stroke(hoop, metal * 0.85, [1.4, 1.4], 1.0, 0.2)
        canvas.fill(ellipse(lobe + offset(-0.5, -0.5), 0.8, 0.8), np.minimum(metal * 1.4, 255), 0.9, 0.2)


def paint_hat(canvas: Canvas, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
    """Paint a beanie, a cap or a brimmed hat; its lower edge stays above the brows."""
    colour = np.array(params.shot.accent)
    kind = params.shot.hat
    levels = np.array([-66.5, -62.0, -54.0, -42.0, -28.0])
    grow = 5.5 if kind == "beanie" else 4.5
    halves = []
    for side in (-1.0, 1.0):
        rim = geometry.rims(side, grow, levels)
        rim[:, 1] -= np.interp(levels, [-66.5, -40.0], [12.0 if kind != "beanie" else 9.0, 0.0])
        halves.append(rim)
    front = geometry.place(
        [(40.0, -24.5, -20.0), (18.0, -27.5, 2.0), (-18.0, -27.5, 2.0), (-40.0, -24.5, -20.0)]
    )
    dome = np.concatenate([halves[0][::-1], halves[1][1:], front])
    cover = whole_cover(curve(dome, closed=True), 0.4)
    shadow = geometry.place(
        [(-42, -28, -20), (0, -31, 4), (42, -28, -20), (38, -20, -14), (0, -22, 3), (-38, -20, -14)]
    )
    canvas.fill(curve(shadow, closed=True), (30.0, 16.0, 12.0), 0.5, 2.5)
    canvas.spread(_dome_shade(geometry, colour, params, rng, kind == "beanie"), cover)
    band = np.stack([halves[0][-1], front[3], front[2], front[1], front[0], halves[1][-1]])
    if kind == "beanie":
        canvas.stroke(curve(band[1:-1]) - offset(0, 9.0), colour * 0.4, [1.0, 1.6, 1.0], 0.6, 0.7)
    elif kind == "cap":
        low = geometry.place([(-38, -25, -10), (-24, -20, 16), (0, -18, 26), (24, -20, 16), (38, -25, -10)])
        peak = np.concatenate([curve(low), curve(front)])
        canvas.fill(peak + offset(0, 2.0), (20.0, 12.0, 10.0), 0.45, 1.8)
        canvas.fill(peak, colour * 0.72, 1.0, 0.4)
        canvas.stroke(curve(low), colour * 1.15, [0.6, 1.2, 0.6], 0.6, 0.4)
    else:
        canvas.stroke(curve(band[1:-1]) - offset(0, 5.0), colour * 0.3, [8.0, 8.0], 0.95, 0.4)
        centre = front.mean(0) + offset(0, 0.5)
        brim = ellipse(centre, 78.0, 8.5, params.shot.roll, 40)
        canvas.fill(brim + offset(0, 3.0), (22.0, 14.0, 12.0), 0.4, 2.2)
        canvas.fill(brim, colour * 0.8, 1.0, 0.4)
        canvas.stroke(brim[20:] + offset(0, 1.0), colour * 1.1, [0.5, 1.6, 0.5], 0.5, 0.6)


def _dome_shade(
    geometry: Geometry, colour: Points, params: FaceParams, rng: np.random.Generator, ribbed: bool
) -> FloatImage:
    top = geometry.place([(0.0, -46.0, -30.0)])[0]
    x, y = pixel_grid()
    x, y = (x - np.float32(top[0])) / np.float32(54.0), (y - np.float32(top[1])) / np.float32(40.0)
    lx, ly, lz = params.shot.light
    depth = np.sqrt(np.maximum(1.0 - x * x - y * y, 0.05))
    shade = 0.42 + 0.62 * np.maximum(x * np.float32(lx) + y * np.float32(ly) + depth * np.float32(lz), 0.0)
    weave = rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32) * np.float32(0.05)
    shade = shade * (1.0 + weave)
    if ribbed:
        shade = shade * (1.0 + 0.1 * np.sin(x * np.float32(70.0) / np.sqrt(1.3 - np.minimum(x * x, 1.0))))
    painted: FloatImage = np.minimum(shade * colour.astype(np.float32)[:, None, None], np.float32(250))
    return painted


def paint_glasses(canvas: Canvas, geometry: Geometry, params: FaceParams) -> None:
    """Paint clear glasses: two rims, a bridge, temples, a faint reflection."""
    kind = params.look.frame
    dark = np.array([44.0, 34.0, 30.0]) if kind != "rimless" else np.array([126.0, 116.0, 102.0])
    width = {"round": 1.2, "square": 1.7, "rimless": 0.8}[kind]
    power = 4.5 if kind == "square" else 2.4
    angle = np.linspace(0, 2 * np.pi, 41)
    cos, sin = np.cos(angle), np.sin(angle)
    unit_x = np.sign(cos) * np.abs(cos) ** (2 / power)
    unit_y = np.sign(sin) * np.abs(sin) ** (2 / power)
    for side in (-1.0, 1.0):
        rim_x = side * 20.0 + 14.5 * unit_x
        lens = geometry.place(np.stack([rim_x, 2.6 + 10.8 * unit_y, 7.0 - 0.22 * np.abs(rim_x)], -1))
        canvas.fill(lens, (205.0, 220.0, 232.0), 0.07)
        glare = geometry.place(
            [(side * 20 - 9, -4, 4), (side * 20 - 3, -7, 4), (side * 20 + 2, -7, 4), (side * 20 - 8, 4, 4)]
        )
        canvas.fill(glare, (255.0, 255.0, 255.0), 0.1, 0.8)
        canvas.stroke(lens + offset(0.3, 1.4), (40.0, 22.0, 16.0), [width], 0.15, 0.9)
        # Heavy above, light below, as browline frames are: a heavy lower rim reads as a pair of eyes.
        canvas.stroke(lens[:21], dark, [width, 0.5 * width, 0.45 * width, 0.5 * width, width], 0.75, 0.2)
        canvas.stroke(lens[20:], dark, [width], 0.95, 0.2)
        canvas.stroke(lens[24:34], np.minimum(dark * 2.4 + 50, 255), [0.2, 0.6, 0.2], 0.5, 0.2)
        arm = geometry.place([(side * 34.0, -2.0, 0.0), (side * 44.0, -3.0, -40.0)])
        canvas.stroke(arm, dark, [width * 0.9], 0.9, 0.2)
    bridge = geometry.place([(-5.8, -0.5, 7.0), (0.0, -2.6, 9.0), (5.8, -0.5, 7.0)])
    canvas.stroke(curve(bridge), dark, [width], 0.95, 0.2)
