"""Scenes that the finder learns from: faces framed like aligned CelebA, cut out and laid on grounds of all kinds.

Where a face is pasted says itself where it is, how large and how it leans.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from unmask.datagen.faces.frame import FRAME_BOX, FRAME_SIZE, similarity
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.networks.finder_answer import CENTRE

from .scene_grounds import draw_ground

SMALLEST_PX, LARGEST_PX = 13.0, 140.0  # widths of face boxes
_COUNTS = ((0, 0.1), (1, 0.4), (2, 0.15), (3, 0.1), (5, 0.15), (14, 0.1))  # at most so many faces, how often
_CLOSE = 0.3  # of the scenes with one face show a whole picture, as large as they are
_APART = 0.6  # of the mean of two faces' widths: nearer ones are not drawn
_TRIES = 8
_THINGS = 0.5  # of the scenes have patches that are no face
_SEEN, _UNSURE = 0.6, 0.3  # shares of a face that is seen: above it is to be found; below it is none
_GRID = np.array(
    [(x, y) for x in (56.0, 72.0, 88.5, 105.0, 121.0) for y in (95.0, 112.0, 130.0, 150.0, 170.0)]
)
_LEAN_DEG, _MOST_LEAN_DEG = 18.0, 50.0
_ANY_LEAN = 0.1
_NOBODY = -1


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture with known faces.

    Attributes
    ----------
    image_rgb : uint8 (side, side, 3)
    frames : list of float64 (2, 3)
        Of the faces that are to be found: aligned CelebA's frame to the picture.
    unsure : list of float64 (2, 3)
        Of faces that are half hidden: nobody minds whether they are found.
    """

    image_rgb: U8
    frames: list[F64] = field(default_factory=list)
    unsure: list[F64] = field(default_factory=list)


def draw_scene(masked: U8, clean: U8, maps: U8, bare_share: float, side: int, rng: Generator) -> Scene:
    """Draw a scene from the pictures of a batch.

    Parameters
    ----------
    masked, clean : uint8 (n, 218, 178, 3)
        Framed like aligned CelebA.
    maps : uint8 (n, 218, 178)
        Coverage of the masks.
    bare_share : float
        Of the faces that wear none.
    side : int
        Of the scene, pixels.
    rng : Generator
    """
    image = draw_ground(clean, side, rng)
    owner = np.full((side, side), _NOBODY, np.int16)
    late = bool(rng.random() < 0.2)
    things = int(rng.integers(1, 5)) if rng.random() < _THINGS else 0
    if not late:
        _lay_things(image, owner, (masked, clean, maps), things, rng)
    frames = _place_faces(side, rng)
    close = len(frames) == 1 and rng.random() < _CLOSE
    for number, frame in enumerate(frames):
        pool = clean if rng.random() < bare_share else masked
        picture = pool[rng.integers(len(pool))]
        if rng.random() < 0.5:
            picture = picture[:, ::-1]
        _lay(image, owner, picture, _whole() if close else _cut_out(rng, number == 0), frame, number)
    if late:
        _lay_things(image, owner, (masked, clean, maps), things, rng)
    scene = Scene(image)
    for number, frame in enumerate(frames):
        share = _seen_share(owner, frame, number)
        if share >= _UNSURE:
            (scene.frames if share >= _SEEN else scene.unsure).append(frame)
    return scene


