"""Maps as polygons: outlines between pixels, and holes that formats without holes can hold."""

from collections.abc import Callable, Sequence
from importlib import import_module

import cv2
import numpy as np

from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.coverage import COVERED

_TOLERANCE_PX = 0.2  # how far an outline may be from where the map crosses its threshold
_LEAST_PX = 0.5  # area of a ring: what is smaller covers no pixel's centre


def trace(coverage: U8) -> list[F64]:
    """Return the outline of a binary map, one ring for each connected part.

    The outline runs where the map, linear between the centres of pixels, crosses its threshold, so that exactly the
    pixels whose map is >= 128 have their centres inside (marching squares: Lorensen, Cline, SIGGRAPH 1987). A hole
    is joined to the ring around it by a cut of no width, there and back: filled by the even-odd rule, as COCO
    and OpenCV do, it stays a hole.

    Parameters
    ----------
    coverage : uint8 (h, w)
        0..255; mask where >= 128.

    Returns
    -------
    list of float64 (n, 2)
        x and y in pixels, the picture's corner at (0, 0) and the centre of its first pixel at (0.5, 0.5).
        The largest ring first.
    """
    rings = [_simplified(ring) for ring in _contours(coverage)]
    sized = [(ring, _area(ring)) for ring in rings if len(ring) >= 3]
    sized = sorted((one for one in sized if abs(one[1]) >= _LEAST_PX), key=lambda one: -abs(one[1]))
    if not sized:
        return []
    outside = np.sign(sized[0][1])  # no hole is larger than the ring around it
    outer = [ring for ring, area in sized if np.sign(area) == outside]
    holes: list[list[F64]] = [[] for _ in outer]
    for ring, area in sized:
        if np.sign(area) != outside:
            around = [at for at, other in enumerate(outer) if _holds(other, ring)]
            if around:
                holes[around[-1]].append(ring)  # the smallest one
    size = np.array(coverage.shape[::-1], np.float64)
    return [np.clip(join([ring, *inside]), 0, size) for ring, inside in zip(outer, holes, strict=True)]


def join(rings: Sequence[F64]) -> F64:
    """Return one ring that encloses by the even-odd rule what all of them do: joined by cuts of no width.

    Each ring is entered at the point that is nearest to what is joined already.
    """
    joined, rest = rings[0], list(rings[1:])
    while rest:
        away, number, at, start = min(_nearest(joined, ring, number) for number, ring in enumerate(rest))
        del away
        ring = rest.pop(number)
        turned = np.concatenate([ring[start:], ring[: start + 1]])
        joined = np.concatenate([joined[: at + 1], turned, joined[at:]])
    return joined


def _nearest(joined: F64, ring: F64, number: int) -> tuple[float, int, int, int]:
    away = np.square(joined[:, None] - ring[None]).sum(axis=2)
    at, start = divmod(int(away.argmin()), len(ring))
    return float(away[at, start]), number, at, start


def _contours(coverage: U8) -> list[F64]:
    # It takes a third of a second to load, and has no types.
    find_contours: Callable[..., list[F64]] = import_module("skimage.measure").find_contours
    left, top, width, height = cv2.boundingRect((coverage >= COVERED).astype(np.uint8))
    if not width:
        return []
    # With a pixel of what is around, and nothing beyond the picture's edge.
    padded = np.pad(coverage, 1)[top : top + height + 2, left : left + width + 2]
    rings = find_contours(padded.astype(np.float64), COVERED - 0.5)
    return [ring[:-1, ::-1] + [left - 0.5, top - 0.5] for ring in rings]


def _simplified(ring: F64) -> F64:
    points: F32 = ring.astype(np.float32)[:, None]
    return np.asarray(cv2.approxPolyDP(points, _TOLERANCE_PX, True), np.float64).reshape(-1, 2)


def _area(ring: F64) -> float:
    """Half the sum of cross products: its sign tells which way the ring turns."""
    x, y = ring.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _holds(outer: F64, ring: F64) -> bool:
    x, y = ring[0]
    return bool(cv2.pointPolygonTest(outer.astype(np.float32)[:, None], (float(x), float(y)), False) > 0)
