"""MediaPipe's face mesh, and which of its points are the 68 of iBUG 300-W."""

import numpy as np
from numpy.typing import NDArray

from .landmarks import POINT_COUNT

MESH_COUNTS = (468, 478)  # the second with five points more for each iris, at the end

# Which numbers outline what is published in google/mediapipe, mediapipe/python/solutions/face_mesh_connections.py
# (oval, eyebrows, eyes, lips, nose). Among the points of an outline those were taken that lie nearest to the
# generic face of datagen/render/face_model.py when MediaPipe's canonical_face_model.obj is laid on it: within
# 0.09 of the distance of the eyes, 0.13 on the jaw, where the mesh ends at the edge that is seen and iBUG's
# points follow the bone. Both halves are mirror images.
MESH_OF_68 = (
    # jaw, picture left to right
    *(127, 234, 93, 132, 58, 136, 150, 176, 152, 400, 379, 365, 288, 361, 323, 454, 356),
    # brows
    *(70, 63, 105, 65, 55, 285, 295, 334, 293, 300),
    # ridge and base of the nose
    *(168, 197, 5, 4, 98, 97, 2, 326, 327),
    # eyes
    *(33, 160, 158, 133, 153, 144),
    *(362, 385, 387, 263, 373, 380),
    # lips, outer then inner
    *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
    *(78, 82, 13, 312, 308, 317, 14, 87),
)


def points68(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the 68 points of faces that have them, or have the points of the mesh.

    Parameters
    ----------
    points : (..., n, 2) or (..., n, 3)
        n is 68, 468 or 478; a third coordinate is depth, and left out.

    Raises
    ------
    ValueError
        When there are other points.
    """
    if points.ndim < 2 or points.shape[-1] not in (2, 3):
        raise ValueError("not a list of points with x and y")
    count = points.shape[-2]
    if count in MESH_COUNTS:
        points = points[..., MESH_OF_68, :]
    elif count != POINT_COUNT:
        raise ValueError(f"{count} points where {POINT_COUNT}, 468 or 478 are needed")
    return points[..., :2]
