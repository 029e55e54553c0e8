"""The generic face posed by the landmarks: a weak-perspective camera and a smooth residual.

The camera gives continuous yaw, pitch and roll; the residual bends the posed face so that nose, chin and jaw
line meet the picture's own points.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ._geometry import project
from .face_model import GENERIC_POINTS, direction_of, skin_point

F64 = NDArray[np.float64]

_RIGID = np.arange(17, 68)  # brows, nose, eyes, mouth; the jaw line slides along the cheek as the head turns
_RIGID_WEIGHT = np.repeat([0.5, 1.0, 1.0, 0.35], [10, 9, 12, 20])  # brows and lips move with the expression
_WEIGHT = _RIGID_WEIGHT / _RIGID_WEIGHT.sum()
_MODEL_MEAN = _WEIGHT @ GENERIC_POINTS[_RIGID]
_CENTRED = GENERIC_POINTS[_RIGID] - _MODEL_MEAN
# The least-squares affine camera is linear in the points seen, float64 (3, 51).
_TO_AFFINE = np.linalg.solve(_CENTRED.T @ (_CENTRED * _WEIGHT[:, None]), _CENTRED.T * _WEIGHT)
_JAW = np.arange(1, 16)
_ANCHORS = np.array([27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45, 48, 54])
_OUTLINE = np.concatenate([np.arange(17), np.arange(26, 16, -1)])  # jaw line, then the brows back
_CONTOUR_STEPS = np.linspace(1.0, 0.15, 18)  # fractions of the jaw point's azimuth that may be the silhouette
_WARP_SIGMA = 0.55  # reach of one anchor's residual, IOD
_WARP_RIDGE = 0.25  # how far the warp may miss its anchors for the sake of smoothness


@dataclass(frozen=True)
class Pose:
    """Weak-perspective camera: picture = scale * (rotation @ model)[:2] with y turned down + translation.

    Attributes
    ----------
    rotation : float64 (3, 3)
        Model to camera; rows are the picture's right, up and towards the camera.
    scale_px : float
        Pixels per inter-ocular distance of the model.
    translation_px : float64 (2,)
        Picture position of the model's origin (root of the nose).
    yaw, pitch, roll : float
        Degrees. Yaw is positive when the face looks to the picture's right, pitch when it looks up, roll when
        the head leans clockwise on the picture.
    misfit : float
        Root mean square distance of eyes and nose to the posed generic face, IOD.
    """

    rotation: F64
    scale_px: float
    translation_px: F64
    yaw: float
    pitch: float
    roll: float
    misfit: float

    @property
    def up(self) -> F64:
        """Unit vector on the picture in which the head's own up shows, float64 (2,), y down."""
        up = self.rotation[:2, 1] * [1.0, -1.0]
        return np.asarray(up / max(float(np.hypot(*up)), 1e-9))

    def project(self, points: F64) -> F64:
        """Picture x, y of model points, float64 (..., 3) -> (..., 2), without the residual."""
        xy = points @ (self.rotation[:2].T * [self.scale_px, -self.scale_px])
        placed: F64 = xy + self.translation_px
        return placed


def estimate_pose(points: NDArray[np.floating]) -> Pose:
    """Pose of the generic face that best explains 68 points.

    The least-squares affine camera is brought to the nearest scaled rotation through its singular value
    decomposition (scaled orthographic pose, e.g. Hartley & Zisserman 2004, section 6.3).

    Parameters
    ----------
    points : (68, 2)
        Pixels, x right, y down.
    """
    seen = np.asarray(points, np.float64)[_RIGID] * [1.0, -1.0]
    seen_mean = _WEIGHT @ seen
    around = seen - seen_mean
    left, singular, right = np.linalg.svd((_TO_AFFINE @ around).T, full_matrices=False)
    upper = left @ right
    (a, b, c), (d, e, f) = upper.tolist()
    rotation = np.array([upper[0], upper[1], (b * f - c * e, c * d - a * f, a * e - b * d)])
    scale = float(singular[0] + singular[1]) / 2
    translation = (seen_mean - scale * upper @ _MODEL_MEAN) * [1.0, -1.0]

    error = scale * _CENTRED @ upper.T - around
    misfit = math.sqrt(float(_WEIGHT @ (error * error)[:, 0] + _WEIGHT @ (error * error)[:, 1])) / max(
        scale, 1e-9
    )
    forward, head_up = rotation[:, 2].tolist(), rotation[:, 1].tolist()
    yaw = math.degrees(math.atan2(forward[0], math.hypot(forward[1], forward[2])))
    pitch = math.degrees(math.atan2(forward[1], forward[2]))
    roll = math.degrees(math.atan2(head_up[0], head_up[1]))
    return Pose(rotation, scale, translation, yaw, pitch, roll, misfit)


