"""Solids for the canvas: limbs of round segments, slabs, and drums seen from the side."""

from collections.abc import Sequence

import numpy as np

from .canvas import F32, Canvas, Solid, Window

Points = Sequence[tuple[float, float]]

_MARGIN = 0.2  # IOD around a solid in which it shades what is behind it


def limb(
    canvas: Canvas,
    chains: Sequence[tuple[Points, Sequence[float]]],
    *,
    softness: float = 0.03,
    roundness: float = 1.0,
) -> Solid | None:
    """Chains of tapering round segments, melted into one.

    Parameters
    ----------
    chains : sequence of (points, radii)
        Centre lines in the plane and the radius at each point, IOD. ``along`` and ``across`` are those of the
        nearest chain.
    softness : float
        How far segments run into each other, IOD.
    roundness : float
        Above 1 the middle is flatter than that of a cylinder.

    Notes
    -----
    The union is smooth: -s log sum exp(-d / s) of the segments' distances d; normals are weighed alike.
    """
    window = _window(canvas, chains)
    if window is None:
        return None
    total = np.zeros(window.u.shape, np.float32)
    sums = np.zeros((*window.u.shape, 4), np.float32)
    for points, radii in chains:
        for index in range(len(points) - 1):
            ends, both = points[index : index + 2], radii[index : index + 2]
            distance, u, v, share = _segment(window, ends, both)
            weight = np.exp(np.clip(-distance / np.float32(softness), -60, 60))
            total += weight
            side = np.float32(np.sign(ends[1][1] - ends[0][1]) or 1.0)
            for plane, value in enumerate((u, v, (index + share) / (len(points) - 1), -u * side)):
                sums[..., plane] += weight * value
    sums /= np.maximum(total, np.float32(1e-30))[..., None]
    distance = -np.float32(softness) * np.log(np.maximum(total, np.float32(1e-30)))
    u, v = sums[..., 0], sums[..., 1]
    return Solid(window, distance, _round(u, v, roundness), sums[..., 2], sums[..., 3])


def _window(canvas: Canvas, chains: Sequence[tuple[Points, Sequence[float]]]) -> Window | None:
    at = np.array([point for points, _ in chains for point in points])
    reach = max(max(radii) for _, radii in chains) + _MARGIN
    (u0, v0), (u1, v1) = (at.min(0) - reach).tolist(), (at.max(0) + reach).tolist()
    return canvas.window((u0, v0), (u1, v1))


def _segment(window: Window, ends: Points, radii: Sequence[float]) -> tuple[F32, F32, F32, F32]:
    """Distance to a segment's outline, offset from its axis in radii (u, v), and the share of its length."""
    (u0, v0), (u1, v1) = ends
    du, dv = u1 - u0, v1 - v0
    length2 = max(du * du + dv * dv, 1e-9)
    share: F32 = np.clip(
        ((window.u - np.float32(u0)) * np.float32(du) + (window.v - np.float32(v0)) * np.float32(dv))
        / np.float32(length2),
        0,
        1,
    ).astype(np.float32)
    radius = np.float32(radii[0]) + np.float32(radii[1] - radii[0]) * share
    u = window.u - np.float32(u0) - share * np.float32(du)
    v = window.v - np.float32(v0) - share * np.float32(dv)
    distance = np.asarray(np.hypot(u, v) - radius, np.float32)
    return distance, np.asarray(u / radius, np.float32), np.asarray(v / radius, np.float32), share


def _round(u: F32, v: F32, roundness: float) -> F32:
    """Normals of a round cross section from the offset in radii."""
    out = np.hypot(u, v)
    tilt = np.minimum(out, np.float32(0.98)) ** np.float32(roundness)
    scale = tilt / np.maximum(out, np.float32(1e-6))
    towards = np.sqrt(1 - tilt * tilt)
    return np.stack([u * scale, v * scale, towards], axis=-1).astype(np.float32)


