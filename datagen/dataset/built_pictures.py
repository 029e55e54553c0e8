"""The pictures of a dataset on disk, by the rows that name them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import decode_picture, fit_picture

from .built_rows import BuiltRow
from .rows import layers_file


def read_triplet(folder: Path, row: BuiltRow, size: tuple[int, int] | None) -> tuple[U8, U8, U8 | None]:
    """Decode the pictures of a row.

    Parameters
    ----------
    folder : Path
    row : BuiltRow
    size : (width, height) or None
        Pictures of another size are fitted: `fit_picture`, the map by the same rule.

    Returns
    -------
    masked : uint8 (h, w, 3)
    map : uint8 (h, w)
        Coverage of the mask body, 0..255.
    clean : uint8 (h, w, 3) or None
        None in an adopted dataset that has no clean pictures.

    Raises
    ------
    UserError
        When a file is damaged or has another size than the others.
    """
    images = [_decode(folder, name) for name in (row.masked, row.map, row.clean) if name]
    if len({image.shape for image in images}) > 1:
        raise sizes_differ(folder, row, [image.shape[1::-1] for image in images])
    masked, map_ = fit_picture(images[0], size), fit_picture(np.ascontiguousarray(images[1][..., 0]), size)
    return masked, map_, fit_picture(images[2], size) if row.clean else None


def has_layers(folder: Path, rows: Sequence[BuiltRow]) -> bool:
    """Whether the dataset keeps body, straps and shadow apart, for each of these rows."""
    return all((folder / layers_file(row.key)).is_file() for row in rows)


def read_layers(folder: Path, row: BuiltRow, size: tuple[int, int] | None) -> U8:
    """Decode the layers of a row, as `read_triplet` its pictures.

    Returns
    -------
    uint8 (h, w, 3)
        Coverage of body and straps, 0..255, and strength of the contact shadow.
    """
    return fit_picture(_decode(folder, layers_file(row.key)), size)


def read_file(folder: Path, name: str) -> bytes:
    """Read a file that the manifest names; UserError where that fails."""
    try:
        return read_whole(folder / name)
    except OSError as error:
        raise ArgumentError("data", f": {folder / name} cannot be read: {error.strerror or error}") from error


def _decode(folder: Path, name: str) -> U8:
    try:
        return decode_picture(read_file(folder, name)).image_rgb
    except UnreadablePictureError as error:
        raise ArgumentError("data", f": {folder / name}: {error}") from error


def sizes_differ(folder: Path, row: BuiltRow, sizes: Sequence[tuple[int, ...]]) -> ArgumentError:
    """Return the error that names the (width, height) of masked, map and clean picture."""
    words = ", ".join(
        f"{name} {width}x{height}"
        for name, (width, height) in zip(
            ("masked", "map", "clean"), sizes, strict=False
        )  # clean may be absent
    )
    return ArgumentError("data", f"{folder}: the pictures of {row.key} differ in size: {words}")
