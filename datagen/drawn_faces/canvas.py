"""A supersampled float canvas: soft polygons and tapered strokes, in pixels of the final picture."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from unmask.datagen.pictures.arrays import F32, F64, U8

from .geometry import HEIGHT, WIDTH

SCALE = 2
ROWS, COLUMNS = HEIGHT * SCALE, WIDTH * SCALE
_SUBPIXEL_BITS = 5

FloatImage = F32
Window = tuple[slice, slice]
# A colour, or one image for each of red, green and blue.
Paint = Sequence[float] | Sequence[FloatImage] | F32 | F64


@lru_cache(maxsize=256)
def even(count: int) -> F64:
    """Return ``count`` numbers from 0 to 1 in equal steps."""
    steps = np.linspace(0.0, 1.0, count)
    steps.flags.writeable = False
    return steps


def offset(*values: float) -> F64:
    """Return a vector to move points by."""
    return np.array(values, np.float64)


def curve(points: ArrayLike, *, closed: bool = False, steps: int = 6) -> F64:
    """Return a Catmull-Rom curve through ``points`` (n, 2), ``steps`` samples a segment."""
    knots = np.asarray(points, np.float64)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    a, b, c, d = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = (np.arange(steps) / steps)[None, :, None]
    samples = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    flat: F64 = samples.reshape(-1, 2)
    return flat if closed else np.concatenate([flat, knots[-1:]])


def ellipse(centre: ArrayLike, radius_x: float, radius_y: float, tilt: float = 0.0, samples: int = 24) -> F64:
    """Return points of an ellipse, ``tilt`` in radians, clockwise as seen."""
    angle = 2.0 * np.pi * even(samples + 1)[:-1]
    x, y = radius_x * np.cos(angle), radius_y * np.sin(angle)
    turned = np.stack([x * np.cos(tilt) - y * np.sin(tilt), x * np.sin(tilt) + y * np.cos(tilt)], -1)
    moved: F64 = turned + np.asarray(centre, np.float64)
    return moved


def ribbon(path: ArrayLike, widths: ArrayLike) -> F64:
    """Return the polygon of a stroke along ``path`` (n, 2); ``widths`` are spread evenly over it."""
    line = np.asarray(path, np.float64)
    profile = np.atleast_1d(np.asarray(widths, np.float64))
    width = np.interp(even(len(line)), even(len(profile)), profile)
    along = np.empty_like(line)
    along[1:-1] = line[2:] - line[:-2]
    along[0], along[-1] = line[1] - line[0], line[-1] - line[-2]
    half = along[:, ::-1] * np.array([-0.5, 0.5])
    half *= (width / (np.hypot(along[:, 0], along[:, 1]) + 1e-9))[:, None]
    return np.concatenate([line + half, (line - half)[::-1]])


def _fixed_point(points: ArrayLike, left: int = 0, top: int = 0) -> NDArray[np.int32]:
    scaled = (np.asarray(points, np.float64) + 0.5) * SCALE - 0.5 - np.array([left, top])
    rounded: NDArray[np.int32] = np.round(scaled * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    return rounded


def window_of(points: ArrayLike, margin: float) -> Window | None:
    """Return the part of the canvas within ``margin`` final pixels of ``points``; None when outside."""
    scaled = (np.asarray(points, np.float64) + 0.5) * SCALE - 0.5
    x_low, y_low = scaled.min(0).tolist()
    x_high, y_high = scaled.max(0).tolist()
    reach = margin * SCALE + 2.0
    left, top = max(int(x_low - reach), 0), max(int(y_low - reach), 0)
    right, bottom = min(int(x_high + reach) + 2, COLUMNS), min(int(y_high + reach) + 2, ROWS)
    return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def cover_in(points: ArrayLike, window: Window, blur: float = 0.0) -> FloatImage:
    """Return the coverage 0..1 of a polygon inside ``window``, blurred by ``blur`` final pixels."""
    rows, columns = window
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    polygon = _fixed_point(points, columns.start, rows.start)
    cv2.fillPoly(mask, [polygon], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return _soften(mask, blur)


def whole_cover(points: ArrayLike, blur: float = 0.0) -> FloatImage:
    """Return the coverage 0..1 of a polygon over the whole canvas, blurred by ``blur`` final pixels."""
    cover = np.zeros((ROWS, COLUMNS), np.float32)
    window = window_of(points, 3.0 * blur)
    if window is not None:
        cover[window] = cover_in(points, window, blur)
    return cover


@dataclass
class Canvas:
    """Picture being painted: ``planes`` is (3, 436, 356) float32, sRGB 0..255.

    Colour comes first everywhere here: numpy is several times slower with three channels innermost.
    """

    planes: FloatImage = field(default_factory=lambda: np.zeros((3, ROWS, COLUMNS), np.float32))

    def lay(self, paint: Paint, alpha: FloatImage, window: Window | None = None) -> None:
        """Lay a colour, or three planes, over the canvas; both sized like ``window``, or like the canvas."""
        where = window or tight(alpha)
        if window is None:
            alpha = alpha[where]
        for plane, channel in zip(self.planes, paint, strict=True):
            below = plane[where]
            above: FloatImage | float
            if isinstance(channel, np.ndarray) and channel.ndim:
                above = channel if window else channel[where]
            else:
                above = float(channel)  # a Python number keeps float32 float32; numpy's double would not
            change = above - below
            change *= alpha
            below += change

    def spread(self, planes: Paint, cover: FloatImage, window: Window | None = None) -> None:
        """Lay three planes of the final picture's size over the canvas.

        ``cover`` is of the size of ``window``, or of the canvas where that is None.
        """
        if window is None:
            window = tight(cover)
            cover = cover[window]
        rows, columns = (slice(side.start // SCALE, side.stop // SCALE) for side in window)
        wide, high = window[1].stop - window[1].start, window[0].stop - window[0].start
        if wide > 0 and high > 0:
            large = [resized(np.asarray(plane, np.float32)[rows, columns], wide, high) for plane in planes]
            self.lay(large, cover, window)

    def fill(
        self,
        points: ArrayLike,
        paint: Paint,
        alpha: float = 1.0,
        blur: float = 0.0,
        clip: FloatImage | None = None,
    ) -> None:
        """Fill a polygon with one colour; ``clip`` is a whole-canvas coverage that limits it."""
        window = window_of(points, 2.5 * blur)
        if window is None:
            return
        cover = cover_in(points, window, blur)
        cover *= np.float32(alpha)
        if clip is not None:
            cover *= clip[window]
        self.lay(paint, cover, window)

    def stroke(
        self,
        path: ArrayLike,
        paint: Paint,
        widths: ArrayLike,
        alpha: float = 1.0,
        blur: float = 0.0,
        clip: FloatImage | None = None,
    ) -> None:
        """Draw a tapered stroke; ``widths`` in final pixels."""
        self.fill(ribbon(path, widths), paint, alpha, blur, clip)

    def hairs(
        self,
        starts: F64,
        ends: F64,
        paint: Paint,
        alpha: float,
        clip: FloatImage | None = None,
    ) -> None:
        """Draw many thin straight hairs from ``starts`` to ``ends`` (n, 2) in one layer."""
        window = window_of(np.concatenate([starts, ends]), 1.0)
        if window is None:
            return
        rows, columns = window
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        pairs = np.stack([starts, ends], 1).reshape(-1, 2)
        lines = _fixed_point(pairs, columns.start, rows.start).reshape(-1, 2, 2)
        cv2.polylines(mask, list(lines), False, 255, 1, cv2.LINE_AA, _SUBPIXEL_BITS)
        cover = mask.astype(np.float32) * np.float32(alpha / 255.0)
        if clip is not None:
            cover *= clip[window]
        self.lay(paint, cover, window)


def _soften(mask: U8, blur: float) -> FloatImage:
    """Return the blurred coverage 0..1 of an 8-bit mask; a wide blur is done on a smaller grid."""
    if blur >= 1.6:
        rows, columns = mask.shape
        small = cv2.resize(mask, (columns // 4 + 1, rows // 4 + 1), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), blur * SCALE / 4)
        soft = np.asarray(cv2.resize(small, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
    elif blur > 0.3:  # below that, antialiasing is soft enough
        soft = np.asarray(cv2.GaussianBlur(mask, (0, 0), blur * SCALE), np.float32)
    else:
        soft = mask.astype(np.float32)
    soft *= np.float32(1.0 / 255.0)
    return soft


def tight(cover: FloatImage) -> Window:
    """Return the part of the canvas, in whole final pixels, where a coverage of it is not zero."""
    left, top, width, height = cv2.boundingRect((cover > 0.0).view(np.uint8))
    right, bottom = -(-(left + width) // SCALE) * SCALE, -(-(top + height) // SCALE) * SCALE
    return slice(top // SCALE * SCALE, bottom), slice(left // SCALE * SCALE, right)


def enlarge(image: F32) -> FloatImage:
    """Bring one plane of any size to the canvas's size."""
    return resized(image, COLUMNS, ROWS)


def resized(image: FloatImage, columns: int, rows: int, how: int = cv2.INTER_LINEAR) -> FloatImage:
    """Bring one plane to another size."""
    return np.asarray(cv2.resize(image, (columns, rows), interpolation=how), np.float32)


def smooth(image: FloatImage, sigma_x: float, sigma_y: float | None = None) -> FloatImage:
    """Blur one plane by a Gaussian, in the plane's own pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigmaX=sigma_x, sigmaY=sigma_y or sigma_x), np.float32)


def pixel_grid() -> tuple[FloatImage, FloatImage]:
    """Return x (1, 178) and y (218, 1) of the final picture's pixels."""
    return np.arange(WIDTH, dtype=np.float32)[None, :], np.arange(HEIGHT, dtype=np.float32)[:, None]
