"""Parsing maps of the user: which pixels are hair, glasses or hat and stay in front of a mask."""

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.checks import list_folder
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.read_file import open_file, read_whole
from unmask.datagen.pictures.picture import decode_as_stored, fit_labels

from .parsing_labels import CELEBAMASK, Numbering, label_table
from .parsing_parts import has_parts, list_parts, merge_parts, part_stems

_ASPECT_TOLERANCE = 0.02


def read_parsing(
    folder: Path,
    stem: str,
    shape: tuple[int, int],
    size: tuple[int, int] | None = None,
    numbering: Numbering = CELEBAMASK,
) -> NDArray[np.uint8] | None:
    """Read ``folder/<stem>.png``, or the parts of CelebAMask-HQ, as labels at output size; None without them.

    Parameters
    ----------
    stem : str
        The source picture's key without variant.
    shape : (height, width)
        Of the source picture, pixels; the map may have another size but must have the same aspect.
    size : (width, height) or None
        Of the result, cropped and scaled as `fit_picture` does; None for the source picture's.
    numbering : str or dict
        Of the file: `read_numbering`.

    Returns
    -------
    uint8 (h, w)
        Labels in the numbering of CelebAMask-HQ.

    Raises
    ------
    UnreadablePictureError
        When the file cannot be read, is no one-channel picture, or of another aspect.
    """
    labels = _read(folder, stem, numbering)
    if labels is None:
        return None
    rows, cols = labels.shape
    height, width = shape
    if abs(cols * height / (rows * width) - 1) > _ASPECT_TOLERANCE:
        raise UnreadablePictureError(
            f"the parsing map {stem}.png is {cols}x{rows}, the picture {width}x{height}"
        )
    return fit_labels(labels, size or (width, height))


def read_fitted_parsing(
    folder: Path, stem: str, size: tuple[int, int], numbering: Numbering = CELEBAMASK
) -> NDArray[np.uint8] | None:
    """`read_parsing` where only the output size is known, not the source picture's: the same labels.

    They are the same because the map is brought to output size (width, height) from its own size.

    Raises
    ------
    UnreadablePictureError
        When the file cannot be read or is no one-channel picture.
    """
    labels = _read(folder, stem, numbering)
    return None if labels is None else fit_labels(labels, size)


def list_maps(folder: Path) -> list[Path]:
    """Return the files that may be parsing maps or parts of one, sorted; UserError where it cannot be read."""
    names = list_folder("parsing", folder)
    try:
        parts = list_parts(folder) if has_parts(folder) else []
    except OSError as error:
        raise ArgumentError("parsing", f"{folder}: cannot be read: {error.strerror or error}") from error
    return [path for path in names if path.suffix == ".png" and path.is_file()] + parts


def mapped_stems(folder: Path) -> set[str]:
    """Return the stems of the pictures that the folder has a map of; UserError where it cannot be read."""
    stems: set[str] = set()
    for path in list_maps(folder):
        stems |= {path.stem} if path.parent == folder else part_stems(path)
    return stems


def maps_sha256(folder: Path) -> str:
    """Return one hash, in hex, of the names and contents of a folder's maps.

    Raises
    ------
    UserError
        When a map cannot be read.
    """
    digest = hashlib.sha256()
    for path in list_maps(folder):
        try:
            with open_file(path) as file:
                content = hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise ArgumentError("parsing", f"{path}: cannot be read: {error.strerror or error}") from error
        digest.update(os.fsencode(path.name) + b"\0" + content)
    return digest.hexdigest()


def _read(folder: Path, stem: str, numbering: Numbering) -> NDArray[np.uint8] | None:
    path = folder / f"{stem}.png"
    if not path.is_file():
        return merge_parts(folder, stem)
    try:
        labels = decode_as_stored(read_whole(path))
    except OSError as error:
        words = f"the parsing map {path.name} cannot be read: {error.strerror or error}"
        raise UnreadablePictureError(words) from error
    except UnreadablePictureError as error:
        raise UnreadablePictureError(f"the parsing map {path.name}: {error}") from error
    if labels.ndim != 2 or labels.dtype != np.uint8:
        raise UnreadablePictureError(f"the parsing map {path.name} is no one-channel 8-bit picture")
    table = label_table(numbering)
    return np.asarray(labels if table is None else table[labels], np.uint8)
