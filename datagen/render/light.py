"""The photograph's own light, read from the bare face: what a mask must share to belong there."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.colour import DECODE

from ._samples import fit_light
from .face_model import skin_normal, skin_point
from .pose import PosedFace

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

# Where skin is usually bare and even: cheeks, nose bridge, chin, forehead; azimuth and elevation in degrees.
_AZIMUTH, _ELEVATION = (
    grid.ravel().astype(np.float64)
    for grid in np.meshgrid([-66, -54, -42, -32, -24, 24, 32, 42, 54, 66], [-34, -26, -10, 0, 10, 20, 26])
)
_FOREHEAD = np.array([(a, e) for a in (-30, -15, 0, 15, 30) for e in (54, 60)], np.float64)
_BRIDGE = np.array([(0, 24), (0, 28), (-6, 20), (6, 20), (0, -48), (-14, -46), (14, -46)], np.float64)
_SAMPLE_AZIMUTH = np.concatenate([_AZIMUTH, _FOREHEAD[:, 0], _BRIDGE[:, 0]])
_SAMPLE_ELEVATION = np.concatenate([_ELEVATION, _FOREHEAD[:, 1], _BRIDGE[:, 1]])
_SAMPLE_POINTS = skin_point(_SAMPLE_AZIMUTH, _SAMPLE_ELEVATION)
_SAMPLE_NORMALS = skin_normal(_SAMPLE_AZIMUTH, _SAMPLE_ELEVATION)
_LEAST_SAMPLES = 12

_LUMA = (0.2126, 0.7152, 0.0722)  # Rec. 709, linear light
_REFERENCE_SKIN = 0.36  # linear luminance of light skin in a well exposed photograph
_WHITE = 0.90  # linear level of a white surface beside well exposed light skin: below clipping
_EXPOSURE_TRUST = 0.65  # exponent: how much of the face's darkness is dim light rather than dark skin
# Linear chroma (over luminance) of skin under neutral light, at luminance 0.05 and 0.5; between them log-linear.
_SKIN_CHROMA = np.log(np.array([[2.05, 0.78, 0.42], [1.42, 0.90, 0.72]])).tolist()
# Light usually comes from above and the front; a fit that sees few normals is pulled to this share of the mean.
_USUAL_DIRECTION = (0.0, 0.22, 0.30)
_DIRECTION_RIDGE = 0.06


@dataclass(frozen=True)
class FaceLight:
    """First-order light on the face, relative to its mean.

    Attributes
    ----------
    exposure : float
        Linear light on a surface facing the camera; 1 in a well exposed photograph.
    ambient : float
        Part of the relative light that comes from everywhere.
    direction : float64 (3,)
        Relative light gained along a unit normal in camera axes (right, up, towards the camera).
    cast : float64 (3,)
        Linear RGB gains of the light's colour, luminance near 1.
    skin_rgb : float64 (3,)
        Median skin colour, sRGB 0..255 (to tell hair from skin).
    skin_spread : float
        Robust standard deviation of the skin samples' distance to it, sRGB levels.
    """

    exposure: float
    ambient: float
    direction: F64
    cast: F64
    skin_rgb: F64
    skin_spread: float


def read_light(image_rgb: U8, face: PosedFace) -> FaceLight:
    """Fit ambient and directional light to the skin's luminance on the generic face's normals.

    First-order spherical harmonics (Ramamoorthi & Hanrahan 2001) by least squares over about ninety skin
    samples, twice: the second time without the samples that the first fit does not explain (hair, glasses,
    cast shadows).
    """
    height, width = image_rgb.shape[:2]
    spot = max(1, round(face.pose.scale_px * 0.03))
    told = np.empty(12)
    picture = np.ascontiguousarray(image_rgb)
    given = (picture, face.project(_SAMPLE_POINTS), _SAMPLE_NORMALS, face.camera, DECODE, told)
    seen = fit_light(*given, height, width, spot, _LUMA, _USUAL_DIRECTION, _DIRECTION_RIDGE)
    if seen < _LEAST_SAMPLES:
        return FaceLight(0.9, 1.0, np.zeros(3), np.ones(3), np.array([180.0, 140.0, 120.0]), 40.0)
    middle, base, towards = float(told[0]), float(told[1]), told[2:5]
    front = max(base + float(towards[2]), 0.3 * middle, 0.004)
    exposure = min(_WHITE * (front / _REFERENCE_SKIN) ** _EXPOSURE_TRUST, 1.0)
    return FaceLight(
        exposure, base / front, towards / front, _cast(told[5:8].tolist()), told[8:11], float(told[11])
    )


def median(values: F64) -> F64:
    """Upper median along the first axis; for small arrays several times faster than numpy's."""
    half = len(values) // 2
    return np.asarray(np.partition(values, half, axis=0)[half])


def sample_places(face: PosedFace) -> tuple[F64, F64]:
    """Picture positions, float64 (n, 2), of places where skin is usually bare, and how far they face us."""
    return face.project(_SAMPLE_POINTS), _SAMPLE_NORMALS @ face.pose.rotation[2]


def _cast(skin_linear: list[float]) -> F64:
    """Colour of the light: the skin's chroma against the chroma of skin as light as this one, within +-40 %."""
    luminance = min(max(_luminance(skin_linear), 0.005), 1.0)
    share = min(max(math.log(luminance / 0.05) / math.log(10), 0.0), 1.0)
    usual = (math.exp(dark * (1 - share) + light * share) for dark, light in zip(*_SKIN_CHROMA, strict=True))
    gains = [
        min(max(channel / luminance / chroma, 0.6), 1.6)
        for channel, chroma in zip(skin_linear, usual, strict=True)
    ]
    level = _luminance(gains)
    return np.array([gain / level for gain in gains])


def _luminance(linear: list[float]) -> float:
    return sum(weight * channel for weight, channel in zip(_LUMA, linear, strict=True))
