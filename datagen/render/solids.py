"""Parts that stand off a mask: each is a short cylinder whose front carries the template's own drawing of it.

A part's foot lies on the hung fabric, its front is a plane as rigid plastic is; both take colour and relief from
the same texels, so that with no thickness there is nothing but the flat drawing.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.solid_parts import SolidPart
from unmask.datagen.masks.template_format import Template

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_FRONT_RINGS = np.array([0.0, 0.45, 0.8, 1.0])  # shares of the outline, from the middle
_FRONT_TEXELS, _WALL_TEXELS = 0.98, 0.93  # the drawing's own edge is blended with the fabric around it
_SUNK_IOD = 0.02  # the foot goes into the fabric, or light would show between two vertices
_FOOT_LEAN = 0.7  # how far the wall's normal turns to the fabric at its foot, where less light comes
_LEAST_HEIGHT_IOD = 0.01
_STEEPEST_LIGHT = 0.35  # cosine: shadows grow no longer than that
_SHADOW_SOFTNESS = 0.3  # sigma, share of the height
_OUTLINE_POINTS = 49
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709, linear light
_LIGHTEST = 1.7  # of a dyed part's light places against its mean
_SHADOW_LOST = 0.8  # most light that a shadow takes, with what creases take


@dataclass(frozen=True)
class Solid:
    """One part on the generic face, front and wall as one grid from the middle of the front to the foot.

    Attributes
    ----------
    points, along, down, normal : float64 (rings, columns, 3)
        As in `surface.MaskSurface`; the wall's tangents are 0, so that the drawing's relief does not tilt it.
    fabric : float64 (rings, columns, 2)
        u and v of the fabric that each vertex shows.
    """

    points: F64
    along: F64
    down: F64
    normal: F64
    fabric: F64


def outline(template: Template, part: SolidPart, columns: int, share: float = 1.0) -> F64:
    """Fabric coordinates (u, v) once around a part, anticlockwise from below, float64 (columns, 2)."""
    turn = np.linspace(0, 2 * np.pi, columns)
    power = 2 / part.corners
    x = np.sign(np.sin(turn)) * np.abs(np.sin(turn)) ** power * part.half[0]
    y = np.sign(np.cos(turn)) * np.abs(np.cos(turn)) ** power * part.half[1]
    wide, high = template.size_iod
    across = (x + part.lean * y) / (wide / 2)
    return np.stack([part.at[0] + share * across, part.at[1] + share * y / high], axis=-1)


def raise_parts(
    template: Template, thickness: float, points: F64, along: F64, normal: F64
) -> tuple[Solid, ...]:
    """Stand a template's parts on its hung surface.

    Parameters
    ----------
    thickness : float
        Factor on the parts' heights; with 0 there are none.
    points, along, normal : float64 (rows, cols, 3)
        The surface (`surface.MaskSurface`).
    """
    return tuple(
        _raise(template, part, part.height * thickness, points, along, normal)
        for part in _standing(template, thickness)
    )


def _standing(template: Template, thickness: float) -> list[SolidPart]:
    """The parts that stand off the fabric far enough to be seen."""
    return [part for part in template.solids if part.height * thickness > _LEAST_HEIGHT_IOD]


def _raise(template: Template, part: SolidPart, height: float, points: F64, along: F64, normal: F64) -> Solid:
    columns = points.shape[1]
    rim = outline(template, part, columns)
    foot = _at(points, rim)
    middle, up = _at(points, np.array([part.at]))[0], _unit(_at(normal, rim).mean(axis=0))
    right = _at(along, np.array([part.at]))[0]
    right = _unit(right - (right @ up) * up)
    spokes = foot - middle
    spokes = spokes - (spokes @ up)[:, None] * up
    top = middle + height * up
    front = top + (_FRONT_RINGS[:, None, None] * part.taper) * spokes
    out = _outward(spokes, up)
    wall = np.stack([front[-1], foot - _SUNK_IOD * up])
    count = len(_FRONT_RINGS)
    flat = np.broadcast_to(np.stack([right, np.cross(right, up), up])[:, None, None], (3, count, columns, 3))
    none = np.zeros_like(wall)
    shown = [outline(template, part, columns, _FRONT_TEXELS * share) for share in _FRONT_RINGS]
    edge = outline(template, part, columns, _WALL_TEXELS)
    return Solid(
        points=np.concatenate([front, wall]),
        along=np.concatenate([flat[0], none]),
        down=np.concatenate([flat[1], none]),
        normal=np.concatenate([flat[2], np.stack([out, out - _FOOT_LEAN * up])]),
        fabric=np.stack([*shown, edge, edge]),
    )


def _at(grid: F64, places: F64) -> F64:
    """Values of a grid over the fabric at (u, v), bilinear, float64 (n, k)."""
    rows, cols = grid.shape[:2]
    x = np.clip((places[:, 0] + 1) / 2, 0, 1) * (cols - 1)
    y = np.clip(places[:, 1], 0, 1) * (rows - 1)
    left, upper = np.minimum(x.astype(int), cols - 2), np.minimum(y.astype(int), rows - 2)
    fx, fy = (x - left)[:, None], (y - upper)[:, None]
    above = grid[upper, left] * (1 - fx) + grid[upper, left + 1] * fx
    below = grid[upper + 1, left] * (1 - fx) + grid[upper + 1, left + 1] * fx
    return np.asarray(above * (1 - fy) + below * fy)


def _outward(spokes: F64, up: F64) -> F64:
    """Unit normals of the wall; the first and the last spoke are the same one."""
    around = spokes[:-1]
    step = np.roll(around, -1, axis=0) - np.roll(around, 1, axis=0)
    sides = np.cross(step, up)
    facing = np.sign((sides * around).sum(axis=-1, keepdims=True))
    out = _unit(sides * facing)
    return np.concatenate([out, out[:1]])


def _unit(vector: F64) -> F64:
    length = np.linalg.norm(vector, axis=-1, keepdims=True)
    return np.asarray(vector / np.maximum(length, 1e-9))


def throw_shadows(texels: F32, template: Template, thickness: float, light: F64, strength: float) -> None:
    """Darken the fabric behind its parts, in place: what each takes of the light beside its own foot.

    Parameters
    ----------
    texels : float32 (h, w, 8)
        `fabric.Fabric.texels`.
    light : float64 (parts, 3)
        Towards the light along each part's u, v and normal, of those that `raise_parts` gave.
    strength : float
        Share of the light that is lost.
    """
    rows, cols = texels.shape[:2]
    size = np.array([cols, rows])
    wide, high = template.size_iod
    px_per_iod = np.array([cols / wide, rows / high])
    for part, (right, down, up) in zip(_standing(template, thickness), light, strict=True):
        height = part.height * thickness
        foot = _on_raster(template, part, size)
        long = height / max(up, _STEEPEST_LIGHT * float(np.linalg.norm((right, down, up))), 1e-6)
        moved = foot - np.array([right, down]) * long * px_per_iod
        dark = _filled(cv2.convexHull(np.concatenate([foot, moved]).astype(np.float32))[:, 0], (rows, cols))
        soft = cv2.GaussianBlur(dark, (0, 0), max(_SHADOW_SOFTNESS * height * float(px_per_iod[0]), 0.5))
        lost = soft * (1 - _filled(foot, (rows, cols))) * np.float32(strength)
        texels[..., 6] = np.minimum(texels[..., 6] + lost, np.maximum(texels[..., 6], _SHADOW_LOST))


def dye_parts(trim_rgb: F32, template: Template, dye: F32) -> F32:
    """Colours of a template's trim with its solid parts in another colour, their own light and dark kept.

    Parameters
    ----------
    trim_rgb : float32 (3, h, w)
        Linear colours.
    dye : float32 (3,)
        Linear colour that a part of mean lightness gets.
    """
    shape = trim_rgb.shape[1:]
    size = np.array(shape[::-1])
    level = np.tensordot(_LUMA, trim_rgb, 1)
    dyed = trim_rgb
    for part in template.solids:
        cover = _filled(_on_raster(template, part, size), shape)
        mean = float((level * cover).sum() / max(float(cover.sum()), 1e-6))
        shade = np.minimum(level / max(mean, 1e-4), _LIGHTEST)
        dyed = dyed + cover * (dye[:, None, None] * shade - dyed)
    return np.ascontiguousarray(dyed, np.float32)


def parts_colour(trim_rgb: F32, template: Template) -> F32 | None:
    """Return the mean linear colour, float32 (3,), of a template's solid parts, None where it has none.

    ``trim_rgb`` as in `dye_parts`.
    """
    shape = trim_rgb.shape[1:]
    covers = [_filled(_on_raster(template, part, np.array(shape[::-1])), shape) for part in template.solids]
    if not covers:
        return None
    cover = np.maximum.reduce(covers)
    return np.asarray((trim_rgb * cover).sum((1, 2)) / max(float(cover.sum()), 1e-6), np.float32)


def _on_raster(template: Template, part: SolidPart, size: NDArray[np.integer]) -> F64:
    """Outline of a part on a raster of (columns, rows), pixels, float64 (n, 2)."""
    return np.asarray((outline(template, part, _OUTLINE_POINTS) * [0.5, 1.0] + [0.5, 0.0]) * size - 0.5)


def _filled(points_px: NDArray[np.floating], shape: tuple[int, int]) -> F32:
    """Coverage of a polygon, float32 (h, w) 0..1."""
    area = np.zeros(shape, np.uint8)
    cv2.fillPoly(area, [np.rint(points_px * 16).astype(np.int32)[:, None]], 255, cv2.LINE_AA, 4)
    return area.astype(np.float32) / np.float32(255)
