"""The photograph's own traces of its camera: blur and noise, measured on the face."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .light import median, sample_places
from .pose import PosedFace

F32 = NDArray[np.float32]
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
    known = max(
        1.0, face.pose.scale_px / 60
    )  # a blur in proportion, so that large photographs are measured too
    before, after = _gradient(crop), _gradient(cv2.GaussianBlur(crop, (0, 0), known))
    strongest = max(before.size // 25, 8)
    strong = before >= np.partition(before.ravel(), -strongest)[-strongest]
    ratio = float(median(before[strong] / np.maximum(after[strong], 1e-3)))
    sigma = known / np.sqrt(max(ratio * ratio - 1.0, 0.05))
    return float(min(max(sigma, 0.3), 3.0 * known))


def _gradient(grey: F32) -> F32:
    dx = grey[1:-1, 2:] - grey[1:-1, :-2]
    dy = grey[2:, 1:-1] - grey[:-2, 1:-1]
    size: F32 = np.sqrt(dx * dx + dy * dy)
    return size


def _noise(image_rgb: U8, face: PosedFace) -> float:
    """Standard deviation of the noise on bare skin, sRGB levels, 0 to 12.

    Response of the Laplacian difference mask (Immerkaer, Fast noise variance estimation, 1996), whose standard
    deviation is 6 times the noise's; the median keeps edges out.
    """
    at, seen = sample_places(image_rgb.shape, face)
    x, y = np.rint(at[seen]).astype(np.intp).T
    height, width = image_rgb.shape[:2]
    fits = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    x, y = x[fits], y[fits]
    if len(x) < 8:
        return 1.0
    patch = [
        image_rgb[y + dy, x + dx, 1].astype(np.float64) * weight
        for dy, row in zip((-1, 0, 1), ((1, -2, 1), (-2, 4, -2), (1, -2, 1)), strict=True)
        for dx, weight in zip((-1, 0, 1), row, strict=True)
    ]
    response = np.abs(np.sum(np.array(patch), axis=0))
    return min(float(median(response)) / 0.6745 / 6.0, 12.0)
