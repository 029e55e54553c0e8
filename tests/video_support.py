"""Clips that tests draw themselves: a demo face in a mask, moved, turned and scaled over a background."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.drawn_faces.demo import draw_demo_face
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.model.inference.face_finder import FoundFace

SIZE = 200


@dataclass(frozen=True, eq=False)
class DrawnFrame:
    """A frame, the true map of the mask in it, and aligned CelebA's frame of its face."""

    image: U8
    map: U8
    frame: F64


@lru_cache(maxsize=4)
def masked_face(index: int = 1) -> Triplet:
    face = draw_demo_face(index)
    config = TripletConfig(1, None, load_recipe_config(pins=["family=surgical"]), load_templates())
    made = make_triplet(
        face.image_rgb, [Landmarks(face.landmarks, "drawn")], config, key="a", variant=0, jpeg_quality=None
    )
    assert isinstance(made, Triplet)
    return made


def drawn_clip(frames: int = 24, index: int = 1, size: int = SIZE, noise: float = 1.5) -> list[DrawnFrame]:
    """A face that sways over a background, a period in ``frames`` frames."""
    rng = np.random.default_rng(index)
    background = cv2.resize(
        rng.integers(60, 200, (8, 8, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC
    )
    made = masked_face(index)
    head = np.zeros(made.map.shape, np.float32)
    cv2.ellipse(head, (89, 120), (62, 88), 0, 0, 360, 1, -1)
    head = cv2.GaussianBlur(head, (0, 0), 3)
    drawn = []
    for number in range(frames):
        phase = 2 * math.pi * number / frames
        frame = cv2.getRotationMatrix2D(
            (88.5, 125), 8 * math.sin(phase), size / 230 * (1 + 0.1 * math.cos(phase))
        )
        frame[:, 2] += (
            size / 2 - np.array([88.5, 125]) + size * 0.06 * np.array([math.sin(phase), math.cos(phase)])
        )
        face, map_, share = (
            cv2.warpAffine(part, frame, (size, size)) for part in (made.masked, made.map, head)
        )
        mixed = background * (1 - share[..., None]) + face * share[..., None]
        noisy = np.clip(np.rint(mixed + rng.normal(0, noise, mixed.shape)), 0, 255).astype(np.uint8)
        drawn.append(DrawnFrame(noisy, np.where(map_ >= 128, 255, 0).astype(np.uint8), frame))
    return drawn


def write_clip(path: Path, frames: Sequence[U8], fps: float = 12.5) -> Path:
    """Write frames as anybody would."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def read_clip(path: Path) -> list[U8]:
    """Read all frames of a clip as anybody would, RGB."""
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(np.ascontiguousarray(read[1][..., ::-1]))
    capture.release()
    return frames


class KnownFaces:
    """A finder that knows where the one face of a drawn clip is; sees it ``tremble`` eye distances off."""

    def __init__(self, clip: Sequence[DrawnFrame], tremble: float = 0.0, gone: Collection[int] = ()) -> None:
        self.clip, self.tremble, self.gone, self.searches = clip, tremble, gone, list[int]()
        self._rng = np.random.default_rng(3)

    def find(
        self, picture: PicturePyramid, hints: Sequence[F64] = (), *, doubtful: bool = False
    ) -> list[FoundFace]:
        frame = self._frame(picture)
        self.searches.append(self._at(picture))
        return [] if frame is None else [FoundFace(frame, 5.0)]

    def seen_around(self, picture: PicturePyramid, frame: F64) -> FoundFace:
        there = self._frame(picture)
        return FoundFace(frame, -5.0) if there is None else FoundFace(there, 4.0)

    def _at(self, picture: PicturePyramid) -> int:
        return next(at for at, drawn in enumerate(self.clip) if drawn.image is picture.levels[0])

    def _frame(self, picture: PicturePyramid) -> F64 | None:
        at = self._at(picture)
        if at in self.gone:
            return None
        frame = self.clip[at].frame
        shifted = frame.copy()
        shifted[:, 2] += self._rng.normal(0, self.tremble * 38 * np.hypot(frame[0, 0], frame[1, 0]), 2)
        return shifted
