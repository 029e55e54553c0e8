"""The photograph's own traces of its camera: blur and noise, measured on the face."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ._samples import edge_ratio, noise_response
from .light import sample_places
from .pose import PosedFace

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class Camera:
    """Traces that a mask must share.

    Attributes
    ----------
    blur_px : float
        Sigma of a Gaussian, pixels.
    noise_levels : float
        Standard deviation, sRGB levels.
    jpeg_quality : int or None
        Of the source file, where the picture still lies on its block grid.
    """

    blur_px: float
    noise_levels: float
    jpeg_quality: int | None


def read_camera(
    image_rgb: U8, face: PosedFace, points: NDArray[np.floating], jpeg_quality: int | None
) -> Camera:
    """Measure blur at the eyes and noise on the skin."""
    return Camera(_blur(image_rgb, face, points), _noise(image_rgb, face), jpeg_quality)


def _blur(image_rgb: U8, face: PosedFace, points: NDArray[np.floating]) -> float:
    """Blur as the sigma of a Gaussian in pixels, from 0.3.

    Ratio of the gradients before and after a known blur at the strongest edges (Zhuo & Sim, Defocus map
    estimation from a single image, 2011): sigma = sigma0 / sqrt(ratio^2 - 1).
    """
    eyes = np.asarray(points)[36:48]
    pad = 0.12 * face.pose.scale_px
    height, width = image_rgb.shape[:2]
    x0, y0 = np.maximum(np.floor(eyes.min(0) - pad), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(eyes.max(0) + pad) + 1, [width, height]).astype(int)
    if x1 - x0 < 8 or y1 - y0 < 8:
        return 0.7
    crop = cv2.cvtColor(image_rgb[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(np.float32)
    # A blur in proportion, so that large photographs are measured too.
    known = max(1.0, face.pose.scale_px / 60)
    rows, cols = crop.shape
    ratio = edge_ratio(crop, cv2.GaussianBlur(crop, (0, 0), known), rows, cols)
    sigma = known / math.sqrt(max(ratio * ratio - 1.0, 0.05))
    return min(max(sigma, 0.3), 3.0 * known)


def _noise(image_rgb: U8, face: PosedFace) -> float:
    """Standard deviation of the noise on bare skin, sRGB levels, 0 to 12.

    Response of the Laplacian difference mask (Immerkaer, Fast noise variance estimation, 1996), whose standard
    deviation is 6 times the noise's; the median keeps edges out.
    """
    at, facing = sample_places(face)
    height, width = image_rgb.shape[:2]
    response = noise_response(np.ascontiguousarray(image_rgb), at, facing, height, width)
    return min(response / 0.6745 / 6.0, 12.0) if response >= 0 else 1.0
