"""Quality control of a fitted mask: what it covers, what it must not, and where it spills."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .pose import PosedFace

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
    opaque = alpha >= _OPAQUE
    points = points - np.array(origin)
    eyes = max(_share(opaque, points[eye]) for eye in _EYES)
    column, row = np.rint(points).astype(np.intp).T
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    covered = opaque[row.clip(0, height - 1), column.clip(0, width - 1)] & inside
    return Fit(
        lower_face=_share(opaque, points[LOWER_FACE]),
        eyes=eyes,
        mouth=float(covered[_MOUTH].mean()),
        nostrils=float(covered[_NOSTRILS].mean()),
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


def _share(opaque: NDArray[np.bool_], points: NDArray[np.floating]) -> float:
    """Share of the convex hull of points that is opaque; what lies outside the window is not."""
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    x, y, w, h = cv2.boundingRect(hull)
    area = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(area, hull - [x, y], 1)
    height, width = opaque.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
    if x1 <= x0 or y1 <= y0:
        return 0.0
    seen = area[y0 - y : y1 - y, x0 - x : x1 - x]
    return np.count_nonzero(seen & opaque[y0:y1, x0:x1]) / np.count_nonzero(area)


def _spill(opaque: NDArray[np.bool_], face: PosedFace, origin: tuple[int, int]) -> float:
    """Share of the map outside the face's outline, grown by a margin and drawn out below the chin."""
    total = np.count_nonzero(opaque)
    if not total:
        return 0.0
    scale = face.pose.scale_px
    outline = face.outline_px
    middle = outline.mean(axis=0)
    away = outline - middle
    grown = middle + away * (1 + _MARGIN_IOD * scale / np.maximum(np.hypot(*away.T), 1e-6))[:, None]
    down = -face.pose.rotation[:2, 1] * [1.0, -1.0]
    hanging = grown[2:15] + down * (_BELOW_IOD * scale)
    around = np.concatenate([grown, hanging]) - origin
    head = cv2.convexHull(np.rint(around).astype(np.int32))
    allowed = np.zeros(opaque.shape, np.uint8)
    cv2.fillConvexPoly(allowed, head, 1)
    return 1.0 - np.count_nonzero(allowed & opaque) / total
