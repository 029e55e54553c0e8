"""What a worker does with a few pictures that are packed: read, find faces, scale, write."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.atomic import write_atomic, writing_to
from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.picture import Picture, decode_picture, encode_jpg, fit_picture, fit_transform
from unmask.datagen.sources.source import SourceFace

from .points import find_points_of, known_points

KnownFaces = tuple[tuple[str, tuple[Landmarks, ...]], ...]


@dataclass(frozen=True)
class PackOrder:
    """What is the same for every picture: folder that it goes to, shorter side in pixels, JPEG quality."""

    folder: Path
    size: int
    quality: int


@dataclass(frozen=True)
class Packed:
    """What became of a picture.

    Attributes
    ----------
    status : str
        ``ok``, ``no_face`` or ``unreadable``, as in a manifest; only the first is written.
    sha256 : str
        Of the file that was written, hex.
    bytes : int
        Its length.
    landmarks : tuple of Landmarks
        All faces, in its pixels.
    """

    status: str
    sha256: str = ""
    bytes: int = 0
    landmarks: tuple[Landmarks, ...] = ()


def packed_name(face: SourceFace) -> str:
    """Return the name of the file that a picture becomes."""
    return f"{face.stem}.jpg"


def pack_chunk(order: PackOrder, chunk: Sequence[tuple[SourceFace, KnownFaces]]) -> list[Packed]:
    """Pack a few pictures; a result for each, in order.

    Raises
    ------
    UserError
        When the folder cannot be written to.
    """
    if cv2.getNumThreads() != 1:
        cv2.setNumThreads(1)
    read: list[tuple[bytes, Picture] | None] = [_read(face) for face, _ in chunk]
    found: dict[int, Sequence[Landmarks]] = {}
    for number, ((face, known), content) in enumerate(zip(chunk, read, strict=True)):
        if content is not None:
            points = known_points(face, hashlib.sha256(content[0]).hexdigest(), known)
            if points is not None:
                found[number] = points
    searched = [
        (number, content[1].image_rgb)
        for number, content in enumerate(read)
        if content is not None and number not in found
    ]
    points_of = find_points_of([(chunk[number][0], image) for number, image in searched])
    found.update((number, next(points_of)) for number, _ in searched)
    return [
        Packed("unreadable")
        if content is None
        else _write(order, chunk[number][0], content[0], content[1], found[number])
        for number, content in enumerate(read)
    ]


def _read(face: SourceFace) -> tuple[bytes, Picture] | None:
    try:
        data = face.read_bytes()
        return data, decode_picture(data)
    except UnreadablePictureError:
        return None


def _write(
    order: PackOrder, face: SourceFace, data: bytes, picture: Picture, landmarks: Sequence[Landmarks]
) -> Packed:
    if not landmarks:
        return Packed("no_face")
    image, moved = scaled(picture.image_rgb, landmarks, order.size)
    as_it_is = image is picture.image_rgb and picture.byte_copy and data.startswith(b"\xff\xd8")
    if not as_it_is:  # a JPEG that is small enough is not compressed once more
        data = encode_jpg(image, order.quality)
    with writing_to(order.folder.parent):
        write_atomic(order.folder / packed_name(face), data)
    return Packed("ok", hashlib.sha256(data).hexdigest(), len(data), moved)


def scaled(
    image_rgb: NDArray[np.uint8], landmarks: Sequence[Landmarks], size: int
) -> tuple[NDArray[np.uint8], tuple[Landmarks, ...]]:
    """Scale a picture down until its shorter side has ``size`` pixels; a smaller one stays the array that it is.

    Parameters
    ----------
    image_rgb : uint8 (h, w, 3)
    landmarks : sequence of Landmarks
        In its pixels; they come back in those of the result.
    size : int
    """
    height, width = image_rgb.shape[:2]
    factor = min(height, width) / size
    smaller = (round(width / factor), round(height / factor))
    matrix = fit_transform(width, height, smaller) if factor > 1 else None
    if matrix is None:
        return image_rgb, tuple(landmarks)
    return fit_picture(image_rgb, smaller), tuple(face.transformed(matrix) for face in landmarks)
