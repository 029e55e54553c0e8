"""A picture as a person gives it: an array, a PIL picture, or the path of a file."""

import os
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.common.read_file import read_whole

from .arrays import U8
from .picture import decode_picture

PictureOrPath = U8 | PIL.Image.Image | str | os.PathLike[str]


def open_picture(picture: PictureOrPath) -> U8:
    """Return the pixels, uint8 (h, w, 3), RGB: the array itself, the upright PIL picture, or the decoded file.

    Raises
    ------
    UserError
        Naming the file that cannot be read or decoded.
    ValueError
        When the array has another shape or type.
    """
    if isinstance(picture, PIL.Image.Image):
        return np.asarray(PIL.ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
    if isinstance(picture, str | os.PathLike):
        return open_file(Path(picture))
    image = np.asarray(picture)
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise ValueError(f"expected uint8 (h, w, 3), got {image.dtype} {image.shape}")
    return image


def open_file(path: Path) -> U8:
    """Return the pixels of a file; UserError naming it where it cannot be read or decoded."""
    try:
        return decode_picture(read_whole(path)).image_rgb
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UnreadablePictureError as error:
        raise UserError(f"{path}: {error}") from error
