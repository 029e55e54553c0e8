"""The canvas on which the packaged templates are drawn, and the details that they share.

Everything is computed from distances on the fabric, in inter-ocular distances (IOD), so edges are smooth at any
size. Albedo holds reflectance (white takes the recipe's colour fully), height holds seams and pleats, trim the
parts with a colour of their own, glass what can be seen through.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
Rgb = tuple[int, int, int]
WIDTH, HEIGHT = 512, 320
_LINE_ENDS = 7.0  # of a line's half widths
_TEXT_PX_PER_IOD = 240


@dataclass
class Cloth:
    """A canvas in fabric coordinates: x across and y down in IOD from the middle of the top edge.

    ``height`` is in units of the template's ``relief`` while it is drawn; ``solids`` are those of the JSON.
    ``factor`` is how many times larger than usual it is drawn, each way.
    """

    wide: float
    high: float
    factor: int = 1
    u: F = field(init=False)
    v: F = field(init=False)

    def __post_init__(self) -> None:
        cols, rows = WIDTH * self.factor, HEIGHT * self.factor
        self.u = np.linspace(-1, 1, cols)[None, :] + np.zeros((rows, 1))
        self.v = np.linspace(0, 1, rows)[:, None] + np.zeros((1, cols))
        self.x, self.y = self.u * self.wide / 2, self.v * self.high
        self.px = self.wide / cols
        self.outside = np.full((rows, cols), -1.0)
        self.height = np.zeros((rows, cols))
        self.albedo = np.ones((rows, cols))
        self.trim = np.zeros((rows, cols, 4))
        self.glass = np.zeros((rows, cols))
        self.solids: list[dict[str, Any]] = []

    def cut(self, signed_distance: F) -> None:
        """Give the outline: negative inside, in IOD."""
        self.outside = signed_distance

    def soft(self, signed_distance: F, blur: float = 0.0) -> F:
        """1 inside, 0 outside, with an edge of one pixel or ``blur`` IOD."""
        edge = signed_distance / max(self.px, blur)
        np.subtract(0.5, edge, out=edge)
        return np.clip(edge, 0, 1, out=edge)

    def line(self, distance: F, width: float) -> F:
        """1 on a line of the given width (IOD), smooth to both sides, 0 where less than a billionth is left."""
        mark = distance / (width / 2)
        near = np.abs(mark) < _LINE_ENDS  # canvases are large, and lines thin
        line = np.zeros_like(mark)
        line[near] = np.exp(-0.5 * mark[near] ** 2)
        return line

    def stand(self, at: tuple[float, float], half: tuple[float, float], height: float, **more: float) -> None:
        """Let a part that is drawn around ``at`` (x, y) stand off the fabric (`SolidPart`); lengths in IOD."""
        place = [at[0] / (self.wide / 2), at[1] / self.high]
        pairs = {key: [round(value, 4) for value in pair] for key, pair in (("at", place), ("half", half))}
        self.solids.append({**pairs, "height": height, **more})

    def beyond(self, signed_distance: F) -> F:
        """1 outside, 0 inside, for steps: hard, and a pixel wide on a larger canvas, whose stairs could be seen."""
        if self.factor > 1:
            return self.soft(-signed_distance)
        hard: F = (signed_distance > 0).astype(np.float64)
        return hard

    def stitches(self, distance: F, along: F, period: float = 0.035, width: float = 0.012) -> None:
        """A row of stitches: short dark dashes that dent the cloth."""
        dash = np.clip(2.5 * np.cos(2 * np.pi * along / period) + 0.7, 0, 1)
        mark = self.line(distance, width) * dash
        self.albedo *= 1 - 0.22 * mark
        self.height -= 0.10 * mark

    def weld(
        self, distance: F, along: F, period: float = 0.05, width: float = 0.03, depth: float = 0.3
    ) -> None:
        """A row of ultrasonic weld points: small glossy dents."""
        point = np.clip(2.2 * np.cos(2 * np.pi * along / period) + 0.4, 0, 1)
        mark = self.line(distance, width) * point
        self.albedo *= 1 - 0.10 * mark
        self.height -= depth * mark

    def hem(self, inner: float, raise_by: float = 0.12, shade: float = 0.04) -> None:
        """A border band of the given width along the outline, a little thicker than the rest."""
        band = self.soft(-(self.outside + inner), 0.01)
        self.height += raise_by * band
        self.albedo *= 1 - shade * self.line(self.outside + inner, 0.02)

    def pleat(self, step: F, open_up: F | float, rise: float = 0.75, reach: float = 0.12) -> None:
        """One pleat: the cloth below the line ``step = 0`` comes out from under the cloth above it."""
        self.height += open_up * rise * self.beyond(step) * np.exp(-np.maximum(step, 0) / reach)
        self.albedo *= 1 - 0.10 * self.line(step + 0.008, 0.02) * open_up

    def fold(self, distance: F, strength: float | F, width: float) -> None:
        """A soft fold that stands out along a curve, with its crease below it."""
        self.height += strength * self.line(distance, width)

    def seam(self, distance: F, along: F, depth: float = 0.35) -> None:
        """Two panels sewn together: a groove with a row of stitches on both sides."""
        self.height -= depth * self.line(distance, 0.02)
        self.albedo *= 1 - 0.16 * self.line(distance, 0.014)
        for offset in (-0.04, 0.04):
            self.stitches(distance - offset, along, 0.04, 0.010)

    def wire(self, signed_distance: F, raise_by: float = 0.35) -> None:
        """A nose wire under the cloth."""
        self.height += raise_by * self.soft(signed_distance, 0.02)
        self.albedo *= 1 - 0.05 * self.line(signed_distance, 0.02)

    def paint(self, mask: F, rgb: Rgb, shade: F | float = 1.0) -> None:
        """Put a part with its own colour over the fabric; ``shade`` darkens it place by place."""
        rows, cols = (np.flatnonzero((mask > 0).any(axis)) for axis in (1, 0))
        if not len(rows):
            return
        part = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]  # parts are small, the canvas is not
        trim, cover = self.trim[part], mask[part][..., None]
        shades = np.broadcast_to(np.asarray(shade), mask.shape)[part]
        colour = np.clip(np.array(rgb) / 255 * shades[..., None], 0, 1)
        under = trim[..., 3:] > 0
        mixed = np.where(under, trim[..., :3] * (1 - cover) + colour * cover, colour)
        trim[..., :3] = np.where(cover > 0, mixed, trim[..., :3])
        trim[..., 3] = np.maximum(trim[..., 3], mask[part])

    def text(self, words: str, cx: float, cy: float, size: float) -> F:
        """Coverage of a line of print, centred, with letters ``size`` IOD high."""
        scale = _TEXT_PX_PER_IOD * self.factor
        page = np.zeros((round(self.high * scale), round(self.wide * scale)), np.uint8)
        letters = size * scale / 21  # the font is 21 px high at scale 1
        thick = max(1, round(1.6 * letters / self.factor)) * self.factor
        (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, letters, thick)
        origin = (round((cx + self.wide / 2) * scale - width / 2), round(cy * scale + height / 2))
        cv2.putText(page, words, origin, cv2.FONT_HERSHEY_SIMPLEX, letters, 255, thick, cv2.LINE_AA)
        small = cv2.resize(page, self.albedo.shape[::-1], interpolation=cv2.INTER_AREA)
        coverage: F = small.astype(np.float64) / 255
        return coverage

    def emboss(self, words: str, cx: float, cy: float, size: float, depth: float = 0.12) -> None:
        """Press a line of print into the fabric."""
        mark = self.text(words, cx, cy, size)
        self.height -= depth * mark
        self.albedo *= 1 - 0.14 * mark

    def stamp(self, words: str, cx: float, cy: float, size: float, strength: float = 0.55) -> None:
        """Print a line of grey ink on the fabric."""
        self.albedo *= 1 - strength * self.text(words, cx, cy, size)


def rounded_box(x: F, y: F, cx: float, cy: float, half_w: float, half_h: float, radius: float) -> F:
    """Signed distance to a rectangle with round corners."""
    dx, dy = np.abs(x - cx) - (half_w - radius), np.abs(y - cy) - (half_h - radius)
    inside = np.minimum(np.maximum(dx, dy), 0)
    distance: F = np.hypot(np.maximum(dx, 0, out=dx), np.maximum(dy, 0, out=dy))
    distance += inside
    distance -= radius
    return distance


def ellipse(x: F, y: F, cx: float, cy: float, half_w: float, half_h: float) -> F:
    """Signed distance (approximate) to an ellipse."""
    return (np.hypot((x - cx) / half_w, (y - cy) / half_h) - 1) * min(half_w, half_h)


def bar(x: F, y: F, half: float, bend: float, at: float, thick: float) -> F:
    """Signed distance (approximate) to a bar across the nose, bent down towards its ends."""
    return np.hypot(np.maximum(np.abs(x) - half, 0), y - at - bend * np.abs(x)) - thick


def between(cloth: Cloth, top: Callable[[F], F], bottom: Callable[[F], F], side: float, radius: float) -> F:
    """Signed distance (approximate) to the area between two curves v(|u|), cut at |u| = side, corners rounded."""
    u = np.abs(cloth.u)
    above = (top(u) - cloth.v) * cloth.high
    below = (cloth.v - bottom(u)) * cloth.high
    beyond = (u - side) * cloth.wide / 2
    return smooth_max([above, below, beyond], radius)


def smooth_max(distances: list[F], radius: float) -> F:
    """Signed distance to what lies inside all of several areas, its corners rounded by about ``radius``."""
    stack = np.stack(distances) / radius
    peak = stack.max(0)
    rounded: F = (peak + np.log(np.exp(3 * (stack - peak)).sum(0)) / 3) * radius
    return rounded


def smooth_min(distances: list[F], radius: float) -> F:
    """Signed distance to the union of several areas, its inner corners rounded by about ``radius``."""
    return -smooth_max([-distance for distance in distances], radius)
