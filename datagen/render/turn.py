"""Turn a face further than its photograph shows it, for the profiles that data sets of aligned faces lack.

The photograph becomes a relief: the posed generic face in front, what is around it behind; the relief is turned
about the head's own axis and drawn again, nearer parts before farther ones (after the face profiling of Zhu et al.
2016, "Face alignment across large poses: a 3D solution"). What comes into sight on the near side is what lay beside
the face, stretched; what the photograph did not show at all is not invented.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.landmarks import Landmarks, quantise

from .face_model import CENTRE, GENERIC_POINTS, skin_point
from .pixels import rasterize
from .pose import Pose, PosedFace, jaw_on_silhouette, pose_face

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

FARTHEST_DEG = (
    68.0  # estimated yaw that no face is turned beyond: few masks can be fitted to what is then left of it
)
_FRONTAL_DEG = 15.0  # how far a face seen from the front may be turned: its cheeks are hardly in sight
_BACK_IOD = -1.3  # depth of what is around the head, towards the camera
_FALL_IOD = 0.7  # how soon hair and neck beside the face are as far back as that
_STEP_PX = 3  # of the relief's grid
_BEYOND = 0.6  # share of the picture's size by which the relief reaches beyond its edges
_JAW = 17
_FEATURES = np.arange(27, 60)  # nose, eyes, lips: what the taut skin spans
_FEATURE_IOD = 0.16  # reach of a feature's own depth, sigma
_FEATURE_RIDGE = 0.3
_AZIMUTH, _ELEVATION = (
    grid.astype(np.float64) for grid in np.meshgrid(np.arange(-105.0, 106.0, 5), np.arange(60.0, -81.0, -5))
)
_HEAD = skin_point(_AZIMUTH, _ELEVATION)  # rows go down, columns to the right, as `rasterize` wants it


@dataclass(frozen=True)
class _Turn:
    """A rotation about a point in camera axes (IOD), and the pose before it."""

    rotation: F64
    pivot: F64
    pose: Pose

    def seen(self, x_px: F64, y_px: F64, depth: F64) -> F64:
        """Picture x, y in pixels and depth in IOD, turned, float64 (..., 3)."""
        scale, (left, top) = self.pose.scale_px, self.pose.translation_px
        points = np.stack([(x_px - left) / scale, (top - y_px) / scale, depth], axis=-1)
        turned = (points - self.pivot) @ self.rotation.T + self.pivot
        return np.stack(
            [turned[..., 0] * scale + left, top - turned[..., 1] * scale, turned[..., 2]], axis=-1
        )


def turn_face(image_rgb: U8, face: Landmarks, degrees: float) -> tuple[U8, Landmarks]:
    """Turn the head on a photograph further to the side to which it looks.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    face : Landmarks
        Pixels.
    degrees : float
        0 or more. A face is turned less where its photograph shows too little of its side (by its own yaw and
        15 degrees at most), and no further than to a yaw of 68 degrees.

    Returns
    -------
    uint8 (h, w, 3), Landmarks
        The very same ones where nothing is turned.
    """
    posed = pose_face(face.points)
    yaw = posed.pose.yaw
    most = min(FARTHEST_DEG - abs(yaw), _FRONTAL_DEG + abs(yaw))
    angle = float(np.copysign(min(degrees, most), yaw))
    if degrees <= 0 or most <= 0:
        return image_rgb, face
    turn = _Turn(_about(posed.pose.rotation[:, 1], angle), posed.pose.rotation @ CENTRE, posed.pose)
    turned = _redraw(image_rgb, _depth(posed, image_rgb.shape[:2]), turn, np.asarray(face.points, np.float64))
    return turned, Landmarks(quantise(_turned_points(posed, face.points, turn)), face.source, face.score)


def _about(axis: F64, degrees: float) -> F64:
    """Rotation about a unit vector, float64 (3, 3) (Rodrigues)."""
    rotation, _ = cv2.Rodrigues(np.asarray(axis) * np.radians(degrees))
    return np.asarray(rotation, np.float64)


def _depth(face: PosedFace, shape: tuple[int, int]) -> F32:
    """Nearness to the camera of every pixel, IOD, float32 (h, w): the face's, falling off to the back beside it."""
    height, width = shape
    flat = face.project(_HEAD)
    near = _HEAD @ face.pose.rotation[2]
    _, depth = rasterize(np.dstack([flat, near]), np.zeros((*near.shape, 1)), height, width)
    beside = np.isneginf(depth)
    away, nearest = cv2.distanceTransformWithLabels(
        beside.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rims = np.zeros(int(nearest.max()) + 1, np.float32)
    rims[nearest[~beside]] = depth[~beside]
    share = np.exp(-away / (_FALL_IOD * face.pose.scale_px))
    fallen = np.float32(_BACK_IOD) + (rims[nearest] - np.float32(_BACK_IOD)) * share
    return np.asarray(np.where(beside, fallen, depth), np.float32)


def _redraw(image_rgb: U8, depth: F32, turn: _Turn, points: F64) -> U8:
    """The picture as a relief, turned; points: the 68, pixels."""
    height, width = depth.shape
    x, y = np.meshgrid(*(np.arange(-_BEYOND * n, (1 + _BEYOND) * n, _STEP_PX) for n in (width, height)))
    places = x.astype(np.float32), y.astype(np.float32)
    there = cv2.remap(depth, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    features = _features(x, y, depth, turn.pose, points)
    grid = turn.seen(x, y, np.asarray(there, np.float64) + features)
    found, _ = rasterize(grid.astype(np.float32), np.dstack(places), height, width)
    drawn = cv2.remap(
        image_rgb, found[..., 0], found[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(drawn, np.uint8)


def _features(x: F64, y: F64, depth: F32, pose: Pose, points: F64) -> F64:
    """How far nose, eyes and lips are before the taut skin at places of the picture, IOD, float64 (h, w)."""
    spots = points[_FEATURES]
    column, row = (
        np.clip(np.rint(at), 0, n - 1).astype(int) for at, n in zip(spots.T, depth.shape[::-1], strict=True)
    )
    beyond = GENERIC_POINTS[_FEATURES] @ pose.rotation[2] - depth[row, column]
    reach = 1 / (_FEATURE_IOD * pose.scale_px)
    across, down = (
        np.exp(-0.5 * ((places[:, None] - spots[:, axis]) * reach) ** 2)
        for axis, places in ((0, x[0]), (1, y[:, 0]))
    )
    return np.asarray((down * beyond) @ across.T / (down @ across.T + _FEATURE_RIDGE))


def _turned_points(face: PosedFace, points: NDArray[np.floating], turn: _Turn) -> F64:
    """The 68 points after the turn: the jaw's slide along the cheek to where the outline then is."""
    given = np.asarray(points, np.float64)
    near = GENERIC_POINTS @ face.pose.rotation[2]
    turned = turn.seen(given[:, 0], given[:, 1], near)[:, :2]
    after = turn.rotation @ face.pose.rotation
    left, top = face.pose.translation_px
    origin = turn.seen(np.array(left), np.array(top), np.array(0.0))[:2]
    pose = Pose(after, face.pose.scale_px, origin, 0.0, 0.0, 0.0, 0.0)
    outline, before = jaw_on_silhouette(pose), jaw_on_silhouette(face.pose)
    turned[1 : _JAW - 1] = outline + (given[1 : _JAW - 1] - before)
    for end, inner in ((0, 1), (_JAW - 1, _JAW - 2)):
        turned[end] = turned[inner] + (given[end] - given[inner])
    return turned
