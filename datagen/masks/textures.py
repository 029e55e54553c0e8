"""Textures of the user: pictures of cloth that are laid on masks instead of a drawn print."""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.checks import list_folder
from unmask.datagen.common.colour import decode_srgb
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.common.read_file import PICTURE_BYTES, read_file
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

F32 = NDArray[np.float32]

_MOST_PX = 512  # a texture's longer side in memory: a mask shows no more
_MOST_LAID_PX = (
    4096  # along the cloth: a picture one pixel wide would else be repeated hundreds of metres high
)
_PERIODS = 6.0  # a picture of cloth spans this many times the period that a drawn print would have


def find_textures(folder: Path) -> tuple[dict[str, Path], str]:
    """Pictures in a folder by stem, and a hash of their bytes.

    Raises
    ------
    UserError
        Naming ``textures`` and the file, when there is none or one cannot be used.
    """
    if not folder.is_dir():
        raise ArgumentError("textures", f"{folder}: no such folder")
    found: dict[str, Path] = {}
    digest = hashlib.sha256()
    for path in list_folder("textures", folder):
        if path.suffix.lower() not in PICTURE_EXTENSIONS:
            continue
        if path.stem in found:
            raise ArgumentError("textures", f": {path.name} and {found[path.stem].name} have one name")
        try:
            data = read_file(path, PICTURE_BYTES, folder)
            decode_picture(data)
        except UnreadablePictureError as error:
            raise ArgumentError("textures", f": {path}: {error}") from None
        except OSError as error:
            raise ArgumentError("textures", f": {path} cannot be read: {error.strerror}") from None
        digest.update(path.stem.encode("utf-8", "surrogateescape") + b"\0" + data)
        found[path.stem] = path
    if not found:
        raise ArgumentError("textures", f"{folder}: no picture there (jpg, png, webp, bmp)")
    return found, digest.hexdigest()


def texture_path(textures: Mapping[str, Path], name: str) -> Path:
    """File of a texture by stem; UserError when it is not at hand."""
    try:
        return textures[name]
    except KeyError:
        raise UserError(f"texture {name!r} is not at hand; is `textures` missing?") from None


def lay_texture(
    path: Path,
    shape: tuple[int, int],
    size_iod: tuple[float, float],
    scale: float,
    turn_deg: float,
    seed: int,
) -> F32:
    """Linear RGB of a texture laid over cloth, mirrored where it ends, float32 (3, rows, cols).

    Parameters
    ----------
    shape : (rows, cols)
        Of the cloth's raster.
    size_iod : (width, height)
        Of the cloth.
    scale : float
        A sixth of the picture's width on the cloth, IOD.
    seed : int
        Where on the cloth the picture begins.
    """
    rows, cols = shape
    px_per_iod = cols / size_iod[0]
    status = path.stat()
    picture = _load(path, status.st_mtime_ns, status.st_size)  # painted anew, it is read anew
    wide = max(round(_PERIODS * scale * px_per_iod), 4)
    high = min(max(round(wide * picture.shape[0] / picture.shape[1]), 4), _MOST_LAID_PX)
    method = cv2.INTER_AREA if wide < picture.shape[1] else cv2.INTER_LINEAR
    small = cv2.resize(picture, (wide, high), interpolation=method)
    cos, sin = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    x = np.arange(cols, dtype=np.float32)[None, :] - np.float32(cols / 2)
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(rows / 2)
    start_x, start_y = (seed % 997) / 997 * 2 * wide, (seed // 997 % 991) / 991 * 2 * high
    at_x = _mirror(x * np.float32(cos) + y * np.float32(sin) + np.float32(start_x), wide)
    at_y = _mirror(y * np.float32(cos) - x * np.float32(sin) + np.float32(start_y), high)
    laid = cv2.remap(small, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.ascontiguousarray(laid.transpose(2, 0, 1))


def _mirror(position: F32, length: int) -> F32:
    """Fold positions of any size into 0..length-1, back and forth, so that no seam shows."""
    folded = np.mod(position, np.float32(2 * length))
    inside: F32 = np.clip(np.minimum(folded, np.float32(2 * length) - folded), 0, length - 1).astype(
        np.float32
    )
    return inside


@lru_cache(maxsize=64)
def _load(path: Path, changed_ns: int, size: int) -> F32:
    image = decode_picture(read_file(path, PICTURE_BYTES)).image_rgb
    shrink = _MOST_PX / max(image.shape[:2])
    if shrink < 1:
        # factors, which a picture one pixel wide has no room for
        narrow = (
            [max(1, round(side * shrink)) for side in image.shape[1::-1]]
            if min(image.shape[:2]) * shrink < 1
            else None
        )
        image = np.asarray(
            cv2.resize(image, narrow, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8
        )
    return decode_srgb(image)
