"""Quality control of a fitted mask: what it covers, what it must not, and where it spills."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .pose import PosedFace

U8 = NDArray[np.uint8]

LOWER_FACE = np.concatenate([np.arange(2, 15), np.arange(27, 36)])  # jaw 2-14 and the nose
_EYES = (np.arange(36, 42), np.arange(42, 48))
_NOSTRILS = np.arange(31, 36)
_MOUTH = np.arange(48, 60)
_OPAQUE = 127.5 / 255  # what the map stores as 128 and more
_EYE_LIMIT = 0.06
_SPILL_LIMIT = 0.10
_FOLD_LIMIT = 0.04
_MARGIN_IOD = 0.32  # how far a mask may stand off the outline of the face
_BELOW_IOD = 1.0  # how far below the chin it may hang


@dataclass(frozen=True)
class Fit:
    """How one mask sits on one face.

    Attributes
    ----------
    lower_face : float
        Share of the convex hull of jaw points 2-14 and nose points 27-35 that the map covers (>= 128), 0..1.
    eyes : float
        Share of the more covered eye's polygon.
    mouth, nostrils : float
        Share of these points that are covered.
    spill : float
        Share of the map that lies beside the head.
    folded : float
        Share of the mesh that is turned over.
    """

    lower_face: float
    eyes: float
    mouth: float
    nostrils: float
    spill: float
    folded: float


def measure_fit(
    alpha: NDArray[np.float32],
    origin: tuple[int, int],
    points: NDArray[np.floating],
    face: PosedFace,
    folded: float,
) -> Fit:
    """Measure a mask body against 68 points.

    Parameters
    ----------
    alpha : float32 (h, w)
        Coverage in a window of the picture that holds the whole mask.
    origin : (x, y)
        The window's top left corner, pixels.
    points : (68, 2)
        Picture pixels.
    """
    height, width = alpha.shape
    opaque = cv2.inRange(alpha, _OPAQUE, 2.0)
    places = np.rint(points - np.array(origin)).astype(np.int32)
    column, row = places.T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    covered = opaque[np.where(inside, row, 0), np.where(inside, column, 0)].astype(bool) & inside
    return Fit(
        lower_face=_share(opaque, places[LOWER_FACE]),
        eyes=max(_share(opaque, places[eye]) for eye in _EYES),
        mouth=np.count_nonzero(covered[_MOUTH]) / len(_MOUTH),
        nostrils=np.count_nonzero(covered[_NOSTRILS]) / len(_NOSTRILS),
        spill=_spill(opaque, face, origin),
        folded=folded,
    )


def fault(fit: Fit, worn: str, least_cover: float) -> str | None:
    """Say in words why a mask must be drawn again; None when it fits.

    Parameters
    ----------
    worn : str
        The recipe's worn state.
    least_cover : float
        Of the lower face, for a mask worn properly (`Template.least_cover`).
    """
    if fit.folded > _FOLD_LIMIT:
        return "the mesh is folded"
    if fit.eyes > _EYE_LIMIT:
        return "an eye is covered"
    if fit.spill > _SPILL_LIMIT:
        return "the mask spills off the head"
    if worn == "proper" and (fit.mouth < 0.99 or fit.nostrils < 0.99):
        return "mouth or nostrils are bare"
    if worn == "proper" and fit.lower_face < least_cover:
        return f"only {fit.lower_face:.0%} of the lower face is covered"
    if worn == "nose_out" and fit.mouth < 0.9:
        return "the mouth is bare"
    if worn in ("nose_out", "below_lips", "chin") and fit.nostrils > 0.5:
        return "the nose is covered"
    if worn in ("below_lips", "chin") and fit.mouth > 0.75:
        return "the mouth is covered"
    return None


def _share(opaque: U8, points: NDArray[np.int32]) -> float:
    """Share of the convex hull of points that is opaque; what lies outside the window is not."""
    hull = cv2.convexHull(points)
    x, y, w, h = cv2.boundingRect(hull)
    area = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(area, hull - [x, y], 255)
    height, width = opaque.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if x1 <= x0 or y1 <= y0:
        return 0.0
    seen = cv2.bitwise_and(area[y0 - y : y1 - y, x0 - x : x1 - x], opaque[y0:y1, x0:x1])
    return cv2.countNonZero(seen) / cv2.countNonZero(area)


def _spill(opaque: U8, face: PosedFace, origin: tuple[int, int]) -> float:
    """Share of the map outside the face's outline, grown by a margin and drawn out below the chin."""
    total = cv2.countNonZero(opaque)
    if not total:
        return 0.0
    scale = face.pose.scale_px
    outline = face.outline_px
    middle = outline.sum(axis=0) / len(outline)
    away = outline - middle
    grown = middle + away * (1 + _MARGIN_IOD * scale / np.maximum(np.hypot(*away.T), 1e-6))[:, None]
    down = -face.pose.rotation[:2, 1] * [1.0, -1.0]
    hanging = grown[2:15] + down * (_BELOW_IOD * scale)
    around = np.concatenate([grown, hanging]) - origin
    head = cv2.convexHull(np.rint(around).astype(np.int32))
    allowed = np.zeros(opaque.shape, np.uint8)
    cv2.fillConvexPoly(allowed, head, 255)
    return 1.0 - cv2.countNonZero(cv2.bitwise_and(allowed, opaque)) / total
