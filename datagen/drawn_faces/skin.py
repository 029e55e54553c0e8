"""Skin of a drawn head: relief lit like a photograph, colour zones, ears, neck and the lines of age."""

import cv2
import numpy as np

from .canvas import Canvas, FloatImage, curve, offset, smooth, whole_cover
from .face import FaceParams
from .geometry import HEIGHT, WIDTH, Geometry, Points

# Bumps of the face: head position, radii in pixels (across, down), height in pixels, and tilt in radians.
# Pairs are given once, for the picture's right side.
_MIDDLE_BUMPS = (
    ((0.0, -26.0, 2.0), 20.0, 13.0, 2.0),  # forehead
    ((0.0, -9.0, 5.0), 5.0, 4.0, 0.6),  # glabella
    ((0.0, 10.0, 10.0), 4.0, 10.0, 2.3),  # bridge
    ((0.0, 53.5, 4.0), 9.0, 2.6, -1.8),  # below the lower lip
    ((0.0, 63.0, 2.0), 9.0, 6.0, 3.4),  # chin
    ((0.0, 33.5, 9.0), 1.4, 2.6, -0.5),  # philtrum
    ((0.0, 41.0, 6.0), 15.0, 9.0, 2.2),  # the mouth's own roundness
)
_PAIR_BUMPS = (
    ((19.5, -11.5, 3.0), 10.0, 3.2, 1.5, 0.05),  # brow ridge
    ((9.5, -1.0, 0.0), 4.2, 4.8, -1.8, 0.0),  # inner eye socket
    ((20.0, -5.0, -2.0), 9.0, 3.0, -1.2, 0.05),  # upper socket
    ((19.0, 8.0, -2.0), 9.0, 3.5, -1.1, 0.15),  # lower socket
    ((19.5, 0.0, -2.0), 6.5, 4.2, 1.9, 0.0),  # eyeball
    ((37.0, -16.0, -14.0), 6.0, 9.0, -1.5, 0.2),  # temple
)


def shade_skin(tone: FloatImage, shade: FloatImage | np.float32) -> FloatImage:
    """Return skin colour (3, ...) under light: shadows of skin turn red, they do not turn grey."""
    lit = np.minimum(np.maximum(shade, 0.03), 1.6)
    root = np.sqrt(lit)
    return np.stack(
        [tone[0] * (0.25 + 0.75 * root) * root, tone[1] * lit, tone[2] * lit * (0.75 + 0.25 * root)]
    )


def skin_paint(params: FaceParams, shade: float) -> FloatImage:
    """Return the person's skin colour under ``shade``, (3,)."""
    return shade_skin(np.array(params.look.skin, np.float32), np.float32(shade))


def paint_head(canvas: Canvas, geometry: Geometry, params: FaceParams, noise: FloatImage) -> FloatImage:
    """Paint the skin of the head (without features) and return its whole-canvas coverage."""
    outline = curve(geometry.outline, closed=True)
    cover = whole_cover(outline, 0.35)
    shade, gloss = _light(geometry, params)
    tone = _tone_map(geometry, params)
    tone += noise * np.float32(2.2 + 2.0 * params.look.blemish)
    skin = shade_skin(tone, shade)
    # On pale skin the full highlight would burn out to white.
    shine = 15.0 * (1.0 + 0.6 * params.shot.hardness) * (1.25 - params.look.skin[1] / 255.0)
    shine *= 0.6 if params.has("Heavy_Makeup") else 1.0
    skin += gloss * np.float32(shine)
    canvas.spread(skin, cover)
    return cover


