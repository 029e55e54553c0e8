"""Geometry of a drawn face: a head in three dimensions, posed and put into CelebA's frame.

Head coordinates are pixels of the aligned picture: origin between the eyes, x to the picture's right, y down,
z towards the viewer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unmask.datagen.pictures.arrays import F64

from .face import FaceParams, HeadShape

Points = F64  # (n, 2) or (n, 3)

WIDTH, HEIGHT = 178, 218
# Centres of the eyes and corners of the mouth in the mean aligned picture.
_FRAME = np.array([[69.2, 112.3], [107.8, 112.3], [72.4, 152.6], [104.6, 152.6]])

# Half widths, heights, depths and frontal depths of the jaw, from the ear (0) to the chin (8).
_JAW_X = np.array([43.6, 42.8, 41.3, 38.9, 35.0, 28.8, 20.6, 10.9, 0.0])
_JAW_Y = np.array([-0.5, 11.3, 23.0, 34.4, 45.2, 54.6, 62.6, 68.8, 70.8])
_JAW_Z = np.array([-44.0, -43.0, -41.0, -37.0, -30.0, -21.0, -12.0, -5.0, -3.0])
_JAW_FRONT = np.array([2.0, 3.0, 4.0, 4.0, 3.0, 1.0, -2.0, -3.0, -3.0])
# The same for the skull, upwards from the ear.
_SKULL_X = np.array([44.6, 44.4, 41.5, 35.0, 25.0, 13.0, 0.0])
_SKULL_Y = np.array([-12.0, -27.0, -41.0, -52.0, -60.0, -65.0, -66.5])
_SKULL_Z = np.array([-45.0, -46.0, -46.0, -46.0, -46.0, -46.0, -46.0])
_SKULL_FRONT = np.array([3.0, 3.0, -3.0, -12.0, -22.0, -32.0, -40.0])


@dataclass(frozen=True)
class Geometry:
    """Where everything of one face lies in the picture.

    Attributes
    ----------
    matrix : ndarray of shape (3, 2), float64
        Head coordinates (row vectors) times this, plus ``offset``, are picture coordinates.
    offset : ndarray of shape (2,), float64
        Picture position of the head's origin.
    yaw, pitch : float
        Turn in radians; a positive yaw looks to the picture's right, a positive pitch down.
    scale : float
        Picture pixels per head pixel.
    head : ndarray of shape (68, 3), float64
        The landmarks in head coordinates.
    landmarks : ndarray of shape (68, 2), float64
        The landmarks in the picture, in the order of iBUG and dlib.
    skull : ndarray of shape (13, 2), float64
        Outline of the skull in the picture, over the top from right to left.
    """

    matrix: F64
    offset: F64
    yaw: float
    pitch: float
    scale: float
    head: F64
    landmarks: F64
    skull: F64

    def place(self, points: ArrayLike) -> F64:
        """Return the picture positions of points (n, 3) in head coordinates, as (n, 2)."""
        placed: F64 = np.asarray(points, np.float64) @ self.matrix + self.offset
        return placed

    @property
    def outline(self) -> F64:
        """Closed outline of the skinned head without ears: jaw from left to right, then the skull."""
        return np.concatenate([self.landmarks[:17], self.skull])

    def rims(self, side: float, extra: ArrayLike, levels: ArrayLike) -> F64:
        """Silhouette of the skull, grown by ``extra`` pixels, at head heights ``levels`` on one side (-1, 1).

        It is what hair and hats follow: the back of the head counts, so it is wider than the face's outline.
        """
        heights = np.asarray(levels, np.float64)
        width = np.interp(heights, _SKULL_Y[::-1], _SKULL_X[::-1]) + np.asarray(extra)
        depth = 52.0 * np.interp(heights, [-66.5, -55.0, -35.0, 0.0], [0.25, 0.7, 1.0, 1.0])
        depth = depth + np.asarray(extra)
        reach = np.hypot(width * np.cos(self.yaw), depth * np.sin(self.yaw))
        # The turn moves the middle of the head; the reach is already as the viewer sees it.
        middle = self.place(np.stack([np.zeros_like(heights), heights, np.full_like(heights, -48.0)], -1))
        across = self.matrix[0] / max(np.cos(self.yaw), 0.1)
        rim: F64 = middle + side * reach[:, None] * across
        return rim


def make_geometry(params: FaceParams) -> Geometry:
    """Build the head of ``params``, pose it, and align it to CelebA's frame."""
    shape, shot = params.shape, params.shot
    head = _head_points(shape, shot.smile, shot.open, shot.blink)
    cos_y, sin_y = np.cos(shot.yaw), np.sin(shot.yaw)
    cos_p, sin_p = np.cos(shot.pitch), np.sin(shot.pitch)
    # Columns are the picture's x and y: turn about the vertical axis first, nod second.
    pose = np.array([[cos_y, sin_y * sin_p], [0.0, cos_p], [sin_y, -cos_y * sin_p]])
    head = np.concatenate([_far_side(head, shape, shot.yaw), head[17:]])
    four = np.stack([head[36:42].mean(0), head[42:48].mean(0), head[48], head[54]]) @ pose
    matrix, offset = _align(four, pose, params)
    scale = float(np.hypot(*matrix[1])) / max(cos_p, 0.1)
    skull = _skull_points(shape, shot.yaw) @ matrix + offset
    return Geometry(matrix, offset, shot.yaw, shot.pitch, scale, head, head @ matrix + offset, skull)


