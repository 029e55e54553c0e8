"""The window of a picture that a mask is drawn in."""

from dataclasses import dataclass

import numpy as np

from unmask.datagen.masks.recipe import MaskRecipe

from .sensor import JPEG_GRID_PX
from .straps import StrapCurve
from .surface import PlacedMask

_FINE_LIMIT_PX = 260  # faces with a larger IOD have pixels enough without supersampling


@dataclass(frozen=True)
class Region:
    """A window of the picture: left, top, width, height in pixels, and samples per pixel each way."""

    x: int
    y: int
    width: int
    height: int
    fine: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the picture."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


def mask_region(
    shape: tuple[int, ...],
    placed: PlacedMask,
    curves: list[StrapCurve],
    scale_px: float,
    sigma: float,
    recipe: MaskRecipe,
) -> Region | None:
    """Return what body, straps and shadow can touch of a picture of ``shape``; None where that is nothing.

    ``scale_px`` is the face's IOD, ``sigma`` the mask's blur, both in pixels.
    """
    corners = [placed.corners_px, *(curve.points_px for curve in curves)]
    points = np.concatenate(corners)
    shadow = recipe.shadow
    margin = 3 * sigma + (shadow.offset + 3 * shadow.blur + recipe.strap.broad / 2) * scale_px + 2
    x0, y0 = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(points.max(0) + margin) + 1, [shape[1], shape[0]]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return None
    x0, y0 = x0 - x0 % JPEG_GRID_PX, y0 - y0 % JPEG_GRID_PX
    return Region(int(x0), int(y0), int(x1 - x0), int(y1 - y0), 2 if scale_px < _FINE_LIMIT_PX else 1)


def body_region(placed: PlacedMask, region: Region) -> Region:
    """Return the part of a region that the mask body itself can touch: straps and shadow reach much further."""
    points = placed.corners_px
    low = np.maximum(np.floor(points.min(0)).astype(int), [region.x, region.y])
    far = [region.x + region.width, region.y + region.height]
    high = np.maximum(np.minimum(np.ceil(points.max(0)).astype(int) + 1, far), low + 1)
    low = np.minimum(low, np.array(far) - 1)
    x, y, width, height = (int(v) for v in (*low, *(np.minimum(high, far) - low)))
    return Region(x, y, width, height, region.fine)