def _light(geometry: Geometry, params: FaceParams) -> tuple[FloatImage, FloatImage]:
    """Return the diffuse shade (about 0.3..1.2) and gloss (0..1) at final-picture resolution."""
    base_x, base_y = _base_normals(geometry)
    depth = np.maximum(1.0 - base_x**2 - base_y**2, 0.04)
    root = np.sqrt(depth)
    relief = smooth(_relief(geometry, params), 0.8)
    slope_x = -base_x / root + cv2.Sobel(relief, cv2.CV_32F, 1, 0, scale=0.125)
    slope_y = -base_y / root + cv2.Sobel(relief, cv2.CV_32F, 0, 1, scale=0.125)
    length = 1.0 / np.sqrt(slope_x**2 + slope_y**2 + 1.0)
    lx, ly, lz = params.shot.light
    facing = (-slope_x * lx - slope_y * ly + lz) * length
    wrap = 0.45 - 0.25 * params.shot.hardness
    diffuse = np.maximum((facing + wrap) / (1.0 + wrap), 0.0)
    sky = 0.5 - 0.5 * (-slope_y * length)
    ambient = 0.46 - 0.16 * params.shot.hardness
    shade = params.shot.exposure * (ambient * (0.72 + 0.5 * sky) + (0.97 - 0.72 * ambient) * diffuse)
    hx, hy, hz = lx, ly, lz + 1.0
    half = (-slope_x * hx - slope_y * hy + hz) * length / float(np.sqrt(hx * hx + hy * hy + hz * hz))
    gloss = np.maximum(half, 0.0) ** 2
    gloss = gloss**2 * (gloss**2) ** 2
    gloss = gloss * gloss
    return shade.astype(np.float32), gloss.astype(np.float32)


def _base_normals(geometry: Geometry) -> tuple[FloatImage, FloatImage]:
    """Return the normals of the smooth head without relief: x (rows, columns) and y (rows, 1)."""
    jaw, skull = geometry.landmarks[:17], geometry.skull
    rows = np.arange(HEIGHT, dtype=np.float64)
    left = np.concatenate([skull[6:], jaw[:8]])
    right = np.concatenate([skull[6::-1], jaw[16:8:-1]])
    edge_left = np.interp(rows, *_increasing(left))
    edge_right = np.interp(rows, *_increasing(right))
    middle = geometry.place(
        [(0, -66, -42), (0, -52, -14), (0, -30, 1), (0, 0, 3), (0, 30, 3), (0, 60, 0), (0, 76, -6)]
    )
    centre = np.interp(rows, middle[:, 1], middle[:, 0])
    x = np.arange(WIDTH, dtype=np.float32)[None, :] - centre[:, None].astype(np.float32)
    to_left = np.maximum(centre - edge_left, 6.0)[:, None].astype(np.float32)
    to_right = np.maximum(edge_right - centre, 6.0)[:, None].astype(np.float32)
    across = np.clip(np.where(x < 0, x / to_left, x / to_right), -1.0, 1.0)
    size = np.abs(across)
    bent = across * (np.float32(0.35) + np.float32(0.65) * size)
    quarter, yaw = np.float32(np.pi / 2), np.float32(geometry.yaw)
    angle = yaw + bent * np.where(x < 0, quarter + yaw, quarter - yaw)
    heights = geometry.place([(0, h, -20) for h in (-66, -50, -30, -10, 30, 52, 64, 70, 76)])[:, 1]
    tilt = np.interp(rows, heights, [-0.95, -0.6, -0.22, -0.04, 0.02, 0.08, 0.22, 0.5, 0.7])[:, None].astype(
        np.float32
    )
    tilt = np.clip(tilt + np.float32(0.8 * geometry.pitch), -0.95, 0.9)
    normal_x = np.sin(angle) * np.sqrt(1.0 - tilt**2) * np.float32(0.97)
    return normal_x.astype(np.float32), tilt.astype(np.float32)


def _increasing(points: Points) -> tuple[Points, Points]:
    order = np.argsort(points[:, 1], kind="stable")
    return points[order, 1], points[order, 0]


