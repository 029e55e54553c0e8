"""What a cache of faces keeps of one picture: decoded, framed, with the points of its largest face."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import TemplateSet
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import decode_picture, fit_picture, fit_transform
from unmask.datagen.render.prepared_picture import Refusal, prepare_picture
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.source import SourceFace

KnownFaces = tuple[tuple[str, tuple[Landmarks, ...]], ...]
# A few pictures to store and what a landmark table knows of each.
FaceChunk = list[tuple[SourceFace, KnownFaces]]

_SPARE = 1.5  # of the training's size: room for the jitter to turn and zoom; at 128 CelebA keeps all it has
_CHUNK_PICTURES = 16  # about 2 MB on their way from a worker


@dataclass(frozen=True)
class FaceFrame:
    """How pictures are kept: (width, height) of the training, and whether a jitter will move them first."""

    size: tuple[int, int]
    jitter: bool


@dataclass(frozen=True)
class StoredFace:
    """What is kept of one picture.

    Attributes
    ----------
    image_rgb : uint8 (h, w, 3)
    quarters : int32 (136,)
        x, y of the largest face's points, in quarter pixels of that picture.
    jpeg_quality : int
        1..100 of the source file, -1 where its block grid is lost or there is none.
    """

    image_rgb: U8
    quarters: NDArray[np.int32]
    jpeg_quality: int


def chunks(faces: Sequence[SourceFace], table: LandmarkTable | None) -> Iterator[FaceChunk]:
    """Cut a source into the tasks of workers, in order."""
    for start in range(0, len(faces), _CHUNK_PICTURES):
        part = faces[start : start + _CHUNK_PICTURES]
        yield [(face, tuple(table.entries(face.name)) if table else ()) for face in part]


def store_chunk(frame: FaceFrame, chunk: FaceChunk) -> list[StoredFace | str]:
    """Return what is kept of each picture, or the manifest's status that says why nothing is."""
    cv2.setNumThreads(1)
    return [_store(frame, face, known) for face, known in chunk]


def _store(frame: FaceFrame, face: SourceFace, known: KnownFaces) -> StoredFace | str:
    # brings dlib, which training itself does not need
    from unmask.datagen.dataset.points import known_or_found

    try:
        data = face.read_bytes()
        image = decode_picture(data).image_rgb
    except UnreadablePictureError:
        return "unreadable"
    found = known_or_found(face, hashlib.sha256(data).hexdigest(), image, known)
    prepared = prepare_picture(image, found, _judging_config(frame.size), jpeg_quality(data))
    if isinstance(prepared, Refusal):
        return prepared.status
    chosen = prepared.faces[0].landmarks
    if frame.jitter:
        return _at_source_size(image, _original(chosen, found, image, frame.size), frame.size)
    return StoredFace(prepared.clean, _quarters(chosen), prepared.jpeg_quality or -1)


@lru_cache(maxsize=2)
def _judging_config(size: tuple[int, int]) -> TripletConfig:
    """A configuration for `prepare_picture` alone, which looks at nothing but size and faces."""
    return TripletConfig(0, size, load_recipe_config(), TemplateSet(()), faces="largest")


def _original(
    chosen: Landmarks, found: Sequence[Landmarks], image_rgb: U8, size: tuple[int, int]
) -> Landmarks:
    """The points in the source picture of the face that was chosen in the fitted one."""
    matrix = fit_transform(image_rgb.shape[1], image_rgb.shape[0], size)
    return next(face for face in found if chosen == (face if matrix is None else face.transformed(matrix)))


def _at_source_size(image_rgb: U8, landmarks: Landmarks, size: tuple[int, int]) -> StoredFace:
    height, width = image_rgb.shape[:2]
    factor = min(width / size[0], height / size[1]) / _SPARE
    if factor > 1:
        smaller = (round(width / factor), round(height / factor))
        matrix = fit_transform(width, height, smaller)
        if matrix is not None:
            image_rgb, landmarks = fit_picture(image_rgb, smaller), landmarks.transformed(matrix)
    return StoredFace(image_rgb, _quarters(landmarks), -1)


def _quarters(landmarks: Landmarks) -> NDArray[np.int32]:
    return np.array(landmarks.to_quarters(), np.int32)
