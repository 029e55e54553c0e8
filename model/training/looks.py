"""What the Frame Module learns from: looks at drawn scenes from guessed frames, and what it should say of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn import functional

from unmask.datagen.faces.frame import FRAME_CORNERS, FRAME_EYE_DIST_PX, FRAME_SIZE, place_frame, similarity
from unmask.datagen.pictures.arrays import F32, F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.networks.frame_look import LOOK

from .scenes import Scene

_FACES = 0.55  # of the looks at a scene that has some
_BESIDE = 0.6  # of the others look near a face, but not at it
_NEAR, _NEAR_SHARE = 0.35, 0.45  # a guess is often nearly right: the looks after the first one
_SCALE, _MOST_SCALE = 0.28, 0.6  # of the logarithm
_TURN_DEG, _MOST_TURN_DEG = 20.0, 55.0
_SHIFT = 0.42  # eye distances
# What is no look at a face any more: a guess that is so much larger or smaller, turned, or beside it.
_LARGER, _SMALLER, _TURNED_DEG, _BESIDE_BY = 2.2, 0.45, 115.0, 1.9
_SIZES_PX = (8.0, 160.0)  # widths of face boxes of guesses anywhere
_TRIES = 8
# Photographs often end close to a face, some in its mask or its brows: of so many looks, and where, as shares of
# aligned CelebA's frame: left, right, top, bottom.
_CLOSE = 0.35
_ENDS = ((0.0, 0.27), (0.73, 1.0), (0.0, 0.47), (0.76, 1.0))
_SIDES_OF_ENDS = (*[FRAME_SIZE[0]] * 2, *[FRAME_SIZE[1]] * 2)
_LEAST_PX = 8  # of a scene's side
_MIDDLE = np.array(LOOK.centre)
_NOWHERE = np.zeros_like(FRAME_CORNERS)


@dataclass(frozen=True, eq=False)
class Looks:
    """n looks.

    Attributes
    ----------
    crops : uint8 (n, 80, 80, 3)
        RGB, as `FrameModule.look` cuts them.
    corners : float32 (n, 3, 2)
        Where eyes and mouth are, in the frame that was guessed; zeros where there is no face.
    is_face : bool (n,)
    """

    crops: U8
    corners: F32
    is_face: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def __len__(self) -> int:
        return len(self.is_face)


def draw_looks(scenes: Sequence[Scene], each: int, rng: Generator) -> Looks:
    """Draw looks at scenes.

    Parameters
    ----------
    scenes : sequence of Scene
    each : int
        How many at a scene, at most: where a guess beside all faces is not soon found, there is one less.
    rng : Generator
    """
    crops, corners, is_face = [], [], []
    for whole in scenes:
        for _ in range(each):
            close = bool(whole.frames) and rng.random() < _CLOSE
            scene = _cut_close(whole, rng) if close else whole
            picture = PicturePyramid(scene.image_rgb)
            face = bool(scene.frames) and rng.random() < _FACES
            guess, there = _guess_at(scene, rng) if face else (_guess_beside(scene, rng), _NOWHERE)
            if guess is not None:
                crops.append(picture.cut(LOOK.to_picture(guess), LOOK.width, LOOK.height))
                corners.append(there)
                is_face.append(face)
    shape = (-1, LOOK.height, LOOK.width, 3)
    return Looks(
        np.array(crops, np.uint8).reshape(shape),
        np.array(corners, np.float32).reshape(-1, *FRAME_CORNERS.shape),
        np.array(is_face, bool),
    )


def _cut_close(scene: Scene, rng: Generator) -> Scene:
    """The scene as a photograph that ends close to one of its faces."""
    number = int(rng.integers(len(scene.frames)))
    shares = (rng.uniform(low, high) for low, high in _ENDS)
    left, right, top, bottom = (share * side for share, side in zip(shares, _SIDES_OF_ENDS, strict=True))
    ends = np.array([(left, top), (right, top), (left, bottom), (right, bottom)])
    there = ends @ scene.frames[number][:, :2].T + scene.frames[number][:, 2]
    height, width = scene.image_rgb.shape[:2]
    x, y = (
        int(value) for value in np.clip(np.floor(there.min(0)), 0, (width - _LEAST_PX, height - _LEAST_PX))
    )
    beyond = np.clip(np.ceil(there.max(0)), (x + _LEAST_PX, y + _LEAST_PX), (width, height)).astype(int)

    def moved(frame: F64) -> F64:
        return np.column_stack([frame[:, :2], frame[:, 2] - (x, y)])

    others = [frame for row, frame in enumerate(scene.frames) if row != number]
    image = np.ascontiguousarray(scene.image_rgb[y : beyond[1], x : beyond[0]])
    return Scene(image, [moved(scene.frames[number])], [moved(frame) for frame in (*others, *scene.unsure)])


def _guess_at(scene: Scene, rng: Generator) -> tuple[F64, F64]:
    """A guess of a face's frame, and where its eyes and mouth are in that."""
    frame = scene.frames[rng.integers(len(scene.frames))]
    move = _drawn_move(rng)
    back = _inverse(move)
    return _after(frame, move), FRAME_CORNERS @ back[:, :2].T + back[:, 2]


