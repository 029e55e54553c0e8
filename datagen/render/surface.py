"""The mask as a surface: template and shape recipe to a vertex grid on the generic face, posed on the picture."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import ShapeRecipe
from unmask.datagen.masks.template_format import Template

from .face_model import skin_point
from .pose import PosedFace

F64 = NDArray[np.float64]

COLUMNS, ROWS = 25, 17
_U = np.linspace(-1, 1, COLUMNS)
_V = np.linspace(0, 1, ROWS)
# How much of the slide of the top edge each anchor takes, centre, middle, side: the loops hold the sides up.
_SLIDE_TOP = np.array([1.0, 0.8, 0.35])
_SLIDE_BOTTOM = np.array([0.12, 0.12, 0.05])
_LOOSE_IOD = 0.22
_ELEVATION_LIMITS = (-84.0, 60.0)


@dataclass(frozen=True)
class MaskSurface:
    """A mask hung on the generic face, before it is posed.

    Attributes
    ----------
    points : float64 (rows, cols, 3)
        Model coordinates, IOD.
    along, down : float64 (rows, cols, 3)
        Unit tangents towards growing u and growing v.
    normal : float64 (rows, cols, 3)
        Outward unit normals.
    """

    points: F64
    along: F64
    down: F64
    normal: F64


def hang(template: Template, shape: ShapeRecipe) -> MaskSurface:
    """Hang a mask on the generic face: a ruled surface between its top and bottom edge, lifted off the skin."""
    azimuth, elevation = mask_directions(template, shape, _U[None, :], _V[:, None])
    points = skin_point(azimuth, elevation, _lift(template, shape))
    if template.drop:
        points += (_V**2)[:, None, None] * np.array([0.0, -template.drop, -0.35 * template.drop])
    along, down = _tangents(points)
    return MaskSurface(points, along, down, _unit(np.cross(down, along)))


def mask_directions(template: Template, shape: ShapeRecipe, u: F64, v: F64) -> tuple[F64, F64]:
    """Azimuth and elevation, degrees, of fabric coordinates u in [-1, 1], v in [0, 1] (broadcast)."""
    top, bottom = (np.array(edge) for edge in template.anchors)
    top[:, 1] += shape.top
    bottom[:, 1] += shape.bottom
    top[:, 1] -= shape.slide * _SLIDE_TOP
    bottom[:, 1] -= shape.slide * _SLIDE_BOTTOM
    top[:, 0] *= shape.width
    bottom[:, 0] *= shape.width
    azimuth = _odd(top[:, 0], u) * (1 - v) + _odd(bottom[:, 0], u) * v
    elevation = _even(top[:, 1], u) * (1 - v) + _even(bottom[:, 1], u) * v
    azimuth = azimuth + shape.shift
    lowest, highest = _ELEVATION_LIMITS
    elevation = np.minimum(np.maximum(elevation + shape.tilt * u, lowest), highest)
    azimuth, elevation = np.broadcast_arrays(azimuth, elevation)
    return azimuth, elevation


def _odd(anchors: F64, u: F64) -> F64:
    """Odd cubic through the anchors at u = 0.5 and 1: smooth across the centre line."""
    _, middle, side = anchors
    cubic = (side - 2 * middle) / 0.75
    curve: F64 = (side - cubic) * u + cubic * u**3
    return curve


def _even(anchors: F64, u: F64) -> F64:
    """Even quartic through the anchors at u = 0, 0.5 and 1."""
    centre, middle, side = anchors
    quartic = (side - centre - 4 * (middle - centre)) / 0.75
    square = u * u
    curve: F64 = centre + (side - centre - quartic) * square + quartic * square * square
    return curve


@lru_cache(maxsize=256)
def _lift_grid(profiles: tuple[tuple[float, ...], tuple[float, ...]], ridge: float) -> tuple[F64, F64]:
    """Lift at the centre line's excess over the side, and at the side, both (rows, cols), before the bulge."""
    knots = np.linspace(0, 1, len(profiles[0]))
    centre, side = (np.polyval(np.polyfit(knots, profile, len(knots) - 1), _V) for profile in profiles)
    falloff = 1 - np.abs(_U) ** ridge
    return (centre - side)[:, None] * falloff, np.broadcast_to(side[:, None], (ROWS, COLUMNS))


def _lift(template: Template, shape: ShapeRecipe) -> F64:
    excess, side = _lift_grid(template.lift, template.ridge)
    lift = excess * shape.bulge + side
    if shape.loose:  # the side without its loop stands off the cheek
        lift = lift + _LOOSE_IOD * np.maximum(_U * shape.loose, 0.0) ** 2
    return np.asarray(lift, np.float64)


def _tangents(points: F64) -> tuple[F64, F64]:
    """Unit tangents along columns and rows by central differences, one-sided at the borders."""
    along, down = np.empty_like(points), np.empty_like(points)
    along[:, 1:-1] = points[:, 2:] - points[:, :-2]
    along[:, 0], along[:, -1] = points[:, 1] - points[:, 0], points[:, -1] - points[:, -2]
    down[1:-1] = points[2:] - points[:-2]
    down[0], down[-1] = points[1] - points[0], points[-1] - points[-2]
    return _unit(along), _unit(down)


def _unit(vectors: F64) -> F64:
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    unit: F64 = vectors / np.maximum(length, 1e-9)[..., None]
    return unit


@dataclass(frozen=True)
class PlacedMask:
    """A mask on the picture.

    Attributes
    ----------
    xyz : float64 (rows, cols, 3)
        Picture x, y in pixels and nearness to the camera in IOD.
    along, down, normal : float64 (rows, cols, 3)
        Tangents and normals in camera axes (right, up, towards the camera).
    folded : float
        Share of the facing area whose quads the residual turned over; more than a little means a broken fit.
    """

    xyz: F64
    along: F64
    down: F64
    normal: F64
    folded: float


def place(surface: MaskSurface, face: PosedFace) -> PlacedMask:
    """Pose a hung mask on the picture."""
    turn = face.pose.rotation.T
    xyz = np.concatenate([face.project(surface.points), face.depth(surface.points)[..., None]], axis=-1)
    normal = surface.normal @ turn
    return PlacedMask(xyz, surface.along @ turn, surface.down @ turn, normal, _folded(xyz, normal))


def _folded(xyz: F64, normal: F64) -> float:
    """Area share of quads that face the camera in the model but are turned over on the picture."""
    right = xyz[:-1, 1:, :2] - xyz[:-1, :-1, :2]
    lower = xyz[1:, :-1, :2] - xyz[:-1, :-1, :2]
    area = right[..., 0] * lower[..., 1] - right[..., 1] * lower[..., 0]
    facing = np.minimum(normal[:-1, :-1, 2], normal[1:, 1:, 2]) > 0.25
    total = float(np.abs(area[facing]).sum())
    return float(-area[facing & (area < 0)].sum()) / total if total > 0 else 1.0