def _bump(
    relief: FloatImage, centre: Points, radii: tuple[float, float], height: float, tilt: float = 0.0
) -> None:
    """Add a Gaussian bump, in place, only where it matters."""
    reach = 2.6 * max(radii)
    left, right = max(int(centre[0] - reach), 0), min(int(centre[0] + reach) + 2, WIDTH)
    top, bottom = max(int(centre[1] - reach), 0), min(int(centre[1] + reach) + 2, HEIGHT)
    if left >= right or top >= bottom:
        return
    x = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(centre[0])
    y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(centre[1])
    cos, sin = np.float32(np.cos(tilt)), np.float32(np.sin(tilt))
    u, v = (x * cos + y * sin) / np.float32(radii[0]), (y * cos - x * sin) / np.float32(radii[1])
    relief[top:bottom, left:right] += np.float32(height) * np.exp(-0.5 * (u * u + v * v))


def _relief(geometry: Geometry, params: FaceParams) -> FloatImage:
    """Return the height in pixels of the features over the smooth head, at final-picture resolution."""
    relief = np.zeros((HEIGHT, WIDTH), np.float32)
    shape, smile = params.shape, max(params.shot.smile, 0.0)
    brow = 1.5 if params.has("Male") else 0.8
    squeeze = float(np.cos(geometry.yaw))
    for centre, across, down, height in _MIDDLE_BUMPS:
        _bump(relief, geometry.place([centre])[0], (across * squeeze, down), height)
    for (x, y, z), across, down, height, tilt in _PAIR_BUMPS:
        amount = height * (brow if height == _PAIR_BUMPS[0][3] else 1.0)
        for side in (-1.0, 1.0):
            _bump(
                relief, geometry.place([(side * x, y, z)])[0], (across * squeeze, down), amount, side * tilt
            )
    _nose_relief(relief, geometry, params)
    cheek = 2.2 + 2.6 * smile + 2.6 * params.has("High_Cheekbones") + 1.2 * params.has("Chubby")
    hollow = -1.6 * (1.0 - params.has("Chubby")) * (0.6 + 0.6 * params.look.age)
    hollow -= 1.6 * params.has("High_Cheekbones")
    for side in (-1.0, 1.0):
        apple = geometry.place([(side * (28.0 + smile), 22.0 - 3.0 * smile, -6.0)])[0]
        _bump(relief, apple, (9.5 * squeeze, 7.5), cheek, side * -0.5)
        _bump(relief, geometry.place([(side * 30.0, 40.0, -14.0)])[0], (8.0 * squeeze, 9.0), hollow)
        jowl = 1.8 * params.look.age + 2.0 * params.has("Chubby")
        _bump(relief, geometry.place([(side * 24.0, 53.0, -8.0)])[0], (7.0 * squeeze, 6.0), jowl)
        fold = geometry.place([(side * (17.5 + 3.0 * smile), 33.0, 2.0)])[0]
        depth = -(0.5 + 1.2 * smile + 0.9 * params.look.age)
        _bump(relief, fold, (1.8, 7.5), depth, side * -0.45)
    lower = geometry.head[57, 1] - 3.4 * shape.lip_fullness
    _bump(relief, geometry.place([(0.0, lower, 8.0)])[0], (8.5 * squeeze, 2.6), 1.5 * shape.lip_fullness)
    return relief


def _nose_relief(relief: FloatImage, geometry: Geometry, params: FaceParams) -> None:
    tip, shape = geometry.head[30], params.shape
    for along in (0.45, 0.65, 0.82):
        point = geometry.head[27] * (1 - along) + tip * along
        _bump(relief, geometry.place([point])[0], (4.0 + 0.8 * along, 4.6), 1.0 + 1.0 * along)
    width = 4.6 * shape.nose_tip
    _bump(relief, geometry.place([tip + offset(0.0, 1.5, 0.0)])[0], (width, 4.0), 3.0)
    for side in (-1.0, 1.0):
        wing = geometry.place([(side * 6.6 * shape.nose_width, tip[1] + 3.2, 6.0)])[0]
        _bump(relief, wing, (2.9, 3.0), 1.8)


