"""Parsing maps in parts, as CelebAMask-HQ comes: one black and white picture for each part of each face."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import UnreadablePictureError
from unmask.datagen.common.read_file import PICTURE_BYTES, read_file
from unmask.datagen.pictures.picture import decode_as_stored

from .parsing_labels import LABEL_NAMES

_PICTURES_PER_FOLDER = 2000  # 0/00000_skin.png to 14/29999_hair.png
_ENDINGS = tuple(f"_{name}" for name in LABEL_NAMES[1:])


def has_parts(folder: Path) -> bool:
    """Tell whether a folder of parsing maps has them in parts, below the numbered folders of CelebAMask-HQ."""
    return any(any(_is_part(path.name) for path in place.iterdir()) for place in _numbered(folder))


def list_parts(folder: Path) -> list[Path]:
    """Return the files with a part of a face, in the order of their faces' numbers."""
    return sorted(
        path
        for place in _numbered(folder)
        for path in place.iterdir()
        if _is_part(path.name) and path.is_file()
    )


def part_stems(path: Path) -> set[str]:
    """Return what the picture that a part belongs to may be called: ``7`` or ``00007``."""
    number = path.name.partition("_")[0]
    return {number, str(int(number))}


def merge_parts(folder: Path, stem: str) -> NDArray[np.uint8] | None:
    """Merge the parts of one face as the data set's authors do: a later part covers an earlier one.

    Parameters
    ----------
    folder : Path
        ``CelebAMask-HQ-mask-anno``.
    stem : str
        The picture's name: its number.

    Returns
    -------
    uint8 (h, w)
        Labels in the numbering of CelebAMask-HQ; None where the face has no part.

    Raises
    ------
    UnreadablePictureError
        When a part cannot be read or is of another size than the ones before.
    """
    if not (stem.isascii() and stem.isdecimal()):
        return None
    number = int(stem)
    merged: NDArray[np.uint8] | None = None
    for label, name in enumerate(LABEL_NAMES[1:], 1):
        path = folder / str(number // _PICTURES_PER_FOLDER) / f"{number:05d}_{name}.png"
        if not path.is_file():
            continue
        part = _read_part(path)
        if merged is None:
            merged = np.zeros(part.shape, np.uint8)
        if part.shape != merged.shape:
            height, width = part.shape
            raise UnreadablePictureError(f"the part map {path.name} is {width}x{height}, others are not")
        merged[part] = label
    return merged


def _read_part(path: Path) -> NDArray[np.bool_]:
    try:
        stored = decode_as_stored(read_file(path, PICTURE_BYTES))
    except OSError as error:
        words = f"the part map {path.name} cannot be read: {error.strerror or error}"
        raise UnreadablePictureError(words) from error
    except UnreadablePictureError as error:
        raise UnreadablePictureError(f"the part map {path.name}: {error}") from error
    return np.asarray(stored[..., :3].any(axis=2) if stored.ndim == 3 else stored != 0)


def _numbered(folder: Path) -> Iterator[Path]:
    return (place for place in folder.iterdir() if place.name.isdecimal() and place.is_dir())


def _is_part(name: str) -> bool:
    stem, _, extension = name.rpartition(".")
    number, _, _ = stem.partition("_")
    return extension == "png" and number.isascii() and number.isdecimal() and stem.endswith(_ENDINGS)