def _place_faces(side: int, rng: Generator) -> list[F64]:
    """Frames that do not hide each other much, the largest first."""
    counts, odds = zip(*_COUNTS, strict=True)
    most = int(rng.choice(counts, p=odds))
    wanted = most if most <= 2 else int(rng.integers(most // 2 + 1, most + 1))
    largest = LARGEST_PX if wanted == 1 else side / (0.75 * (1 + wanted**0.5))
    sizes = np.exp(rng.uniform(np.log(SMALLEST_PX), np.log(min(largest, LARGEST_PX)), wanted))
    placed: list[tuple[float, F64]] = []
    frames = []
    for size in sorted(sizes.tolist(), reverse=True):
        for _ in range(_TRIES):
            middle = rng.uniform(0.05, 0.95, 2) * side
            if all(np.hypot(*(middle - other)) > _APART * (size + width) for width, other in placed):
                lean = np.clip(rng.normal() * _LEAN_DEG, -_MOST_LEAN_DEG, _MOST_LEAN_DEG)
                if rng.random() < _ANY_LEAN:
                    lean = rng.uniform(-90, 90)
                placed.append((size, middle))
                frames.append(_frame(middle, size, float(np.radians(lean))))
                break
    return frames


def _frame(middle: F64, size: float, lean: float) -> F64:
    scale = size / FRAME_BOX.width
    return similarity(scale * float(np.cos(lean)), scale * float(np.sin(lean)), 1.0, CENTRE, middle)


def _whole() -> U8:
    """The whole picture, as it is."""
    return np.full(FRAME_SIZE[::-1], 255, np.uint8)


def _cut_out(rng: Generator, first: bool) -> U8:
    """How much of each pixel of a picture is laid, (218, 178): a head, often with shoulders, sometimes all."""
    width, height = FRAME_SIZE
    if first and rng.random() < 0.25:
        return _whole()
    cover = np.zeros((height, width), np.uint8)
    wide, high = float(rng.uniform(50, 84)), float(rng.uniform(78, 106))
    cv2.ellipse(cover, ((88.5, float(rng.uniform(108, 122))), (2 * wide, 2 * high), 0.0), 255, -1)
    if rng.random() < 0.5:
        corners = [(88 - 0.45 * wide, 165), (88 + 0.45 * wide, 165), (170, 225), (8, 225)]
        cv2.fillConvexPoly(cover, np.array(corners, np.int32), 255)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), float(rng.uniform(1, 7))), np.uint8)


def _lay_things(image: U8, owner: NDArray[np.int16], pools: Sequence[U8], count: int, rng: Generator) -> None:
    """Lay pieces of masks, skin, hair, eyes and cloth: what a face has and is none."""
    masked, clean, maps = pools
    side = len(image)
    for _ in range(count):
        number = int(rng.integers(len(masked)))
        if rng.random() < 0.4:
            picture, cover = masked[number], maps[number]
        else:
            picture, cover = clean[number], np.zeros(FRAME_SIZE[::-1], np.uint8)
            place = (float(rng.uniform(20, 158)), float(rng.uniform(15, 205)))
            axes = (float(rng.uniform(10, 36)), float(rng.uniform(10, 36)))
            cv2.ellipse(cover, (place, axes, float(rng.uniform(0, 180))), 255, -1, cv2.LINE_AA)
        # enlarged: in its own place and size a piece would be a face that is cut out tightly
        scale = float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
        lean = rng.uniform(-np.pi, np.pi)
        middle = rng.uniform(0, 1, 2) * side
        _lay(image, owner, picture, cover, _frame(middle, scale * FRAME_BOX.width, lean), _NOBODY)


def _lay(image: U8, owner: NDArray[np.int16], picture: U8, cover: U8, frame: F64, number: int) -> None:
    """Lay a picture into the scene by its frame, and note whose the pixels are now."""
    width, height = FRAME_SIZE
    corners = np.array([(0, 0), (width, 0), (0, height), (width, height)]) @ frame[:, :2].T + frame[:, 2]
    left, top = np.clip(np.floor(corners.min(0)).astype(int), 0, len(image))
    right, bottom = np.clip(np.ceil(corners.max(0)).astype(int) + 1, 0, len(image))
    if right <= left or bottom <= top:
        return
    back = np.asarray(cv2.invertAffineTransform(frame), np.float64)
    back[:, 2] += back[:, :2] @ (left, top)
    both = np.dstack([picture, cover])
    crop = PicturePyramid(both).cut(back, right - left, bottom - top, border=cv2.BORDER_CONSTANT)
    share = crop[..., 3:].astype(np.float32) / 255
    below = image[top:bottom, left:right]
    below[:] = np.rint(below * (1 - share) + crop[..., :3] * share)
    owner[top:bottom, left:right][share[..., 0] > 0.5] = number


def _seen_share(owner: NDArray[np.int16], frame: F64, number: int) -> float:
    """How much of a face lies in the scene with nothing on it."""
    places = np.rint(_GRID @ frame[:, :2].T + frame[:, 2]).astype(int)
    inside = ((places >= 0) & (places < len(owner))).all(1)
    x, y = places[inside].T
    return float((owner[y, x] == number).sum() / len(_GRID))
