"""What every format has: names of the files of a triplet, and how they are written."""

import json
import re
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import numpy as np

from unmask.datagen.common.errors import UnreadablePictureError, UserError
from unmask.datagen.dataset.folder import MANIFEST_NAME
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.rows import layers_file
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.coverage import COVERED
from unmask.datagen.pictures.picture import decode_as_stored, decode_picture

from .instances import Instance, split_instances
from .options import ExportOptions
from .place import Place
from .rows import ExportRow, Survey, worn_masks


class Writer:
    """Writes triplets in one format; a context manager, that completes what is written bit by bit.

    Parameters
    ----------
    place : Place
        The open folder of the export.
    found : Survey
    options : ExportOptions
    """

    def __init__(self, place: Place, found: Survey, options: ExportOptions) -> None:
        self.place, self.found, self.options = place, found, options
        self.open_files = ExitStack()
        self.notes: list[str] = []  # what a person should know when all is written

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open_files.__exit__(kind, error, trace)

    def names(self, one: ExportRow) -> list[str]:
        """Return the files that `add` makes for a triplet alone."""
        raise NotImplementedError

    def add(self, one: ExportRow) -> None:
        """Write a triplet."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write what is known when all triplets are written."""

    def picture(self, name: str) -> U8:
        """Decode a picture of the dataset: uint8 (h, w, 3) RGB; UserError where it is damaged."""
        try:
            return decode_picture(self.place.read(name)).image_rgb
        except UnreadablePictureError as error:
            raise UserError(f"{self.place.data / name}: {error}") from error

    def map(self, one: ExportRow) -> U8:
        """Decode the map of a triplet: uint8 (h, w), 0..255."""
        return np.ascontiguousarray(self.picture(one.row.map)[..., 0])

    def layers(self, one: ExportRow) -> U8:
        """Decode the layers of a triplet: uint8 (h, w, 3), mask, straps, shadow."""
        return self.picture(layers_file(one.key))

    def instances(self, one: ExportRow, map_: U8) -> list[Instance]:
        """Return the mask of each face of a picture."""
        return split_instances(map_, worn_masks(one.row, self.place.data / MANIFEST_NAME))

    def class_number(self, instance: Instance) -> int:
        """Return the number of an instance's class, from 0."""
        classes = self.found.classes
        name = instance.worn.family
        return classes.index(name) if name in classes else len(classes) - 1

    def channels(self, name: str) -> int:
        """Return how many channels a picture has as it is stored."""
        try:
            image = decode_as_stored(self.place.read(name))
        except UnreadablePictureError as error:
            raise UserError(f"{self.place.data / name}: {error}") from error
        return 1 if image.ndim == 2 else int(image.shape[2])


def parts_of(row: ManifestRow, *, layers: bool) -> dict[str, str]:
    """Return the pictures of a triplet in the dataset, by what they show."""
    found = {"masked": row.masked, "map": row.map, "clean": row.clean}
    found = {what: name for what, name in found.items() if name}
    return found | ({"layers": layers_file(row.key)} if layers else {})


def portable_key(key: str) -> str:
    """Return a key in ASCII letters without a dot, for formats that end names there; two keys never become one."""
    return quote(key.encode("utf-8", "surrogateescape"), safe="").replace(".", "%2E")


def compact(value: Any) -> str:
    """Return JSON in one line of ASCII."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def yaml_name(name: str) -> str:
    """Return a text as YAML takes it for a text, whatever is in it."""
    return (
        name
        if re.fullmatch(r"[a-z][a-z_]*", name) and name not in ("yes", "no", "on", "off")
        else json.dumps(name)
    )


def suffix_of(name: str) -> str:
    """Return the extension of a file in lower case."""
    return Path(name).suffix.lower()


def binary(map_: U8) -> U8:
    """Return a map as 0 and 1."""
    return (map_ >= COVERED).astype(np.uint8)
