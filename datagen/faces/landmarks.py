"""The 68 points of one face, on a quarter-pixel grid, and what they say about the face."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

POINTS_PER_PIXEL = 4  # text and memory agree to the bit only when points are stored on a grid
POINT_COUNT = 68
FARTHEST_QUARTERS = 4_000_000  # a million pixels: no picture is as large, and float32 still tells quarters
LANDMARK_SOURCES = ("fixed_box", "hog", "hog_upsampled", "hog_rotated", "cnn", "supplied", "drawn")

LEFT_EYE = slice(36, 42)  # left in the picture of an upright face
RIGHT_EYE = slice(42, 48)
NOSE_TIP = 30
MOUTH = slice(48, 68)
MOUTH_LEFT, MOUTH_RIGHT = 48, 54
CHIN = 8

POINTS5_TOLERANCE_IOD = 0.35


@dataclass(frozen=True, eq=False)
class Landmarks:
    """68 points of one face in the layout of the iBUG 300-W annotation.

    Attributes
    ----------
    points : NDArray[np.float32]
        (68, 2) x, y in pixels of the picture they belong to, multiples of 1/4; pixel centres are integers.
    source : str
        How they were found: one of ``LANDMARK_SOURCES``.
    score : float
        The detector's score, 0.0 where there is none.
    """

    points: NDArray[np.float32]
    source: str
    score: float = 0.0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Landmarks):
            return NotImplemented
        same_origin = (self.source, self.score) == (other.source, other.score)
        return same_origin and np.array_equal(self.points, other.points)

    @cached_property
    def eye_dist_px(self) -> float:
        """Distance between the centres of the two eyes (IOD), in pixels."""
        left, right = eye_centres(self.points)
        return float(np.hypot(*(right - left)))

    @cached_property
    def roll_deg(self) -> float:
        """Turn of the face in the picture's plane, clockwise positive, in (-180, 180]."""
        return roll_deg(self.points)

    def to_quarters(self) -> list[int]:
        """Return 136 integers x0, y0, x1, y1, ... in quarter pixels."""
        quarters: list[int] = np.rint(self.points.ravel() * POINTS_PER_PIXEL).astype(np.int64).tolist()
        return quarters

    @classmethod
    def from_quarters(cls, quarters: ArrayLike, source: str, score: float = 0.0) -> "Landmarks":
        """Rebuild from `to_quarters`; the points are equal to the bit.

        Raises
        ------
        ValueError
            When there are not 136 numbers of a picture's size.
        """
        try:
            flat = np.asarray(quarters, dtype=np.int64)
        except (TypeError, OverflowError) as error:
            raise ValueError(f"not points: {error}") from error
        if flat.shape != (2 * POINT_COUNT,):
            raise ValueError(f"{flat.size} numbers where {2 * POINT_COUNT} are needed")
        if np.abs(flat).max() > FARTHEST_QUARTERS:
            raise ValueError("a coordinate is not a number of quarter pixels")
        points = (flat.reshape(POINT_COUNT, 2) / POINTS_PER_PIXEL).astype(np.float32)
        return cls(points, source, score)

    def transformed(self, matrix: ArrayLike) -> "Landmarks":
        """Return the points under an affine (2, 3) matrix, on the quarter-pixel grid of the new picture."""
        affine = np.asarray(matrix, dtype=np.float64)
        moved = self.points.astype(np.float64) @ affine[:, :2].T + affine[:, 2]
        return Landmarks(quantise(moved), self.source, self.score)


def quantise(points: ArrayLike) -> NDArray[np.float32]:
    """Round coordinates in pixels to the quarter-pixel grid; float32, same shape."""
    exact = np.asarray(points, dtype=np.float64)
    return (np.rint(exact * POINTS_PER_PIXEL) / POINTS_PER_PIXEL).astype(np.float32)


