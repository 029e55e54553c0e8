"""Triplets of a dataset on disk for training: rows that were chosen, half of them mirrored."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.rng import generator
from unmask.datagen.dataset.built_pictures import (
    has_layers,
    read_file,
    read_layers,
    read_triplet,
    sizes_differ,
)
from unmask.datagen.dataset.built_rows import BuiltRow
from unmask.datagen.dataset.folder import MANIFEST_NAME
from unmask.datagen.pictures.header import read_header

from .training_triplet import TrainingTriplet, seen_straps

_LOOKED_AT = 32  # rows whose files' sizes are compared before any work; the others when they are decoded


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
        self.has_straps = has_layers(folder, rows)
        self._seed = seed
        self._flip = flip
        for index in np.unique(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(int)).tolist():
            self._check_sizes(self._rows[index])
        self.fingerprint = self._digest()

    def __len__(self) -> int:
        return len(self._rows)

    def _digest(self) -> str:
        """32 hex digits that change with the dataset and with whatever decides a pixel here."""
        words = ("built", self.size, self._seed, self._flip, *(["straps"] if self.has_straps else []))
        digest = hashlib.blake2b(repr(words).encode(), digest_size=16)
        with (self.folder / MANIFEST_NAME).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        for row in self._rows:
            digest.update(row.key.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    def keys(self, index: int) -> str:
        """Return the manifest's key."""
        return self._rows[index].key

    def get(self, index: int, epoch: int) -> TrainingTriplet:
        """Read a triplet, as `Triplets.get` says; UserError when a file is damaged or of another size."""
        row = self._rows[index]
        masked, map_, clean = read_triplet(self.folder, row, self.size)
        # Where there is none, nobody looks at it (`TripletSplits.has_clean`), but batches have one.
        parts = [masked, map_, masked if clean is None else clean]
        layers = read_layers(self.folder, row, self.size) if self.has_straps else None
        parts.append(np.zeros_like(map_) if layers is None else seen_straps(layers))
        if self._flip and generator(self._seed, row.key, epoch, "flip").random() < 0.5:
            parts = [np.asarray(cv2.flip(part, 1), np.uint8) for part in parts]
        return TrainingTriplet(*parts)

    def _check_sizes(self, row: BuiltRow) -> None:
        sizes = []
        for name in filter(None, (row.masked, row.map, row.clean)):
            try:
                header = read_header(read_file(self.folder, name))
            except UnreadablePictureError as error:
                raise ArgumentError("data", f": {self.folder / name}: {error}") from error
            turned = header.orientation > 4  # EXIF: the picture lies on its side
            sizes.append((header.height, header.width) if turned else (header.width, header.height))
        if len(set(sizes)) > 1:
            raise sizes_differ(self.folder, row, sizes)