def _drawn_move(rng: Generator) -> F64:
    """From the frame that is guessed to the true one, (2, 3): as far off as first and later guesses are."""
    wide = _NEAR if rng.random() < _NEAR_SHARE else 1.0
    scale = np.exp(np.clip(rng.normal() * _SCALE * wide, -_MOST_SCALE, _MOST_SCALE))
    turn = np.clip(rng.normal() * _TURN_DEG * wide, -_MOST_TURN_DEG, _MOST_TURN_DEG)
    return _move(float(scale), float(turn), rng.normal(size=2) * _SHIFT * wide)


def _move(scale: float, turn_deg: float, shift: F64) -> F64:
    along, across = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
    return similarity(float(along), float(across), 1.0, _MIDDLE, _MIDDLE + FRAME_EYE_DIST_PX * shift)


def _guess_beside(scene: Scene, rng: Generator) -> F64 | None:
    """A guess that shows none of the faces in its place; None where none is found."""
    faces = [*scene.frames, *scene.unsure]
    for _ in range(_TRIES):
        if faces and rng.random() < _BESIDE:
            guess = _after(faces[rng.integers(len(faces))], _drawn_miss(rng))
        else:
            width = float(np.exp(rng.uniform(*np.log(_SIZES_PX))))
            x, y = (rng.random(2) * scene.image_rgb.shape[1::-1]).tolist()
            guess = place_frame((x, y), width, float(rng.normal()) * 2 * _TURN_DEG)
        if all(_is_miss(guess, face) for face in faces):
            return guess
    return None


def _drawn_miss(rng: Generator) -> F64:
    """Too near, too far, upside down, or beside the face."""
    kind = rng.integers(5)
    if kind == 0:
        return _move(
            float(rng.uniform(2.3, 3.2)), float(rng.normal()) * _TURN_DEG, rng.normal(size=2) * _SHIFT
        )
    if kind == 1:
        return _move(1.0, 180 + float(rng.normal()) * 30, rng.normal(size=2) * _SHIFT)
    if kind in (2, 3):  # an eye, an ear, a piece of cloth or of hair, enlarged
        scale = float(np.exp(rng.uniform(np.log(0.1), np.log(0.42))))
        return _move(scale, float(rng.normal()) * _TURN_DEG, rng.uniform(-2.2, 2.2, 2))
    scale, angle = float(np.exp(rng.normal() * _SCALE)), rng.uniform(0, 2 * np.pi)
    away = max(scale, 1.0) * rng.uniform(2.0, 3.2) * np.array([np.cos(angle), np.sin(angle)])
    return _move(scale, float(rng.normal()) * _TURN_DEG, away)


def _is_miss(guess: F64, face: F64) -> bool:
    move = _after(_inverse(face), guess)
    scale = float(np.hypot(*move[:, 0]))
    turn = abs(float(np.degrees(np.arctan2(move[1, 0], move[0, 0]))))
    beside = float(np.hypot(*(move[:, :2] @ _MIDDLE + move[:, 2] - _MIDDLE))) / FRAME_EYE_DIST_PX
    far = beside > _BESIDE_BY * max(scale, 1.0)
    return scale > _LARGER or scale < _SMALLER or turn > _TURNED_DEG or far


def _inverse(frame: F64) -> F64:
    return np.asarray(np.linalg.inv(np.vstack([frame, (0, 0, 1)]))[:2], np.float64)


def _after(second: F64, first: F64) -> F64:
    """Both (2, 3): first the one, then the other."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def placed_corners(answer: Tensor) -> Tensor:
    """Where a network's correction puts eyes and mouth in the frame that was guessed: (n, 5) -> (n, 3, 2)."""
    a, b, x, y = answer[:, :4, None].unbind(1)
    dx, dy = torch.from_numpy(FRAME_CORNERS - _MIDDLE).float().to(answer.device).T
    across = (1 + a) * dx - b * dy + FRAME_EYE_DIST_PX * x + _MIDDLE[0]
    down = b * dx + (1 + a) * dy + FRAME_EYE_DIST_PX * y + _MIDDLE[1]
    return torch.stack([across, down], 2)


def look_loss(answer: Tensor, corners: Tensor, is_face: Tensor) -> tuple[Tensor, Tensor]:
    """Return the losses (seen, place): cross-entropy of a face, and smooth L1 in eye distances.

    Parameters
    ----------
    answer : float32 (n, 5)
        Of `FrameNet`.
    corners : float32 (n, 3, 2)
    is_face : float32 (n,)
        0 or 1; a place is asked for where it is 1.
    """
    seen = functional.binary_cross_entropy_with_logits(answer[:, 4], is_face)
    gaps = (placed_corners(answer) - corners) / FRAME_EYE_DIST_PX
    off = functional.smooth_l1_loss(gaps, torch.zeros_like(gaps), beta=0.1, reduction="none").mean((1, 2))
    return seen, (off * is_face).sum() / is_face.sum().clamp(min=1)