def _align(four: F64, pose: F64, params: FaceParams) -> tuple[F64, F64]:
    """Least-squares similarity of eyes and mouth onto the frame, then the picture's own jitter."""
    shot = params.shot
    have = (four - four.mean(0)) @ np.array([1.0, 1j])
    want = (_FRAME - _FRAME.mean(0)) @ np.array([1.0, 1j])
    factor = np.vdot(have, want) / np.vdot(have, have) * shot.zoom * np.exp(1j * shot.roll)
    turn = np.array([[factor.real, factor.imag], [-factor.imag, factor.real]])
    offset = _FRAME.mean(0) + np.array(shot.shift) - four.mean(0) @ turn
    return pose @ turn, offset


def _side_levels(shape: HeadShape) -> tuple[F64, ...]:
    jaw, chin = shape.jaw_width, shape.chin_width
    wide = np.interp(np.arange(9), [0, 2, 4, 5, 7, 8], [1.0, 1.0, jaw, 0.5 * (jaw + chin), chin, 1.0])
    x = _JAW_X * shape.face_width * wide
    y = _JAW_Y + shape.chin_length * np.linspace(0.0, 1.0, 9) ** 1.5
    return x, y, _JAW_Z, _JAW_FRONT


def _far_side(head: F64, shape: HeadShape, yaw: float) -> F64:
    """Jaw points: anatomical on the near side, on the silhouette of the cheek on the far side."""
    levels = _side_levels(shape)
    return np.concatenate([_swing(levels, yaw, -1.0), _swing(levels, yaw, 1.0)[-2::-1]])


def _swing(levels: tuple[F64, ...], yaw: float, side: float) -> F64:
    x, y, back, front = levels
    # Each level is a half ellipse; its tangent along the view is where the silhouette runs.
    angle = np.maximum(np.arctan2((front - back) * np.sin(side * yaw), x * np.cos(yaw)), 0.0)
    return np.stack([side * x * np.cos(angle), y, back + (front - back) * np.sin(angle)], -1)


def _skull_points(shape: HeadShape, yaw: float) -> F64:
    levels = (_SKULL_X * shape.face_width, _SKULL_Y * shape.forehead, _SKULL_Z, _SKULL_FRONT)
    return np.concatenate([_swing(levels, yaw, 1.0), _swing(levels, yaw, -1.0)[-2::-1]])


def _head_points(shape: HeadShape, smile: float, opening: float, blink: float) -> F64:
    """Return the 68 landmarks of the unposed head; the jaw is replaced by :func:`_far_side` later."""
    x, y, back, _ = _side_levels(shape)
    right = np.stack([x, y, back], -1)
    jaw = np.concatenate([right * np.array([-1.0, 1.0, 1.0]), right[-2::-1]])
    jaw[5:12, 1] += 2.6 * opening * np.array([0.3, 0.7, 1.0, 1.0, 1.0, 0.7, 0.3])
    return np.concatenate(
        [jaw, _brow_points(shape), _nose_points(shape, smile), _eye_points(shape, smile, blink),
         _mouth_points(shape, smile, opening)]
    )  # fmt: skip