def _tone_map(geometry: Geometry, params: FaceParams) -> FloatImage:
    """Return the skin's colour before light: flushed cheeks and nose, a cooler chin and forehead."""
    flush = np.zeros((HEIGHT, WIDTH), np.float32)
    rosy = 1.0 + 1.9 * params.has("Rosy_Cheeks") + 0.7 * params.has("Heavy_Makeup")
    for side in (-1.0, 1.0):
        _bump(flush, geometry.place([(side * 28.0, 21.0, -8.0)])[0], (10.0, 8.5), 0.8 * rosy, side * -0.4)
    _bump(flush, geometry.place([geometry.head[30]])[0], (6.0, 5.0), 0.7)
    _bump(flush, geometry.place([(0.0, 64.0, 0.0)])[0], (9.0, 5.0), 0.35)
    _bump(flush, geometry.place([(0.0, -30.0, 2.0)])[0], (26.0, 13.0), -0.45)
    skin = np.array(params.look.skin, np.float32)
    strength = 0.35 + 0.65 * float(skin[1]) / 220.0
    tint = np.array([7.0, -11.0, -9.0], np.float32) * np.float32(strength)
    tone: FloatImage = skin[:, None, None] + flush * tint[:, None, None]
    return tone


def paint_lines(canvas: Canvas, geometry: Geometry, params: FaceParams, clip: FloatImage) -> None:
    """Paint lines of age and of laughter, bags under the eyes."""
    age, smile = params.look.age, max(params.shot.smile, 0.0)
    dark, pale = skin_paint(params, 0.48), skin_paint(params, 1.06)

    def crease(
        points: list[tuple[float, float, float]], width: float, alpha: float, soft: float = 0.6
    ) -> None:
        if alpha < 0.05:
            return
        line = curve(geometry.place(points))
        canvas.stroke(line, dark, [0.3, width, 0.3], alpha, soft, clip)
        canvas.stroke(line + offset(0.0, 1.3), pale, [0.3, width, 0.3], 0.45 * alpha, soft, clip)

    old = max(age - 0.3, 0.0) / 0.7
    mouth = geometry.head[54]
    for side in (-1.0, 1.0):
        wing = (side * 11.5, 26.0 - smile, 4.0)
        bend = (side * (19.0 + 3.0 * smile), 33.0 - 1.5 * smile, 0.0)
        end = (side * (abs(mouth[0]) + 3.5 + smile), mouth[1] + 3.0, -4.0)
        crease([wing, bend, end], 1.8, 0.16 + 0.34 * smile + 0.4 * old, 0.9)
        if old > 0:
            marionette = [(side * 19.0, 44.0, -4.0), (side * 20.0, 50.0, -5.0), (side * 19.0, 56.0, -6.0)]
            crease(marionette, 1.4, 0.45 * old, 0.8)
        for step in (-1.0, 0.5, 2.0):
            foot = [(side * 30.0, 0.5 + step, -10.0), (side * 36.5, -1.5 + 2.6 * step, -18.0)]
            crease(foot, 0.9, 0.42 * old + 0.12 * smile * (age + 0.3), 0.4)
        bags = 0.1 + 0.62 * params.has("Bags_Under_Eyes") + 0.2 * old
        under = [(side * 11.0, 4.5, -3.0), (side * 19.0, 8.6, -2.0), (side * 27.5, 5.8, -8.0)]
        crease(under, 2.6, bags, 0.8)
        if params.has("Bags_Under_Eyes"):
            crease([(x, y + 4.2, z) for x, y, z in under], 1.4, 0.42, 0.6)
    for height, wide in ((-20.0, 21.0), (-26.0, 24.0), (-32.0, 20.0)):
        brow = [(x * wide, height + 1.6 * x * x, 3.0 - 10.0 * x * x) for x in (-1.0, -0.5, 0.0, 0.5, 1.0)]
        crease(brow, 1.2, 0.5 * old, 0.6)
    if old > 0:
        for side in (-1.0, 1.0):
            crease([(side * 2.5, -12.0, 5.0), (side * 3.0, -6.5, 5.0)], 1.1, 0.45 * old, 0.5)
