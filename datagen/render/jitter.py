"""Geometry jitter of a whole picture before it is masked: the mouth must not always be at the same place."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.faces.landmarks import Landmarks, quantise
from unmask.datagen.masks.recipe_config import RecipeConfig
from unmask.datagen.pictures.picture import fit_transform

from .turn import turn_face

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]

# Where each of the 68 points goes when a picture is mirrored.
MIRRORED_POINTS = np.array(
    [
        *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
        45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
        *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), *range(67, 64, -1),
    ]
)  # fmt: skip
# Share of the pictures whose edges are repeated: so photographs are shown whose faces reach beyond them, for a
# mirrored face looks like another one.
REPEATED = 0.5
_ALIASING = 0.7  # a picture shrunk further than this is softened first


@dataclass(frozen=True)
class Jitter:
    """How a picture is moved.

    Factor, degrees clockwise, shares of the width and height, mirrored or not, whether what lies beyond its
    edges repeats them or mirrors the picture, and degrees by which the head is turned further (`turn.turn_face`).
    """

    scale: float
    roll: float
    shift_x: float
    shift_y: float
    flip: bool
    repeat: bool = False
    turn: float = 0.0


def draw_jitter(rng: np.random.Generator, config: RecipeConfig) -> Jitter:
    """Draw a jitter from the recipe file's ``[jitter]`` section."""
    scale, roll, shift_x, shift_y, flip, repeat, turn = rng.random(7).tolist()
    return Jitter(
        scale=float(config.ranges["jitter.scale"].at(scale)),
        roll=float(config.ranges["jitter.roll"].at(roll)),
        shift_x=float(config.ranges["jitter.shift"].at(shift_x)),
        shift_y=float(config.ranges["jitter.shift"].at(shift_y)),
        flip=flip < float(config.ranges["jitter.flip"].at(0.5)),
        repeat=repeat < REPEATED,
        turn=float(config.ranges["jitter.turn"].at(turn)),
    )


def apply_jitter(
    image_rgb: U8, faces: list[Landmarks], jitter: Jitter, size: tuple[int, int] | None
) -> tuple[U8, list[Landmarks]]:
    """Crop, scale, turn and mirror a picture with its landmarks; what is beyond its edges comes from inside.

    A head that is alone is turned further first. The picture is scaled and turned around the middle of the first
    face, which so stays in the picture when that becomes a narrow crop; around the picture's middle where there is
    none.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    size : (width, height) or None
        Of the result; None keeps the picture's.
    """
    if jitter.turn and len(faces) == 1:
        image_rgb, turned = turn_face(image_rgb, faces[0], jitter.turn)
        faces = [turned]
    height, width = image_rgb.shape[:2]
    out_w, out_h = size or (width, height)
    fit = fit_transform(width, height, size)
    fitted = np.vstack([fit, [0, 0, 1]]) if fit is not None else np.eye(3)
    pivot = np.array([(out_w - 1) / 2, (out_h - 1) / 2])
    if faces:
        pivot = fitted[:2, :2] @ faces[0].points.mean(axis=0) + fitted[:2, 2]
    matrix = _matrix(jitter, out_w, out_h, pivot) @ fitted
    shrink = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if shrink < _ALIASING:
        image_rgb = np.asarray(cv2.GaussianBlur(image_rgb, (0, 0), 0.45 / shrink), np.uint8)
    border = cv2.BORDER_REPLICATE if jitter.repeat else cv2.BORDER_REFLECT_101
    moved = cv2.warpAffine(image_rgb, matrix[:2], (out_w, out_h), flags=cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(moved, np.uint8), [_move(face, matrix[:2], jitter.flip) for face in faces]


def _matrix(jitter: Jitter, width: int, height: int, pivot: F64) -> F64:
    """Homogeneous matrix of the jitter of a picture of the given size around a point (x, y) of it."""
    cos, sin = np.cos(np.radians(jitter.roll)), np.sin(np.radians(jitter.roll))
    turn = jitter.scale * np.array([[cos, -sin], [sin, cos]])
    mirror = np.diag([-1.0, 1.0, 1.0]) if jitter.flip else np.eye(3)
    if jitter.flip:
        mirror[0, 2] = width - 1
        pivot = np.array([width - 1 - pivot[0], pivot[1]])
    shift = pivot - turn @ pivot + [jitter.shift_x * width, jitter.shift_y * height]
    return np.asarray(np.vstack([np.column_stack([turn, shift]), [0.0, 0.0, 1.0]]) @ mirror, np.float64)


def _move(face: Landmarks, matrix: F64, flip: bool) -> Landmarks:
    moved = face.transformed(matrix)
    if not flip:
        return moved
    return Landmarks(quantise(moved.points[MIRRORED_POINTS]), moved.source, moved.score)
