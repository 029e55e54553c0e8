"""Reading the pictures of a run and the maps that come with them; whatever is wrong with one becomes its status."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.coverage import COVERED, decode_coverage, what_is_wrong
from unmask.datagen.pictures.metadata import Metadata, read_metadata, with_metadata
from unmask.datagen.pictures.picture import decode_picture, decode_rgba, encode_png
from unmask.model.inference.photo import BAD_MAP, OK, UNREADABLE

from .inputs import RunInput


@dataclass(frozen=True, eq=False)
class Loaded:
    """A picture that was read.

    Attributes
    ----------
    item : RunInput
    sha256 : str
        Of the file; "" where it could not be read.
    map_sha256 : str
        Of its own map's file; "" without one, and where that could not be read.
    image : uint8 (h, w, 3) or None
        RGB; None where it could not be decoded, or need not be.
    rgba : uint8 (h, w, 4) or None
        The same with its transparency, where it has some: ``image`` is that on white.
    metadata : Metadata
        Colour profile and EXIF, for the result's file.
    map : uint8 (h, w) or None
        The picture's own map, of its size: 0 or 255.
    status, reason : str
        ``ok``, ``unreadable`` or ``bad_map``, and why.
    finished : bool
        An earlier run has done this very file.
    """

    item: RunInput
    sha256: str = ""
    map_sha256: str = ""
    image: U8 | None = None
    rgba: U8 | None = None
    metadata: Metadata = field(default_factory=Metadata)
    map: U8 | None = None
    status: str = OK
    reason: str = ""
    finished: bool = False


def load(item: RunInput, finished: Callable[[RunInput, str, str], bool]) -> Loaded:
    """Read a picture and its map.

    Parameters
    ----------
    item : RunInput
    finished : callable
        Takes the item, its file's sha256 and its map's; True where there is nothing left to do, and so nothing
        to decode.
    """
    try:
        data = read_whole(item.path)
    except OSError as error:
        return Loaded(item, status=UNREADABLE, reason=f"cannot be read: {error.strerror or error}")
    map_data, trouble = _read_map(item.map)
    loaded = Loaded(item, hashlib.sha256(data).hexdigest(), _sha256(map_data))
    if finished(item, loaded.sha256, loaded.map_sha256):
        return replace(loaded, finished=True)
    try:
        image = decode_picture(data).image_rgb
        rgba = decode_rgba(data)
    except UnreadablePictureError as error:
        return replace(loaded, status=UNREADABLE, reason=str(error))
    loaded = replace(loaded, image=image, rgba=rgba, metadata=read_metadata(data))
    if trouble:
        return replace(loaded, status=BAD_MAP, reason=trouble)
    return loaded if item.map is None else _with_map(loaded, image, item.map, map_data)


def _read_map(path: Path | None) -> tuple[bytes, str]:
    """Content of a map's file, and what is wrong with it."""
    try:
        return b"" if path is None else read_whole(path), ""
    except OSError as error:
        return b"", f"map {path and path.name} cannot be read: {error.strerror or error}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest() if data else ""


def _with_map(loaded: Loaded, image: U8, path: Path, data: bytes) -> Loaded:
    try:
        coverage = decode_coverage(data)
    except UnreadablePictureError as error:
        return replace(loaded, status=BAD_MAP, reason=f"map {path.name}: {error}")
    if coverage.shape != image.shape[:2]:
        sizes = [f"{shape[1]}x{shape[0]}" for shape in (coverage.shape, image.shape)]
        return replace(loaded, status=BAD_MAP, reason=f"map of {sizes[0]} for a picture of {sizes[1]}")
    wrong = what_is_wrong(coverage)
    if wrong:
        return replace(loaded, status=BAD_MAP, reason=f"map {path.name}: {wrong}")
    return replace(loaded, map=np.where(coverage >= COVERED, 255, 0).astype(np.uint8))


def encode_result(loaded: Loaded, restored_rgb: U8) -> bytes:
    """Encode a result as PNG, with the transparency, colour profile and EXIF of the picture that it was made of.

    Parameters
    ----------
    loaded : Loaded
    restored_rgb : uint8 (h, w, 3)
        Of its size; pixels that differ from ``loaded.image`` were drawn, and are opaque.
    """
    image = restored_rgb
    if loaded.rgba is not None and loaded.image is not None:
        drawn = (restored_rgb != loaded.image).any(axis=2)
        image = loaded.rgba.copy()
        image[drawn, :3], image[drawn, 3] = restored_rgb[drawn], 255
    return with_metadata(encode_png(image), loaded.metadata)
