"""Plain folders of pictures that go with each other by their names: photographs, true maps, clean pictures."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.tree import list_pictures

PICTURES, CLEAN, MAPS = ("masked", "images", "photos"), ("clean", "unmasked"), ("map", "maps")
"""What the subfolders may be called."""


def subfolder(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the first subfolder of one of these names, None where there is none."""
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def by_stem(folder: Path | None) -> dict[str, Path]:
    """Return the pictures of a folder by their names without extension; UserError where it is none."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder")
    listing = list_pictures(folder, set())
    if listing.incomplete:  # pictures would be without their partners, and nobody told why
        raise UserError(f"{folder}: {listing.notes[-1]}")
    return {name.rpartition(".")[0]: folder / name for name in listing.names}


def mapped_photos(folder: Path) -> list[tuple[Path, Path]]:
    """Return the photographs of a folder and their maps, in order of names.

    Parameters
    ----------
    folder : Path
        With a subfolder ``maps``, and one ``images`` or the pictures themselves.

    Raises
    ------
    UserError
        When it has no maps, or none of its pictures has one.
    """
    maps = subfolder(folder, MAPS)
    if maps is None:
        raise UserError(f"{folder}: no subfolder {' or '.join(MAPS)} with the true maps")
    known = by_stem(maps)
    photos = by_stem(subfolder(folder, PICTURES) or folder)
    pairs = [(path, known[stem]) for stem, path in photos.items() if stem in known]
    if not pairs:
        raise UserError(f"{folder}: no picture has a map of its name in {maps}")
    return pairs


def read_mapped(photo: Path, map_: Path) -> tuple[U8, U8]:
    """Decode a photograph (h, w, 3) and its map (h, w), 0..255; UserError where their sizes differ."""
    image, coverage = open_file(photo), np.ascontiguousarray(open_file(map_)[..., 0])
    check_size(map_, coverage, photo, image)
    return image, coverage


def check_size(path: Path, image: U8, of: Path, picture: U8) -> None:
    """Raise UserError where a partner has another size than its picture."""
    if image.shape[:2] != picture.shape[:2]:
        raise UserError(
            f"{path}: {image.shape[1]}x{image.shape[0]} pixels, its picture {of.name} has "
            f"{picture.shape[1]}x{picture.shape[0]}"
        )