def eye_centres(points: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the (x, y) centres of the eye at points 36-41 and of the eye at points 42-47."""
    exact = points.astype(np.float64)
    return exact[LEFT_EYE].mean(axis=0), exact[RIGHT_EYE].mean(axis=0)


def roll_deg(points: NDArray[np.float32]) -> float:
    """Return the turn in the picture's plane in degrees, clockwise positive (y points down).

    Eyes give the direction where the face is seen from the front, the line from eyes to mouth where it is
    seen from the side and the eyes are close together; their weighted sum serves both.
    """
    left, right = eye_centres(points)
    across = right - left
    down = points[MOUTH].astype(np.float64).mean(axis=0) - (left + right) / 2
    # turning `down` back by 90 degrees makes it comparable with `across`
    x_axis = across + np.array([down[1], -down[0]])
    return float(np.degrees(np.arctan2(x_axis[1], x_axis[0])))


def looks_like_a_face(points: NDArray[np.float32]) -> bool:
    """Tell whether 68 points have the geometry of a face, whatever its turn in the picture's plane.

    The limits lie outside what 4,000 faces show, profiles included: they stop points that have fallen apart.
    Points that the predictor leaves on something else keep the shape of a face; only a detector sees that.
    """
    return bool(look_like_faces(points[np.newaxis])[0])


def look_like_faces(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Answer `looks_like_a_face` for (n, 68, 2) points: (n,)."""
    x, y = _face_frames(points.astype(np.float64))

    def mean(values: NDArray[np.float64], part: slice) -> NDArray[np.float64]:
        return np.asarray(values[:, part].mean(axis=1))

    measures = (
        (mean(x, RIGHT_EYE) - mean(x, LEFT_EYE), 0.30, 1.60),  # distance of the eyes
        (y[:, NOSE_TIP], -0.05, 0.95),
        (x[:, NOSE_TIP], -0.60, 0.60),
        (x[:, MOUTH_RIGHT] - x[:, MOUTH_LEFT], 0.20, 1.70),
        (y[:, CHIN] - mean(y, MOUTH), 0.15, 1.40),
        (x[:, CHIN], -0.60, 0.60),
        (x[:, 16] - x[:, 0], 1.10, 3.60),  # width of the jaw
        (mean(y, slice(17, 27)), -0.75, 0.0),  # brows above the eyes
    )
    within = [(low <= value) & (value <= high) for value, low, high in measures]  # nan is not
    return np.asarray(np.all(within, axis=0))


def _face_frames(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y, (n, 68), in each face's own frame: eyes' middle at 0, y down the face, eye-mouth = 1.

    The unit is the distance from the eyes' middle to the mouth's middle along the face, which does not shrink
    when the head turns sideways, as the distance between the eyes does. Nan where all points are one.
    """
    left, right = points[:, LEFT_EYE].mean(axis=1), points[:, RIGHT_EYE].mean(axis=1)
    middle = (left + right) / 2
    down = points[:, MOUTH].mean(axis=1) - middle
    across = right - left + np.stack([down[:, 1], -down[:, 0]], axis=1)  # the direction of `roll_deg`
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine, sine = (across / np.hypot(*across.T)[:, np.newaxis]).T[:, :, np.newaxis]
        x, y = np.moveaxis(points - middle[:, np.newaxis], -1, 0)
        x, y = cosine * x + sine * y, cosine * y - sine * x
        size = np.hypot(x[:, MOUTH].mean(axis=1), y[:, MOUTH].mean(axis=1))[:, np.newaxis]
        return x / size, y / size


def agrees_with_points5(landmarks: Landmarks, points5: Sequence[float]) -> bool:
    """Tell whether the points lie on the face that CelebA's own five points mark.

    Parameters
    ----------
    landmarks : Landmarks
        In pixels of the picture as CelebA publishes it.
    points5 : sequence of 10 floats
        x, y of left eye, right eye, nose, left and right mouth corner (left in the picture).

    Returns
    -------
    bool
        True where both eyes and both mouth corners are within 0.35 IOD of CelebA's.
    """
    marked = np.asarray(points5, dtype=np.float64).reshape(5, 2)
    corners = landmarks.points[[MOUTH_LEFT, MOUTH_RIGHT]].astype(np.float64)
    found = np.vstack([*eye_centres(landmarks.points), corners])
    gaps = np.hypot(*(found - marked[[0, 1, 3, 4]]).T)
    return bool(gaps.max() < POINTS5_TOLERANCE_IOD * max(landmarks.eye_dist_px, 1e-6))


def eye_contrast(gray: NDArray[np.uint8], points: NDArray[np.float32]) -> float:
    """Return how much darker both eyes are than cheeks and nose, in standard deviations of the face's grey.

    Above 1 on nine of ten faces; around 0 where the points lie on something else.
    """
    exact = points.astype(np.float64)
    left, right = eye_centres(points)
    low = np.clip(points.min(axis=0), 0, None).astype(int)
    high = points.max(axis=0).astype(int) + 1
    face = gray[low[1] : high[1], low[0] : high[0]]
    if face.size == 0:
        return 0.0
    reach = max(1, round(0.09 * float(np.hypot(*(right - left)))))
    spread = max(float(face.std()), 1.0)
    nose = _mean_around(gray, (exact[29] + exact[30]) / 2, reach)
    differences = []
    for eye, mouth, jaw in ((left, MOUTH_LEFT, 4), (right, MOUTH_RIGHT, 12)):
        dark = _mean_around(gray, eye, reach)
        cheek = _mean_around(gray, 0.5 * eye + 0.35 * exact[mouth] + 0.15 * exact[jaw], reach)
        # a highlight on one side must not hide that the other shows nothing
        differences += [min((cheek - dark) / spread, 2.0), min((nose - dark) / spread, 2.0)]
    return sum(differences) / len(differences)


def overlap(points: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return which part of the smaller of the boxes around two sets of points lies in the other box."""
    low = np.maximum(points.min(axis=0), other.min(axis=0))
    high = np.minimum(points.max(axis=0), other.max(axis=0))
    shared = float(np.prod(np.clip(high - low, 0, None)))
    smaller = float(min(np.prod(np.ptp(points, axis=0)), np.prod(np.ptp(other, axis=0))))
    return shared / max(smaller, 1e-6)


def _mean_around(gray: NDArray[np.uint8], centre: NDArray[np.float64], reach: int) -> float:
    height, width = gray.shape
    x = int(np.clip(round(float(centre[0])), 0, width - 1))
    y = int(np.clip(round(float(centre[1])), 0, height - 1))
    return float(gray[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean())
