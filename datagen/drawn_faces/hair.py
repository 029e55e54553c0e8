"""Hair of a drawn head: strands that follow the skull, hairline, fringe."""

from dataclasses import dataclass

import cv2
import numpy as np

from .canvas import (
    COLUMNS,
    ROWS,
    Canvas,
    FloatImage,
    curve,
    enlarge,
    offset,
    pixel_grid,
    resized,
    smooth,
    tight,
    whole_cover,
)
from .face import FaceParams
from .geometry import Geometry, Points
from .skin import skin_paint

_LEVELS = np.array([-66.5, -63.0, -56.0, -45.0, -30.0, -14.0])
_TILE = 256


@dataclass(frozen=True)
class Cut:
    """How a hair style is cut, in head pixels: growth over the skull, length below the eyes, ear cover."""

    top: float
    side: float
    down: float
    bulge: float
    ears: bool


_CUTS = {
    "buzz": Cut(1.6, 0.8, -2.0, 0.0, False),
    "short": Cut(6.5, 2.8, 4.0, 0.0, False),
    "swept": Cut(10.5, 3.0, 2.0, 0.0, False),
    "parted": Cut(8.5, 3.2, 3.0, 0.0, False),
    "curly": Cut(12.0, 9.5, 22.0, 3.0, True),
    "bob": Cut(7.5, 7.0, 66.0, 6.0, True),
    "long": Cut(7.0, 6.0, 120.0, 7.0, True),
    "tied": Cut(5.5, 2.2, 2.0, 0.0, False),
    "bald": Cut(0.0, 0.0, 0.0, 0.0, False),
}


