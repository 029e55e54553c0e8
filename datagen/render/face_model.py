"""The generic face: 68 points in three dimensions and the taut skin that a mask lies on.

Units are inter-ocular distances (IOD, between the eye centres). x points to the right of the picture, y up, z
towards the camera; the origin is point 27, the root of the nose.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._geometry import skin_points

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

# Computed by benchmarks/fit_generic_face.py: alternating weak-perspective pose and shape over dlib's points of
# 4,621 CelebA pictures, left and right tied together. Residual 0.02-0.04 IOD on eyes and nose, 0.06 on the
# mouth, 0.13 on the jaw (whose points slide along the cheek when the head turns).
GENERIC_POINTS: F64 = np.array(
    [
        # jaw, picture left to right
        *[(-1.143, -0.056, -1.069), (-1.133, -0.353, -1.028), (-1.099, -0.650, -1.005)],
        *[(-1.040, -0.942, -0.982), (-0.930, -1.214, -0.894), (-0.752, -1.449, -0.750)],
        *[(-0.531, -1.648, -0.573), (-0.281, -1.809, -0.393), (0.000, -1.856, -0.331)],
        *[(0.281, -1.809, -0.393), (0.531, -1.648, -0.573), (0.752, -1.449, -0.750)],
        *[(0.930, -1.214, -0.894), (1.040, -0.942, -0.982), (1.099, -0.650, -1.005)],
        *[(1.133, -0.353, -1.028), (1.143, -0.056, -1.069)],
        # brows
        *[(-0.926, 0.180, -0.453), (-0.780, 0.296, -0.306), (-0.584, 0.327, -0.180)],
        *[(-0.383, 0.299, -0.078), (-0.194, 0.222, -0.003), (0.194, 0.222, -0.003)],
        *[(0.383, 0.299, -0.078), (0.584, 0.327, -0.180), (0.780, 0.296, -0.306), (0.926, 0.180, -0.453)],
        # nose
        *[(0.000, 0.000, 0.000), (0.000, -0.192, 0.102), (0.000, -0.385, 0.215), (0.000, -0.581, 0.325)],
        *[(-0.219, -0.711, 0.020), (-0.114, -0.751, 0.075), (0.000, -0.786, 0.110)],
        *[(0.114, -0.751, 0.075), (0.219, -0.711, 0.020)],
        # eyes
        *[(-0.695, -0.029, -0.357), (-0.572, 0.043, -0.294), (-0.423, 0.040, -0.269)],
        *[(-0.295, -0.057, -0.261), (-0.435, -0.081, -0.269), (-0.581, -0.079, -0.295)],
        *[(0.295, -0.057, -0.261), (0.423, 0.040, -0.269), (0.572, 0.043, -0.294)],
        *[(0.695, -0.029, -0.357), (0.581, -0.079, -0.295), (0.435, -0.081, -0.269)],
        # lips, outer then inner
        *[(-0.454, -1.061, -0.374), (-0.287, -0.993, -0.147), (-0.120, -0.959, -0.017)],
        *[(0.000, -0.987, 0.002), (0.120, -0.959, -0.017), (0.287, -0.993, -0.147)],
        *[(0.454, -1.061, -0.374), (0.295, -1.228, -0.215), (0.130, -1.301, -0.107)],
        *[(0.000, -1.314, -0.088), (-0.130, -1.301, -0.107), (-0.295, -1.228, -0.215)],
        *[(-0.383, -1.073, -0.342), (-0.121, -1.058, -0.054), (0.000, -1.070, -0.030)],
        *[(0.121, -1.058, -0.054), (0.383, -1.073, -0.342), (0.124, -1.150, -0.091)],
        *[(0.000, -1.163, -0.070), (-0.124, -1.150, -0.091)],
    ],
    np.float64,
)

EAR_TOP: F64 = np.array([1.20, 0.02, -1.32])  # where a loop goes behind the ear, picture right
EAR_LOBE: F64 = np.array([1.15, -0.58, -1.24])

# Centre of the directions (azimuth, elevation) in which the face is described: inside the head, at the
# height of the nose's base, so that lower face and underside of the chin are star-shaped around it.
_CENTRE = (0.0, -0.80, -0.95)
CENTRE: F64 = np.array(_CENTRE)

STEP_DEG = 2.0
AZIMUTHS = np.arange(-130.0, 130.0 + STEP_DEG, STEP_DEG)
ELEVATIONS = np.arange(-88.0, 88.0 + STEP_DEG, STEP_DEG)
# The grid of directions as compiled code takes it: rows, columns, first azimuth and elevation, step, centre.
SKIN_GRID = (len(ELEVATIONS), len(AZIMUTHS), float(AZIMUTHS[0]), float(ELEVATIONS[0]), STEP_DEG, _CENTRE)


def directions(azimuth_deg: F64, elevation_deg: F64) -> F64:
    """Unit vectors of directions around the centre of the head.

    Parameters
    ----------
    azimuth_deg : (...)
        0 straight ahead, positive to the picture's right.
    elevation_deg : (...)
        0 at the height of the nose's base, positive up; the chin is near -60.

    Returns
    -------
    float64 (..., 3)
    """
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    flat = np.cos(elevation)
    return np.stack([np.sin(azimuth) * flat, np.sin(elevation), np.cos(azimuth) * flat], axis=-1)


def direction_of(points: F64) -> tuple[F64, F64]:
    """Azimuth and elevation in degrees of model points, float64 (..., 3)."""
    x, y, z = np.moveaxis(points - CENTRE, -1, 0)
    return np.degrees(np.arctan2(x, z)), np.degrees(np.arctan2(y, np.hypot(x, z)))


@lru_cache(maxsize=1)
def _radius_table() -> F64:
    """Distance from the centre to the taut skin, float64 (elevations, azimuths), in IOD."""
    # Stored, because scipy, which computes it, takes longer to import than a mask to draw.
    table: F64 = np.load(Path(__file__).with_name("skin_radius.npy"))
    return table


def _between(values: F64, most: float) -> F64:
    """Values kept within 0..most; for small arrays several times faster than ``np.clip``."""
    return np.asarray(np.minimum(np.maximum(values, 0.0), most))


def skin_point(azimuth_deg: F64, elevation_deg: F64, lift: F64 | float = 0.0) -> F64:
    """Points on the taut skin, or ``lift`` IOD above it, in model coordinates.

    The skin's distance from the head's centre comes by bilinear look-up; directions are clipped to the table's
    +-130 and +-88 degrees.

    Parameters
    ----------
    azimuth_deg, elevation_deg : float64 (...)
        Of one shape.
    lift : float or float64 (...)
        IOD.

    Returns
    -------
    float64 (..., 3)
    """
    azimuth, elevation = np.ascontiguousarray(azimuth_deg), np.ascontiguousarray(elevation_deg)
    above = np.empty_like(azimuth)
    above[...] = lift
    points = np.empty((*azimuth.shape, 3))
    table = _radius_table()
    skin_points(azimuth, elevation, above, table, points, *SKIN_GRID)
    return points


@lru_cache(maxsize=1)
def _normal_table() -> F64:
    """Outward unit normals of the taut skin, float64 (elevations, azimuths, 3), by central differences."""
    azimuth, elevation = np.meshgrid(AZIMUTHS, ELEVATIONS)
    along = skin_point(azimuth + 1, elevation) - skin_point(azimuth - 1, elevation)
    up = skin_point(azimuth, elevation + 1) - skin_point(azimuth, elevation - 1)
    normal = np.cross(along, up)
    unit: F64 = normal / np.linalg.norm(normal, axis=-1, keepdims=True)
    return unit


def skin_tables() -> tuple[F64, F64]:
    """Distances and normals of the skin on the grid of directions, float64 (rows, cols) and (rows, cols, 3)."""
    return _radius_table(), _normal_table()


def skin_normal(azimuth_deg: F64, elevation_deg: F64) -> F64:
    """Outward unit normals of the taut skin, float64 (..., 3), at the nearest of directions two degrees apart."""
    column = np.rint(_between((azimuth_deg - AZIMUTHS[0]) / STEP_DEG, len(AZIMUTHS) - 1)).astype(np.intp)
    row = np.rint(_between((elevation_deg - ELEVATIONS[0]) / STEP_DEG, len(ELEVATIONS) - 1)).astype(np.intp)
    normals: F64 = _normal_table()[row, column]
    return normals
