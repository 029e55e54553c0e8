"""How a drawn mask looks, measured from the clean picture, the masked one and the map: what two programs share."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.render.pose import estimate_pose
from unmask.datagen.render.quality import LOWER_FACE

U8 = NDArray[np.uint8]
Points = NDArray[np.float32]
OPAQUE = 128
OUTSIDE_PX, INSIDE_PX = 2, 1  # the rim; one pixel deep, so that a hem still counts as a colour of the mask
REACH_PX = 5  # from a pixel of the rim to the inside of the mask, whose colours bound it
HALO_LEVELS = 16
TURNED_DEG = 25.0
NEEDED_COVER = 0.8
# MaskTheFace's masks begin half-way down the nose, so the hull with the whole nose is never covered by them.
HULLS = {
    "jaw 2-14, nose 29-35": np.concatenate([np.arange(2, 15), np.arange(29, 36)]),
    "jaw 2-14, nose 27-35": LOWER_FACE,
}


@dataclass(frozen=True)
class Look:
    """How the mask of one picture looks.

    Attributes
    ----------
    brighter, darker : uint8 (n,)
        Halo in grey levels at each pixel of the rim, as `halo` returns it.
    covers : tuple of float
        Share of the lower face, for each of `HULLS`.
    yaw : float
        Of the face, degrees.
    """

    brighter: U8
    darker: U8
    covers: tuple[float, ...]
    yaw: float


def look(clean: U8, masked: U8, alpha: U8, points: Points, left_out: NDArray[np.bool_] | None = None) -> Look:
    """Measure one picture against the 68 points of its face; the other parameters are those of `halo`."""
    covers = tuple(cover(clean, masked, alpha, points[hull]) for hull in HULLS.values())
    return Look(*halo(clean, masked, alpha, left_out), covers, estimate_pose(points).yaw)


def halo(clean: U8, masked: U8, alpha: U8, left_out: NDArray[np.bool_] | None = None) -> tuple[U8, U8]:
    """How far each pixel of a mask's rim lies above and below both its clean colour and the mask's colours nearby.

    Parameters
    ----------
    clean, masked : uint8 (h, w, 3)
    alpha : uint8 (h, w)
        The mask is where it is at least 128; the rim reaches from 2 px outside its border to 1 px inside.
    left_out : bool (h, w), optional
        Pixels that are not looked at.

    Returns
    -------
    tuple of two uint8 (n,)
        Grey levels of the worst channel; pixels with no inside of the mask within 5 px are left out.
    """
    square = np.ones((3, 3), np.uint8)
    opaque = (alpha >= OPAQUE).astype(np.uint8)
    # the edge of the picture is no border of the mask: cv2 pads erosion with ones, dilation with zeros
    inside = cv2.erode(opaque, square, iterations=INSIDE_PX)
    near = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    rim = (cv2.dilate(opaque, square, iterations=OUTSIDE_PX) > inside) & (cv2.dilate(inside, near) > 0)
    if left_out is not None:
        rim &= ~left_out
    within = inside[..., None] > 0
    low = np.minimum(cv2.erode(np.where(within, masked, np.uint8(255)), near), clean)
    high = np.maximum(cv2.dilate(np.where(within, masked, np.uint8(0)), near), clean)
    return cv2.subtract(masked, high).max(axis=2)[rim], cv2.subtract(low, masked).max(axis=2)[rim]


def cover(clean: U8, masked: U8, alpha: U8, points: Points) -> float:
    """Share of the convex hull of points, inside the picture, that is in the map (>= 128) and no longer clean."""
    area = np.zeros(alpha.shape, np.uint8)
    cv2.fillConvexPoly(area, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    covered = (alpha >= OPAQUE) & (masked != clean).any(axis=2) & (area > 0)
    return float(covered.sum() / max(int(area.sum()), 1))


def print_looks(names: tuple[str, str], looks: list[tuple[Look, Look]]) -> None:
    """Print a table of two programs' masks on the same pictures, one pair of looks per picture."""
    _line(f"{len(looks)} pictures with one face, masked by both", list(names))
    for side in ("brighter", "darker"):
        rims = [np.concatenate([getattr(each, side) for each in those]) for those in zip(*looks, strict=True)]
        over = [rim > HALO_LEVELS for rim in rims]
        _line(f"rim {side} than both: mean levels", [f"{rim.mean():.2f}" for rim in rims])
        _line(
            f"  by more than {HALO_LEVELS} levels: share of the rim", [f"{each.mean():.2%}" for each in over]
        )
        means = [rim[each].mean() if each.any() else 0.0 for rim, each in zip(rims, over, strict=True)]
        _line("  their mean levels", [f"{mean:.1f}" for mean in means])
    for turned in (False, True):
        some = [pair for pair in looks if (abs(pair[0].yaw) > TURNED_DEG) == turned]
        print(f"{len(some)} with |yaw| {'above' if turned else 'up to'} {TURNED_DEG:.0f} degrees")
        for index, hull in enumerate(HULLS) if some else ():
            covers = np.array([[each.covers[index] for each in pair] for pair in some]).T
            shares = [f"{(each >= NEEDED_COVER).mean():.1%}, {np.median(each):.2f}" for each in covers]
            _line(f"  {hull}: covered to {NEEDED_COVER:.0%}, median", shares)


def _line(title: str, cells: list[str]) -> None:
    print(f"{title:54s}{cells[0]:>14s}{cells[1]:>16s}")