def slab(
    canvas: Canvas, middle: tuple[float, float], half: tuple[float, float], corner: float, bevel: float
) -> Solid | None:
    """Flat board with round corners, facing the camera.

    Parameters
    ----------
    middle, half : (u, v)
        Centre and half the size, IOD.
    corner, bevel : float
        Radius of the corners, and width over which the border turns away, IOD.
    """
    reach_u, reach_v = half[0] + _MARGIN, half[1] + _MARGIN
    window = canvas.window(
        (middle[0] - reach_u, middle[1] - reach_v), (middle[0] + reach_u, middle[1] + reach_v)
    )
    if window is None:
        return None
    u, v = window.u - np.float32(middle[0]), window.v - np.float32(middle[1])
    over_u = np.abs(u) - np.float32(half[0] - corner)
    over_v = np.abs(v) - np.float32(half[1] - corner)
    outside = np.hypot(np.maximum(over_u, 0), np.maximum(over_v, 0))
    distance = outside + np.minimum(np.maximum(over_u, over_v), 0) - np.float32(corner)
    edge = np.clip(1 + distance / np.float32(bevel), 0, 0.95)
    steep_u, steep_v = np.maximum(over_u + np.float32(bevel), 0), np.maximum(over_v + np.float32(bevel), 0)
    way = np.maximum(np.hypot(steep_u, steep_v), np.float32(1e-6))
    lean = (np.sign(u) * steep_u / way * edge, np.sign(v) * steep_v / way * edge)
    normal = np.stack([*lean, np.sqrt(1 - lean[0] ** 2 - lean[1] ** 2)], axis=-1).astype(np.float32)
    return Solid(window, distance, normal, v / np.float32(half[1]), u / np.float32(half[0]))


def drum(
    canvas: Canvas, top: float, bottom: float, widths: tuple[float, float], curve: float
) -> Solid | None:
    """Upright drum or cone around the v axis, seen from a little above (``curve`` > 0) or below.

    Parameters
    ----------
    top, bottom : float
        v of its ends, IOD.
    widths : (at the top, at the bottom)
        Half of its width, IOD.
    curve : float
        Half the height of the ellipse that an end looks like, IOD.
    """
    widest = max(widths) + _MARGIN
    high = abs(curve) + _MARGIN
    window = canvas.window((-widest, top - high), (widest, bottom + high))
    if window is None:
        return None
    along = (window.v - np.float32(top)) / np.float32(bottom - top)
    half = np.float32(widths[0]) + np.float32(widths[1] - widths[0]) * np.clip(along, 0, 1)
    across = window.u / half
    inside = np.clip(across, -0.98, 0.98)
    sag = np.float32(curve) * np.sqrt(1 - inside * inside)
    v = window.v - sag
    distance = np.maximum(
        np.abs(window.u) - half, np.maximum(np.float32(top) - v, v - np.float32(bottom))
    ).astype(np.float32)
    normal = np.stack([inside, np.zeros_like(inside), np.sqrt(1 - inside * inside)], axis=-1)
    along = (v - np.float32(top)) / np.float32(bottom - top)
    return Solid(window, distance, normal.astype(np.float32), along, across)


def disc(canvas: Canvas, middle: tuple[float, float], half: tuple[float, float]) -> Solid | None:
    """Flat ellipse that faces the camera."""
    window = canvas.window(
        (middle[0] - half[0] - _MARGIN, middle[1] - half[1] - _MARGIN),
        (middle[0] + half[0] + _MARGIN, middle[1] + half[1] + _MARGIN),
    )
    if window is None:
        return None
    u = (window.u - np.float32(middle[0])) / np.float32(half[0])
    v = (window.v - np.float32(middle[1])) / np.float32(half[1])
    distance = (np.hypot(u, v) - 1) * np.float32(min(half))
    normal = np.zeros((*u.shape, 3), np.float32)
    normal[..., 2] = 1
    return Solid(window, distance.astype(np.float32), normal, v, u)


def smooth(share: F32) -> F32:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    clipped = np.clip(share, 0, 1)
    return np.asarray(clipped * clipped * (3 - 2 * clipped), np.float32)
