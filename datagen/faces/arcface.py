"""The face that networks of the ArcFace family are shown: five points of it are brought to fixed places."""

import cv2
import numpy as np
from numpy.typing import NDArray

from .frame import similarity

CHIP_PX = 112
# Eyes, tip of the nose, corners of the mouth in 112 x 112, as insightface aligns (face_align.py, arcface_dst).
_PLACES = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def five_points(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return eyes, tip of the nose and corners of the mouth, (5, 2), of the 68 points; left is the picture's."""
    seen = np.asarray(points, np.float64)
    eyes = [seen[36:42].mean(axis=0), seen[42:48].mean(axis=0)]
    return np.array([*eyes, seen[30], seen[48], seen[54]])


def arcface_chip(
    image_rgb: NDArray[np.uint8], points: NDArray[np.floating], size: int = CHIP_PX
) -> NDArray[np.uint8]:
    """Cut out a face as insightface does for ArcFace.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    points : (68, 2)
        Pixels of the picture.
    size : int
        Side in pixels.

    Returns
    -------
    uint8 (size, size, 3)
        Black where the chip reaches over the picture.
    """
    seen, places = five_points(points), _PLACES * (size / CHIP_PX)
    # Least squares (Umeyama 1991 without reflection).
    a, b = seen - seen.mean(axis=0), places - places.mean(axis=0)
    along, across = (a * b).sum(), (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()
    norm = max(float((a**2).sum()), 1e-9)
    matrix = similarity(float(along), float(across), norm, seen.mean(axis=0), places.mean(axis=0))
    return np.asarray(cv2.warpAffine(image_rgb, matrix, (size, size), flags=cv2.INTER_LINEAR), np.uint8)
