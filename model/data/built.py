"""Triplets of a dataset on disk, as ``unmask-data build`` writes it."""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.rng import generator
from unmask.datagen.dataset.manifest import ManifestRow, iterate_manifest
from unmask.datagen.pictures.header import read_header
from unmask.datagen.pictures.picture import decode_picture, fit_picture

U8 = NDArray[np.uint8]

MANIFEST = "manifest.csv"
_LOOKED_AT = 32  # rows whose files' sizes are compared before any work; the others when they are decoded


@dataclass(frozen=True, slots=True)
class BuiltRow:
    """What training needs of a manifest's row: a tenth of its memory.

    Attributes
    ----------
    name : str
        Of the source picture.
    families : frozenset of str
        Of the masks of all its faces.
    """

    key: str
    name: str
    split: str
    identity: str
    masked: str
    map: str
    clean: str
    families: frozenset[str]


def read_rows(folder: Path) -> list[BuiltRow]:
    """Read the rows that have a triplet, and see that their files are there.

    Raises
    ------
    UserError
        Naming the folder: no dataset, an empty one, or files are missing.
    """
    if not folder.is_dir():
        raise ArgumentError("data", f"{folder}: no such folder")
    manifest = folder / MANIFEST
    if not manifest.is_file():
        raise ArgumentError(
            "data", f"{folder}: no {MANIFEST} in it: not a dataset of unmask-data build, or not finished"
        )
    rows = [_row(row) for row in iterate_manifest(manifest) if row.status == "ok"]
    if not rows:
        raise ArgumentError("data", f"{folder}: an empty dataset: no row of {MANIFEST} has a triplet")
    check_files(folder, rows)
    return rows


def _row(row: ManifestRow) -> BuiltRow:
    families = {row.family}
    if (row.faces or 1) > 1:
        families |= {face["mask"]["family"] for face in json.loads(row.recipe)["faces"]}
    return BuiltRow(
        row.key, row.source, row.split, row.identity, row.masked, row.map, row.clean, frozenset(families)
    )


def check_files(folder: Path, rows: Sequence[BuiltRow] | Sequence[ManifestRow]) -> None:
    """Raise ArgumentError where files that rows name are missing or outside the dataset."""
    wanted: dict[str, set[str]] = defaultdict(set)
    inside = Inside(folder)
    for row in rows:
        for name in (row.masked, row.map, row.clean):
            inside(name, f"`data` {folder / MANIFEST}: row {row.key}")
            place, _, file = name.rpartition("/")
            wanted[place].add(file)
    missing: list[str] = []
    for place, files in sorted(wanted.items()):
        try:
            there = set(os.listdir(folder / place))  # noqa: PTH208 - names alone: a third of the time
        except OSError:
            there = set()
        missing += [f"{place}/{file}" for file in sorted(files - there)]
    if missing:
        verb = "file is" if len(missing) == 1 else "files are"
        raise ArgumentError(
            "data", f"{folder}: {len(missing)} {verb} missing that {MANIFEST} names, first {missing[0]}"
        )


def filter_families(
    folder: Path, rows: Sequence[BuiltRow], families: Iterable[str] | None, excluded: Iterable[str] = ()
) -> list[BuiltRow]:
    """Keep the rows all of whose masks are of these families, and none of the excluded ones."""
    only = None if families is None else frozenset(families)
    kept = [
        row
        for row in rows
        if (only is None or row.families <= only) and not row.families.intersection(excluded)
    ]
    if not kept:
        raise ArgumentError("data", f"{folder}: no triplet is left with the families that were asked for")
    return kept


class BuiltTriplets:
    """Triplets of rows of a dataset, decoded when asked for (three files: 2 ms at CelebA's size).

    Parameters
    ----------
    folder : Path
    rows : sequence of BuiltRow
    size : (width, height)
        Pictures of another size are fitted: `fit_picture`, the map by the same rule.
    seed : int
        Decides which ones are mirrored in which epoch.
    flip : bool
        Mirror half of them.

    Raises
    ------
    UserError
        When the pictures of a triplet differ in size.
    """

    def __init__(
        self,
        folder: Path,
        rows: Sequence[BuiltRow],
        size: tuple[int, int],
        *,
        seed: int = 0,
        flip: bool = False,
    ) -> None:
        self.folder = folder
        self.size = size
        self._rows = tuple(rows)
        self._seed = seed
        self._flip = flip
        for index in np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(int)).tolist():
            self._check_sizes(self._rows[index])
        self.fingerprint = self._digest()

    def __len__(self) -> int:
        return len(self._rows)

    def _digest(self) -> str:
        """32 hex digits that change with the dataset and with whatever decides a pixel here."""
        digest = hashlib.blake2b(repr(("built", self.size, self._seed, self._flip)).encode(), digest_size=16)
        with (self.folder / MANIFEST).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        for row in self._rows:
            digest.update(row.key.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    def keys(self, index: int) -> str:
        """Return the manifest's key."""
        return self._rows[index].key

    def identity(self, index: int) -> str:
        """Return who it is, "" where unknown."""
        return self._rows[index].identity

    def get(self, index: int, epoch: int) -> tuple[U8, U8, U8]:
        """Read a triplet.

        Returns
        -------
        masked : uint8 (h, w, 3)
        map : uint8 (h, w)
            Coverage of the mask body, 0..255.
        clean : uint8 (h, w, 3)

        Raises
        ------
        UserError
            When a file is damaged or has another size than the others.
        """
        row = self._rows[index]
        masked = self._decode(row.masked)
        map_ = self._decode(row.map)[..., 0]
        clean = self._decode(row.clean)
        if not masked.shape == clean.shape == (*map_.shape, 3):
            raise self._sizes_differ(row, [image.shape[1::-1] for image in (masked, map_, clean)])
        parts = [fit_picture(np.ascontiguousarray(part), self.size) for part in (masked, map_, clean)]
        if self._flip and generator(self._seed, row.key, epoch, "flip").random() < 0.5:
            parts = [np.asarray(cv2.flip(part, 1), np.uint8) for part in parts]
        return parts[0], parts[1], parts[2]

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError as error:
            raise ArgumentError(
                "data", f": {self.folder / name} cannot be read: {error.strerror or error}"
            ) from error

    def _decode(self, name: str) -> U8:
        try:
            return decode_picture(self._read(name)).image_rgb
        except UnreadablePictureError as error:
            raise ArgumentError("data", f": {self.folder / name}: {error}") from error

    def _check_sizes(self, row: BuiltRow) -> None:
        sizes = []
        for name in (row.masked, row.map, row.clean):
            try:
                header = read_header(self._read(name))
            except UnreadablePictureError as error:
                raise ArgumentError("data", f": {self.folder / name}: {error}") from error
            turned = header.orientation > 4  # EXIF: the picture lies on its side
            sizes.append((header.height, header.width) if turned else (header.width, header.height))
        if len(set(sizes)) > 1:
            raise self._sizes_differ(row, sizes)

    def _sizes_differ(self, row: BuiltRow, sizes: Sequence[tuple[int, ...]]) -> UserError:
        words = ", ".join(
            f"{name} {width}x{height}"
            for name, (width, height) in zip(("masked", "map", "clean"), sizes, strict=True)
        )
        return ArgumentError("data", f"{self.folder}: the pictures of {row.key} differ in size: {words}")