@dataclass(frozen=True)
class PosedFace:
    """A pose with the residual that makes it meet the landmarks.

    Attributes
    ----------
    pose : Pose
    knots_px : float64 (k, 2)
        Where the rigid pose puts the anchors.
    pull_px : float64 (k, 2)
        Weights of the Gaussian kernels around the knots, for x and y.
    outline_px : float64 (27, 2)
        The picture's own jaw line and brows, once round the face.
    """

    pose: Pose
    knots_px: F64
    pull_px: F64
    outline_px: F64

    @cached_property
    def camera(self) -> F64:
        """Rotation row by row, scale and translation in one array, as compiled code takes them, float64 (12,)."""
        return np.array([*self.pose.rotation.ravel(), self.pose.scale_px, *self.pose.translation_px])

    @property
    def reach(self) -> float:
        """One by the standard deviation of the residual's Gaussians in pixels."""
        return 1.0 / (_WARP_SIGMA * self.pose.scale_px)

    def project(self, points: F64) -> F64:
        """Picture x, y of model points with the residual, float64 (..., 3) -> (..., 2)."""
        bent = np.empty((*points.shape[:-1], 2))
        project(np.ascontiguousarray(points), self.camera, self.knots_px, self.pull_px, bent, self.reach)
        return bent


def _kernel(points: F64, knots: F64, scale_px: float) -> F64:
    """Gaussians of the distances, float64 (points, knots)."""
    reach = 1.0 / (_WARP_SIGMA * scale_px)
    a, b = (
        (points - knots[0]) * reach,
        (knots - knots[0]) * reach,
    )  # differences of small numbers lose nothing
    exponent = a @ b.T
    exponent -= 0.5 * np.einsum("pc,pc->p", a, a)[:, None]
    exponent -= 0.5 * np.einsum("kc,kc->k", b, b)
    weight: F64 = np.exp(exponent, out=exponent)
    return weight


def _contour_candidates() -> F64:
    azimuth, elevation = direction_of(GENERIC_POINTS[_JAW])
    fan = azimuth[:, None] * _CONTOUR_STEPS
    return skin_point(fan, np.broadcast_to(elevation[:, None], fan.shape))


_CONTOUR = _contour_candidates()  # (15, steps, 3)
_CHIN_SIDE = np.sign(GENERIC_POINTS[_JAW, 0])


def jaw_on_silhouette(pose: Pose) -> F64:
    """Rigid picture positions of the jaw line as seen: where the skin at each height reaches farthest out.

    dlib's jaw points mark the visible outline, so on the far cheek they belong to skin nearer to the nose than
    the model's jaw line; holding them to the jaw line would fold the mask's far half into the face.
    """
    seen = pose.project(_CONTOUR)
    pick = (seen @ _across(pose) * _CHIN_SIDE[:, None]).argmax(axis=1)
    pick[_CHIN_SIDE == 0] = 0
    line: F64 = seen[np.arange(len(pick)), pick]
    return line


def _across(pose: Pose) -> F64:
    """Unit vector on the picture at right angles to the head's own up direction."""
    up = pose.up
    return np.array([-up[1], up[0]])


def pose_face(points: NDArray[np.floating]) -> PosedFace:
    """Pose the generic face on 68 points and bend it to meet them.

    The residual is a ridge-regularised Gaussian interpolation of what the rigid pose leaves over at nose, eyes,
    mouth corners and the visible jaw line, in the picture plane.

    Parameters
    ----------
    points : (68, 2)
        Pixels, x right, y down.
    """
    target = np.asarray(points, np.float64)
    pose = estimate_pose(target)
    knots = np.concatenate([jaw_on_silhouette(pose), pose.project(GENERIC_POINTS[_ANCHORS])])
    wanted = np.concatenate([target[_JAW], target[_ANCHORS]])
    kernel = _kernel(knots, knots, pose.scale_px)
    pull = np.linalg.solve(kernel + _WARP_RIDGE * np.eye(len(knots)), wanted - knots)
    return PosedFace(pose, knots, pull, target[_OUTLINE])
