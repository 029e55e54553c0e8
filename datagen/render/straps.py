"""Ear loops and head straps: curves over the cheek from the mask's corners to where they leave sight."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.template_format import Template

from ._straps import trace_straps
from .face_model import EAR_LOBE, EAR_TOP, SKIN_GRID, direction_of, skin_tables
from .light import FaceLight
from .pose import PosedFace
from .surface import mask_directions

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_SAMPLES = 20  # points of a strap, in `_straps.c` too
_LIFT = 0.02  # straps lie this far above the skin, IOD
# Where the ends go, picture right: azimuth and elevation in degrees.
_EAR_ENDS = np.array([direction_of(EAR_TOP), direction_of(EAR_LOBE)] * 2)
_HEAD_ENDS = np.array([(108.0, 46.0), (106.0, -14.0)] * 2)
_TIE_ENDS = np.array([(107.0, 44.0), (105.0, -4.0)] * 2)
_ENDS = {"ear_loops": _EAR_ENDS, "head_straps": _HEAD_ENDS, "ties": _TIE_ENDS}
_SIDES = np.array([1.0, 1.0, -1.0, -1.0])
_HIDDEN_FACING = 0.02  # normals flatter than this to the line of sight are out of sight
_SHIFT_BITS = 4
_GAMMA = 2.2  # sRGB levels to about linear light
_SHADE = 0.88  # a round, narrow strap shows the camera less lit sides too
_NARROWING = 1.5  # power of the way that is left, by which a strap cut from cloth narrows to the ear
_HALF_DEGREES = 25.0  # elevation of half an IOD of a strap's width on a head
_ANY_COLOUR = 1e6  # a spread of the skin's colours that takes in hair


@dataclass(frozen=True)
class StrapCurve:
    """A strap on the picture: points in pixels, float64 (n, 2), and the light on it relative to the face's."""

    points_px: F64
    light: float


def strap_curves(
    image_rgb: U8, face: PosedFace, light: FaceLight, recipe: MaskRecipe, template: Template
) -> Iterator[StrapCurve]:
    """Visible parts of the straps, each starting under the mask's border.

    A strap ends where the skin turns away from the camera, or where the picture under it stops being
    skin-coloured: hair in front of the ear hides it. That is conservative, since a strap that is missing looks
    like hair, and one drawn over hair looks like paint; ``recipe.strap.over`` draws it there all the same.
    """
    if template.straps.kind == "none":
        return
    ends = _ends(recipe, template)
    points = np.empty((len(ends), _SAMPLES, 2))
    height, width = image_rgb.shape[:2]
    way = (face.reach, recipe.strap.sag, _LIFT, _HIDDEN_FACING)
    given = (np.ascontiguousarray(image_rgb), ends, *skin_tables(), face.camera, face.knots_px, face.pull_px)
    red, green, blue = light.skin_rgb.tolist()

    def trace(spread: float) -> F64:
        """How many points lie on what is within the spread of the skin's colours, and the level under them."""
        told = np.empty((len(ends), 2))
        trace_straps(*given, points, told, height, width, *SKIN_GRID, way, (red, green, blue), spread)
        return told

    told = trace(light.skin_spread)
    if recipe.strap.over:
        told = _as_far_as(trace(_ANY_COLOUR), told)
    for points_px, (seen, level) in zip(points, told.tolist(), strict=True):
        if seen >= 2:
            # The skin beside a strap shows how much light falls there better than the fitted light does.
            local = (level / max((red + green + blue) / 3, 1.0)) ** _GAMMA
            yield StrapCurve(points_px[: int(seen)], min(max(local, 0.1), 1.2) * _SHADE)


def _as_far_as(anywhere: F64, on_skin: F64) -> F64:
    """As many points as there are anywhere, and the level under those on skin, where there are any."""
    return np.column_stack([anywhere[:, 0], np.where(on_skin[:, 0] > 0, on_skin[:, 1], anywhere[:, 1])])


def _ends(recipe: MaskRecipe, template: Template) -> F64:
    """Azimuth and elevation, degrees, where each strap that is on starts and ends, float64 (straps, 4)."""
    straps = template.straps
    corner = np.array([straps.upper, straps.lower, straps.upper, straps.lower]) * _SIDES[:, None]
    end = _ENDS[straps.kind] * _SIDES[:, None]
    corner[:, 1], end[:, 1] = np.abs(corner[:, 1]), end[:, 1] * _SIDES
    start = mask_directions(template, recipe.shape, *np.ascontiguousarray(corner.T))
    if recipe.strap.broad:  # the outer side of a broad one goes on from the mask's edge
        upper, lower = start[1].reshape(-1, 2).T
        inwards = np.minimum(_HALF_DEGREES * recipe.strap.broad, np.abs(upper - lower) / 2)
        inwards *= np.sign(upper - lower)
        start = (start[0], np.column_stack([upper - inwards, lower + inwards]).ravel())
    held = recipe.shape.loose != _SIDES
    return np.ascontiguousarray(np.column_stack([*start, end])[held])


def draw_straps(
    curves: list[StrapCurve],
    width_px: float,
    origin: tuple[int, int],
    size: tuple[int, int],
    fine: int,
    broad_px: float = 0.0,
) -> U8:
    """Coverage of the straps in a region, uint8 (h * fine, w * fine).

    Parameters
    ----------
    width_px : float
        Width of a strap in picture pixels; thin ones are drawn one fine pixel wide and fainter.
    origin : (x, y)
        Top left corner of the region in the picture.
    size : (height, width)
        Of the region, picture pixels.
    fine : int
        Samples per pixel each way.
    broad_px : float
        Width where a strap leaves the mask, if more.
    """
    canvas = np.zeros((size[0] * fine, size[1] * fine), np.uint8)
    wanted = width_px * fine
    thickness = max(1, round(wanted))
    level = int(min(wanted / thickness, 1.0) * 255)
    for curve in curves:
        points = ((curve.points_px - origin + 0.5) * fine - 0.5) * (1 << _SHIFT_BITS)
        line = np.rint(points).astype(np.int32)[:, None, :]
        cv2.polylines(canvas, [line], False, level, thickness, cv2.LINE_AA, _SHIFT_BITS)
        if broad_px > width_px:
            cv2.fillPoly(
                canvas, [_narrowing(points, width_px, broad_px, fine)], 255, cv2.LINE_AA, _SHIFT_BITS
            )
    return canvas


def _narrowing(points: F64, width_px: float, broad_px: float, fine: int) -> NDArray[np.int32]:
    """Outline of a strap that narrows along its points, which are in sixteenths of a sample, int32 (n, 1, 2)."""
    left = 1 - np.arange(len(points)) / (_SAMPLES - 1)
    widths = (width_px + (broad_px - width_px) * left**_NARROWING) * (fine << _SHIFT_BITS)
    along = np.gradient(points, axis=0)
    across = along[:, ::-1] * [-1.0, 1.0] / np.maximum(np.hypot(*along.T), 1e-9)[:, None]
    half = across * widths[:, None] / 2
    outline: NDArray[np.int32] = np.rint(np.concatenate([points + half, (points - half)[::-1]])).astype(
        np.int32
    )
    return outline[:, None, :]
