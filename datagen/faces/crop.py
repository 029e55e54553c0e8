"""Cut a face out of a grey picture, upright and at a known size, and carry points back."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FaceBox:
    """A square around a face: centre x, y and width in pixels, as dlib's HOG detector draws it."""

    x: float
    y: float
    width: float

    def scaled(self, factor: float) -> "FaceBox":
        """Return the box in a picture ``factor`` times as large (pixel centres at integers in both)."""
        return FaceBox((self.x + 0.5) * factor - 0.5, (self.y + 0.5) * factor - 0.5, self.width * factor)

    def moved(self, matrix: NDArray[np.float64]) -> "FaceBox":
        """Return the box under a (2, 3) similarity; a turn leaves it upright."""
        x, y = matrix @ np.array([self.x, self.y, 1.0])
        return FaceBox(float(x), float(y), self.width * float(np.hypot(matrix[0, 0], matrix[1, 0])))


def cut_face(
    gray: NDArray[np.uint8], box: FaceBox, turn_deg: float, face_px: int, margin: float
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Cut the square around ``box``, turned upright, so that the box is ``face_px`` wide in it.

    Parameters
    ----------
    gray : NDArray[np.uint8]
        (h, w).
    box : FaceBox
        In pixels of ``gray``; it may reach over the edges, which are repeated there.
    turn_deg : float
        How far the face leans clockwise in ``gray``; in the crop it stands upright.
    face_px : int
        Width of the box in the crop.
    margin : float
        Side of the crop in box widths.

    Returns
    -------
    crop : NDArray[np.uint8]
        (n, n), the box's centre within half a source pixel of its middle.
    matrix : NDArray[np.float64]
        (2, 3), crop to picture.
    """
    reach = margin * (_turn_reach(turn_deg) if turn_deg else 1.0)
    cut_px = max(2, round(box.width * reach))
    left, top = round(box.x - (cut_px - 1) / 2), round(box.y - (cut_px - 1) / 2)
    cut = _cut_with_edges(gray, left, top, cut_px)
    side = round(face_px * cut_px / box.width)
    scale = cut_px / side
    method = cv2.INTER_AREA if side < cut_px else cv2.INTER_LINEAR
    crop = cv2.resize(cut, (side, side), interpolation=method)
    matrix = np.array([[scale, 0.0, left + scale / 2 - 0.5], [0.0, scale, top + scale / 2 - 0.5]])
    if not turn_deg:
        return np.asarray(crop, dtype=np.uint8), matrix
    out_px = round(face_px * margin)
    back = _turn_matrix(turn_deg, ((out_px - 1) / 2, (out_px - 1) / 2), ((side - 1) / 2, (side - 1) / 2))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    turned = cv2.warpAffine(crop, back, (out_px, out_px), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(turned, dtype=np.uint8), _chain(matrix, back)


def turned_copy(gray: NDArray[np.uint8], turn_deg: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the whole picture turned so that faces leaning ``turn_deg`` clockwise stand upright.

    The corners are grey: a mirrored border would show the detector faces that are not there.

    Returns
    -------
    copy : NDArray[np.uint8]
        Large enough for the whole picture.
    matrix : NDArray[np.float64]
        (2, 3), copy to picture.
    """
    height, width = gray.shape
    cosine, sine = abs(math.cos(math.radians(turn_deg))), abs(math.sin(math.radians(turn_deg)))
    size = (math.ceil(width * cosine + height * sine), math.ceil(width * sine + height * cosine))
    centre, from_centre = ((width - 1) / 2, (height - 1) / 2), ((size[0] - 1) / 2, (size[1] - 1) / 2)
    back = _turn_matrix(turn_deg, from_centre, centre)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    copy = cv2.warpAffine(gray, back, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=128)
    return np.asarray(copy, dtype=np.uint8), back


def to_picture(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry (n, 2) points of a crop back to the picture."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def _turn_reach(turn_deg: float) -> float:
    """Return how much wider a square must be to hold one turned by the angle."""
    angle = math.radians(turn_deg)
    return abs(math.cos(angle)) + abs(math.sin(angle))


def _turn_matrix(
    turn_deg: float, from_centre: tuple[float, float], to_centre: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the (2, 3) turn, clockwise in the picture, that takes one centre to the other."""
    cosine, sine = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array(to_centre) - turn @ np.array(from_centre)
    return np.column_stack([turn, shift])


def _chain(outer: NDArray[np.float64], inner: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack([outer[:, :2] @ inner[:, :2], outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def _cut_with_edges(gray: NDArray[np.uint8], left: int, top: int, side: int) -> NDArray[np.uint8]:
    """Return gray[top : top + side, left : left + side] with the edge pixels repeated outside."""
    height, width = gray.shape
    inside = gray[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    if inside.shape == (side, side):
        return inside
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return np.asarray(gray[np.ix_(rows, columns)], dtype=np.uint8)