def strand_texture(rng: np.random.Generator, curly: bool) -> FloatImage:
    """Tile of strands running down: values with mean 0 and deviation 1, (256, 256)."""
    if curly:
        noise = rng.standard_normal((_TILE, _TILE), dtype=np.float32)
        tile = 0.75 * smooth(noise, 1.4) * 4.5 + 0.5 * smooth(noise[::-1], 3.5) * 9.0
    else:
        # Strands are long, so few rows are enough; they are stretched afterwards.
        noise = rng.standard_normal((_TILE // 8, _TILE), dtype=np.float32)
        fine = smooth(noise, 0.6, 2.6) * 3.4
        coarse = smooth(noise[::-1], 2.6, 3.5) * 7.0
        tile = resized(fine + 0.32 * coarse, _TILE, _TILE, cv2.INTER_CUBIC)
    spread: FloatImage = (tile / tile.std()).astype(np.float32)
    return spread


class HairPainter:
    """Paints the layers of one head's hair with one strand texture; works at the final picture's size."""

    def __init__(self, geometry: Geometry, params: FaceParams, rng: np.random.Generator) -> None:
        self.geometry, self.params = geometry, params
        self.cut = _CUTS[params.look.hair_style]
        self.curly = params.look.hair_style == "curly"
        self.texture = strand_texture(rng, self.curly)
        self.centre = geometry.place([(0.0, -24.0, -30.0)])[0]
        self.strands = self._comb()
        self._colour: FloatImage | None = None

    def _sample(self, across: FloatImage, along: FloatImage) -> FloatImage:
        shift = np.float32(1.5 * _TILE)
        strands = cv2.remap(
            self.texture, across + shift, along + shift, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        return np.asarray(strands, np.float32)

    def _comb(self) -> FloatImage:
        """Strands over the whole picture: from the parting round the head and down, or up and back."""
        x, y = pixel_grid()
        wave = np.float32(2.4 * self.params.look.hair_wave)
        dx, dy = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        if self.curly:
            return self._sample(dx * np.float32(2.0) + 0 * dy, dy * np.float32(2.0) + 0 * dx)
        if self.params.look.hair_style in ("swept", "buzz", "tied", "short"):
            # Away from the forehead: strands meet in a point far below the hairline.
            lean = np.float32(12.0 * self.params.look.part)
            dx, dy = dx - lean, dy - np.float32(38.0)
            radius = np.sqrt(dx * dx + dy * dy)
            across = np.arctan2(dx, -dy) * np.float32(95.0) + (wave + 1) * np.sin(
                radius * np.float32(0.13) + dx * 0.05
            )
            return self._sample(across, radius * np.float32(1.1))
        part = self.geometry.place([(8.0 * self.params.look.part, -50.0, -14.0)])[0]
        if self.params.look.hair_style == "parted":
            part = self.geometry.place([(np.copysign(19.0, self.params.look.part), -50.0, -20.0)])[0]
        dx = dx + np.float32(self.centre[0] - part[0]) * np.clip(-dy / np.float32(30.0), 0.0, 1.0)
        over = np.minimum(dy, 0.0)
        radius = np.sqrt(dx * dx + (over * np.float32(0.85)) ** 2)
        side = np.where(dx < 0, np.float32(-1.0), np.float32(1.0))
        along = np.maximum(dy, 0.0) + np.arctan2(over, np.abs(dx)) * np.float32(45.0)
        ripple = wave * np.sin(along * np.float32(0.16) + side + radius * np.float32(0.05))
        return self._sample(side * (radius + ripple) * np.float32(1.7), along * np.float32(0.7))

    def paint(self, canvas: Canvas, cover: FloatImage, light: float = 1.0, ragged: float = 0.35) -> None:
        """Lay hair over the canvas where ``cover`` (soft-edged) is, its edge broken up by the strands."""
        window = tight(cover)
        near = cover[window]
        edge = enlarge(self.strands)[window] * np.float32(4.0 * ragged)
        edge *= near * (1.0 - near)
        edge += near * np.float32(2.4) - np.float32(0.7)
        np.clip(edge, 0.0, 1.0, out=edge)
        canvas.spread(self.colour() * np.float32(light), edge, window)

    def colour(self) -> FloatImage:
        """Return the hair's colour (3, 218, 178) in full light, painted once for each lie of the strands."""
        if self._colour is None:
            self._colour = self._light_strands()
        return self._colour

    def _light_strands(self) -> FloatImage:
        """Hair colour (3, 218, 178): strands, sheen, light from the lamp's side."""
        x, y = pixel_grid()
        base = np.array(self.params.look.hair, np.float32)[:, None, None]
        lx, ly, _ = self.params.shot.light
        round_x = np.clip((x - np.float32(self.centre[0])) / np.float32(56.0), -1.2, 1.2)
        round_y = np.clip((y - np.float32(self.centre[1])) / np.float32(56.0), -1.2, 1.2)
        lamp = 0.84 + 0.36 * (round_x * np.float32(lx) + np.minimum(round_y, 0.3) * np.float32(ly))
        lamp = lamp - 0.2 * np.maximum(round_y - 0.3, 0.0)
        ring = np.sqrt((round_x - np.float32(0.3 * lx)) ** 2 + (round_y * np.float32(1.05)) ** 2)
        sheen = np.exp(-(((ring - 0.74) / 0.2) ** 2)) * np.clip(0.6 - 1.3 * round_y, 0.0, 1.0)
        bright = float(base.sum()) > 300.0
        body = lamp * (1.0 + np.float32(0.13 if bright else 0.22) * self.strands)
        body = np.clip(body * np.float32(self.params.shot.exposure), 0.12, 1.7)
        gleam = sheen * np.maximum(0.4 + 0.4 * self.strands, 0.0) * np.float32(0.45 if self.curly else 0.9)
        glow = np.float32(0.2 if bright else 0.35) * base + np.float32(22.0)
        painted: FloatImage = np.minimum(body * base + gleam * glow, np.float32(248.0)).astype(np.float32)
        return painted

    def _mass(self, grow: float, down: float, bulge: float) -> Points:
        """Outline of the hair mass: over the skull, then down both sides to head height ``down``."""
        scale, cut = self.params.look.hair_volume, self.cut
        widths = [cut.top, 0.5 * (cut.top + cut.side), cut.side]
        top = np.interp(_LEVELS, [-66.5, -40.0, -14.0], widths)
        if self.params.has("Wearing_Hat"):
            top[:-1] = np.minimum(top[:-1], 1.0)
        halves = []
        for side in (-1.0, 1.0):
            rim = self.geometry.rims(side, top * scale + grow, _LEVELS)
            rim[:, 1] -= (top * scale + grow) * np.interp(_LEVELS, [-66.5, -50.0], [1.0, 0.2])
            if down > -8.0:
                steps = np.linspace(0.0, 1.0, 5)[1:]
                heights = -14.0 + (down + 14.0) * steps
                low = self.geometry.rims(side, cut.side * scale + grow, np.minimum(heights, 0.0))
                low[:, 1] += (heights - np.minimum(heights, 0.0)) * self.geometry.scale
                low[:, 0] += side * bulge * np.sin(np.pi * steps * 0.75)
                rim = np.concatenate([rim, low])
            # The ends bend inwards, or the closed curve would swing out there.
            inwards = rim[-1] + np.array([[-side * 7.0, 1.5], [-side * 16.0, -4.0]])
            halves.append(np.concatenate([rim, inwards]))
        return np.concatenate([halves[0][::-1], halves[1][1:]])

    def back_cover(self) -> FloatImage | None:
        """Return the coverage of the hair behind face and neck; None when the cut has none."""
        if self.params.look.hair_style == "bald":
            return None
        wave = 3.0 if self.curly else 0.8
        return whole_cover(curve(self._mass(0.0, self.cut.down, self.cut.bulge), closed=True), wave)

    def front_cover(self) -> FloatImage:
        """Return the coverage of the hair in front: above the hairline, and locks beside the face."""
        mass = whole_cover(curve(self._mass(-0.3, self.cut.down, self.cut.bulge), closed=True), 0.8)
        opening = whole_cover(curve(self._opening(), closed=True), 1.3)
        cover: FloatImage = mass * (1.0 - opening)
        return cover

    def _opening(self) -> Points:
        """Return the closed outline of the bare face inside the hair."""
        has, cut = self.params.has, self.cut
        lift = 4.0 * (self.params.shape.forehead - 1.0) * 10.0
        peak, temple = -42.0 - lift, -38.0
        if has("Receding_Hairline"):
            peak, temple = -50.0, -56.0
        part = 7.0 * self.params.look.part
        tuck = 3.5 if cut.ears else 1.2
        arch = [
            (-44.0 + tuck, -2.0, -40.0),
            (-42.0 + tuck, -16.0, -34.0),
            (-37.0 + 0.6 * tuck, -29.0, -24.0),
            (-25.0, temple, -12.0),
            (-9.0 + part, peak - 0.5, -5.0),
            (9.0 + part, peak, -5.0),
            (25.0, temple, -12.0),
            (37.0 - 0.6 * tuck, -29.0, -24.0),
            (42.0 - tuck, -16.0, -34.0),
            (44.0 - tuck, -2.0, -40.0),
        ]
        placed = self.geometry.place(arch)
        jaw = self.geometry.landmarks[:17]
        limits = np.stack([jaw[:9].min(0), jaw[8:].max(0)])
        spread = -2.5 if cut.ears else 1.0
        placed[:, 0] = np.clip(placed[:, 0], limits[0, 0] - spread, limits[1, 0] + spread)
        low = ((15, spread, 0.0), (13, spread - 0.4, 0.0), (12, spread + 9.0, 60.0))
        right = [jaw[point] + offset(x, y) for point, x, y in low]
        left = [jaw[16 - point] + offset(-x, y) for point, x, y in reversed(low)]
        return np.concatenate([placed, right, left])

    def fringe_cover(self) -> FloatImage:
        """Return the coverage of bangs over the forehead."""
        lean = 3.0 * self.params.look.part
        low = -15.5 + 2.0 * self.params.look.hair_volume - 1.0
        temple = [(41.5, -9.0, -32.0), (43.0, -20.0, -34.0), (40.0, -40.0, -25.0), (22.0, -58.0, -26.0)]
        edge = [
            (-33.0, low - 1.0 + lean * 0.5, -14.0),
            (-12.0, low - 2.5, -1.0),
            (10.0, low - 3.0 - lean * 0.6, -1.0),
            (33.0, low - 2.0 - lean, -14.0),
        ]
        shape = [*edge, *temple, *[(-x, y, z) for x, y, z in reversed(temple)]]
        return whole_cover(curve(self.geometry.place(shape), closed=True), 1.2)

    def fall(self) -> None:
        """Turn the strands into those of a fringe: falling from the crown over the forehead."""
        x, y = pixel_grid()
        start = self.geometry.place([(6.0 * self.params.look.part, -78.0, -20.0)])[0]
        dx, dy = x - np.float32(start[0]), y - np.float32(start[1])
        radius = np.sqrt(dx * dx + dy * dy)
        wave = np.float32(self.params.look.hair_wave * 2.0)
        across = np.arctan2(dx, dy) * np.float32(105.0) + wave * np.sin(radius * np.float32(0.14))
        self.strands = self._sample(across, radius)
        self._colour = None


def paint_back_hair(canvas: Canvas, painter: HairPainter) -> None:
    """Paint the hair behind the head, darker than the rest."""
    cover = painter.back_cover()
    if cover is not None:
        painter.paint(canvas, cover, 0.68, 0.5)


def paint_front_hair(canvas: Canvas, painter: HairPainter, head: FloatImage) -> None:
    """Paint the hair over the forehead and beside the face, with its shadow on the skin."""
    params = painter.params
    style = params.look.hair_style
    if style == "bald":
        return
    cover = painter.front_cover()
    if style == "buzz":
        cover = cover * np.clip(0.72 + 0.1 * enlarge(painter.strands), 0.0, 0.9)
        canvas.spread(painter.colour() * np.float32(0.8), cover)
        return
    bangs = params.has("Bangs")
    fringe = painter.fringe_cover() if bangs else None
    both = cover if fringe is None else np.maximum(cover, fringe)
    small = resized(both, COLUMNS // 4, ROWS // 4, cv2.INTER_AREA)
    window = tight(head)
    soft = enlarge(np.minimum(smooth(small, 1.5) * 0.75, 0.55))[window]
    canvas.lay(skin_paint(params, 0.34), soft * head[window], window)
    painter.paint(canvas, cover)
    _paint_parting(canvas, painter)
    if fringe is not None:
        painter.fall()
        painter.paint(canvas, fringe, 0.94, 0.9)


def _paint_parting(canvas: Canvas, painter: HairPainter) -> None:
    style = painter.params.look.hair_style
    hidden = any(painter.params.has(name) for name in ("Bangs", "Receding_Hairline", "Wearing_Hat"))
    if hidden or style not in ("long", "bob", "parted"):
        return
    part = painter.params.look.part
    part = float(np.copysign(19.0, part)) if style == "parted" else 7.0 * part
    crown = [(part, -45.0, -6.0), (1.1 * part, -52.0, -12.0), (1.1 * part, -64.0, -28.0)]
    line = painter.geometry.place(crown)
    canvas.stroke(curve(line), np.array(painter.params.look.hair) * 0.35, [2.0, 1.6, 0.6], 0.4, 0.8)
    canvas.stroke(curve(line), np.array(painter.params.look.skin) * 0.7, [0.9, 0.7, 0.2], 0.5, 0.3)