def _brow_points(shape: HeadShape) -> F64:
    lift, arch = -shape.brow_height, shape.brow_arch
    right = [
        (8.2, -9.2 + lift, 5.0),
        (15.4, -10.2 - 1.9 * arch + lift, 3.5),
        (23.2, -10.6 - 2.9 * arch + lift, 0.0),
        (30.8, -10.4 - 2.1 * arch + lift, -6.0),
        (37.0, -8.2 + lift, -14.0),
    ]
    left = [(-x, y, z) for x, y, z in reversed(right)]
    return np.array([*left, *right], np.float64)


def _nose_points(shape: HeadShape, smile: float) -> F64:
    length, width = shape.nose_length, shape.nose_width * (1.0 + 0.07 * max(smile, 0.0))
    tip = 22.8 + length - 0.5 * max(smile, 0.0)
    bridge = [(0.0, -0.8, 4.0), (0.0, 7.2, 8.5), (0.0, 15.0, 13.5), (0.0, tip, 19.0)]
    base = [(0.0, tip + 7.2, 11.5), (4.3 * width, tip + 5.9, 9.5), (8.5 * width, tip + 4.3, 5.0)]
    left = [(-px, py, pz) for px, py, pz in base[:0:-1]]
    return np.array([*bridge, *left, *base], np.float64)


def _eye_points(shape: HeadShape, smile: float, blink: float) -> F64:
    size = shape.eye_size
    open_px = shape.eye_height * (1.0 - blink) * size
    squint = 1.0 - 0.16 * max(smile, 0.0)
    centre = 19.5
    right = np.array(
        [
            (-7.9, 1.2, -3.5),
            (-2.9, -2.7 * open_px * squint, -1.5),
            (2.8, -2.9 * open_px * squint, -3.0),
            (7.8, 0.1 - shape.eye_tilt, -8.0),
            (3.3, 2.1 * open_px * squint, -4.5),
            (-2.6, 2.2 * open_px * squint, -2.5),
        ]
    )
    right[:, 0] = centre + right[:, 0] * size
    left = right * np.array([-1.0, 1.0, 1.0])
    return np.concatenate([left[[3, 2, 1, 0, 5, 4]], right])


def _mouth_points(shape: HeadShape, smile: float, opening: float) -> F64:
    wide = shape.mouth_width * (1.0 + 0.17 * smile)
    full = shape.lip_fullness * (1.0 - 0.16 * max(smile, 0.0))
    line = 41.4 - 0.6 * max(smile, 0.0)  # where the lips meet
    corner = line + 0.3 - 3.2 * smile
    gap_up, gap_down = 0.6 * opening, 7.0 * opening
    up, down = line - gap_up, line + gap_down
    sag = 0.9 * max(smile, 0.0)  # the middle of a smiling mouth hangs below its corners
    outer = [
        (0.0, up - 3.9 * full + sag, 9.0),
        (4.9 * wide, up - 4.8 * full + sag, 7.8),
        (11.2 * wide, up - 3.3 * full + 0.3 * sag, 4.5),
        (17.2 * wide, corner, -2.5),
    ]
    lower = [
        (11.4 * wide, 0.45 * corner + 0.55 * down + 3.6 * full, 4.0),
        (5.2 * wide, down + 6.3 * full + 0.8 * sag, 7.5),
        (0.0, down + 6.9 * full + sag, 8.5),
    ]
    inner_up = [
        (0.0, up + sag, 8.0),
        (5.0 * wide, up - 0.3 + 0.8 * sag, 7.0),
        (15.0 * wide, corner + 0.1, -1.0),
    ]
    inner_down = [(5.0 * wide, down + 0.3 + 0.6 * sag, 6.5), (0.0, down + 0.5 + sag, 7.5)]
    flip = np.array([-1.0, 1.0, 1.0])
    o, low, iu, idn = (np.array(part, np.float64) for part in (outer, lower, inner_up, inner_down))
    return np.concatenate(
        [o[:0:-1] * flip, o, low, low[-2::-1] * flip, iu[:0:-1] * flip, iu, idn, idn[-2::-1] * flip]
    )
