"""The mask as a surface: template and shape recipe to a vertex grid on the generic face, posed on the picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import ShapeRecipe
from unmask.datagen.masks.template_format import Template

from ._geometry import mask_directions as directions_of
from ._geometry import place_grid, surface_axes
from .face_model import skin_point
from .pose import PosedFace
from .solids import Solid, raise_parts

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

COLUMNS, ROWS = 25, 17
_U = np.linspace(-1, 1, COLUMNS)
_V = np.linspace(0, 1, ROWS)
_U_GRID, _V_GRID = (np.ascontiguousarray(grid) for grid in np.meshgrid(_U, _V))
# How much of the slide of the top edge each anchor takes, centre, middle, side: the loops hold the sides up.
_SLIDE_TOP = np.array([1.0, 0.8, 0.35])
_SLIDE_BOTTOM = np.array([0.12, 0.12, 0.05])
_LOOSE_IOD = 0.22
_ELEVATION_LIMITS = (-84.0, 60.0)
_FACING = 0.2  # cosine between a part's front and the camera: nothing of the head is before it


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
    solids : tuple of Solid
        The parts that stand off it.
    """

    points: F64
    along: F64
    down: F64
    normal: F64
    solids: tuple[Solid, ...] = ()


def hang(template: Template, shape: ShapeRecipe) -> MaskSurface:
    """Hang a mask on the generic face: a ruled surface between its top and bottom edge, lifted off the skin."""
    azimuth, elevation = mask_directions(template, shape, _U_GRID, _V_GRID)
    points = skin_point(azimuth, elevation, _lift(template, shape))
    if template.drop:
        points += (_V**2)[:, None, None] * np.array([0.0, -template.drop, -0.35 * template.drop])
    along, down, normal = np.empty_like(points), np.empty_like(points), np.empty_like(points)
    surface_axes(points, along, down, normal, ROWS, COLUMNS)
    solids = raise_parts(template, shape.thickness, points, along, normal)
    return MaskSurface(points, along, down, normal, solids)


def mask_directions(template: Template, shape: ShapeRecipe, u: F64, v: F64) -> tuple[F64, F64]:
    """Azimuth and elevation, degrees, of fabric coordinates u in [-1, 1], v in [0, 1] of one shape.

    Along an edge the azimuth is an odd cubic, smooth across the centre line, and the elevation an even quartic
    through the template's anchors; between the edges they are linear.
    """
    edges = np.array(template.anchors).transpose(0, 2, 1)  # edge, azimuths or elevations, anchor
    edges[0, 1] += shape.top - shape.slide * _SLIDE_TOP
    edges[1, 1] += shape.bottom - shape.slide * _SLIDE_BOTTOM
    edges[:, 0] *= shape.width
    azimuth, elevation = np.empty_like(u), np.empty_like(u)
    directions_of(
        np.ascontiguousarray(edges), u, v, azimuth, elevation, shape.shift, shape.tilt, *_ELEVATION_LIMITS
    )
    return azimuth, elevation


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
    solids : tuple of PlacedMask
        The parts that stand off the mask, each with a grid of its own.
    fabric : float64 (rows, cols, 2) or None
        Of a solid part, u and v of what its vertices show; the mask itself shows all of the fabric.
    """

    xyz: F64
    along: F64
    down: F64
    normal: F64
    folded: float
    solids: "tuple[PlacedMask, ...]" = ()
    fabric: F64 | None = None

    @property
    def corners_px(self) -> F64:
        """Picture x, y of all vertices, solids included, float64 (n, 2)."""
        grids = [self.xyz, *(solid.xyz for solid in self.solids)]
        return np.concatenate([grid[..., :2].reshape(-1, 2) for grid in grids])


def place(surface: MaskSurface, face: PosedFace) -> PlacedMask:
    """Pose a hung mask on the picture."""
    mask = _pose_grid(surface, face)
    solids = tuple(replace(_pose_grid(solid, face), fabric=solid.fabric) for solid in surface.solids)
    return replace(mask, solids=solids)


def _pose_grid(grid: MaskSurface | Solid, face: PosedFace) -> PlacedMask:
    axes = (grid.along, grid.down, grid.normal)
    xyz, along, down, normal = (np.empty_like(grid.points) for _ in range(4))
    residual = (face.camera, face.knots_px, face.pull_px)
    placed = (xyz, along, down, normal)
    rows, columns = grid.points.shape[:2]
    folded = place_grid(grid.points, *axes, *residual, *placed, rows, columns, face.reach)
    return PlacedMask(*placed, folded)


def solid_light(solids: Sequence[PlacedMask], direction: F64) -> F64:
    """Towards the light along each part's u, v and normal, float64 (parts, 3); directions in camera axes."""
    middles = [(solid.along[0, 0], solid.down[0, 0], solid.normal[0, 0]) for solid in solids]
    return np.asarray(np.array(middles) @ direction)


def clear_solids(matte: F32, solids: Sequence[PlacedMask], origin: tuple[int, int]) -> None:
    """Take the parts that stand towards the camera out of what lies before the mask, in place.

    Parameters
    ----------
    matte : float32 (h, w)
        Coverage of hair and glasses in a window of the picture.
    origin : (x, y)
        The window's top left corner.
    """
    for solid in solids:
        if solid.normal[0, 0, 2] > _FACING:
            hull = cv2.convexHull((solid.xyz[..., :2].reshape(-1, 2) - origin).astype(np.float32))
            cv2.fillConvexPoly(matte, np.rint(hull).astype(np.int32), 0.0)
