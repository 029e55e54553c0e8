"""Triplets without files: new masks for every face in every epoch, the same pixels as `build` would write."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet import Refusal, Triplet, TripletConfig, make_triplet
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source, SourceFace

from .manifest import ManifestRow
from .rows import make_row
from .worker import known_or_found


class OnlineTriplet(TypedDict):
    """One item of a `TripletDataset`, a plain dict.

    Attributes
    ----------
    masked, clean : NDArray[np.uint8]
        (h, w, 3) RGB.
    map : NDArray[np.uint8]
        (h, w) coverage of the mask body, 0..255.
    row : ManifestRow
        What a dataset's manifest would say, with empty paths.
    """

    masked: NDArray[np.uint8]
    map: NDArray[np.uint8]
    clean: NDArray[np.uint8]
    row: ManifestRow


class TripletDataset:
    """Map-style dataset that renders its triplets when they are asked for.

    Item ``i`` is source picture ``i // variants`` with mask number ``epoch * variants + i % variants``. In
    epoch 0 these are, to the pixel, those of ``unmask-data build`` with the same seed, recipe and templates.

    A picture that yields no triplet (unreadable, no face, rejected) is replaced by the next one in order that
    does, so that every index gives an item; ``row.source`` says which picture it is. Pictures without a
    face according to a given landmark table are left out from the beginning.

    Objects can be sent to other processes (a data loader's workers); each keeps the points that it has found.

    Parameters
    ----------
    source : Source or str
        Opened by `open_source`, or what ``unmask-data build`` takes as SOURCE.
    config : TripletConfig
        Everything that decides the pixels.
    variants : int
        Masks per picture and epoch.
    landmarks : LandmarkTable or Path, optional
        Known points: ``landmarks.csv`` of a built dataset saves finding them.
    epoch : int
        The first epoch; see `set_epoch`.

    Raises
    ------
    UserError
        When there is no picture to work on.
    """

    def __init__(
        self,
        source: Source | str,
        config: TripletConfig,
        *,
        variants: int = 1,
        landmarks: LandmarkTable | Path | None = None,
        epoch: int = 0,
    ) -> None:
        if variants < 1:
            raise UserError(f"variants {variants}: expected at least 1")
        self.source = open_source(source) if isinstance(source, str) else source
        check_recipe(config.recipe, config.templates)
        self.config = config
        self.variants = variants
        self._table = LandmarkTable.read(landmarks) if isinstance(landmarks, Path) else landmarks
        self.faces = tuple(face for face in self.source.faces if not self._is_faceless(face))
        if not self.faces:
            raise ArgumentError("source", f"{self.source.root}: no picture with a face in it")
        self._found: dict[int, tuple[Landmarks, ...]] = {}
        self.set_epoch(epoch)

    def set_epoch(self, epoch: int) -> None:
        """Choose which masks are drawn: every epoch has its own, none repeats."""
        if epoch < 0:
            raise ValueError(f"epoch {epoch} is negative")
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.faces) * self.variants

    def __getitem__(self, index: int) -> OnlineTriplet:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{index} of {len(self)}")
        first, offset = divmod(index % len(self), self.variants)
        variant = self.epoch * self.variants + offset
        for step in range(len(self.faces)):
            item = self._render((first + step) % len(self.faces), variant)
            if item is not None:
                return item
        raise ArgumentError("source", f"{self.source.root}: no picture yields a triplet")

    def _render(self, number: int, variant: int) -> OnlineTriplet | None:
        face = self.faces[number]
        try:
            data = face.read_bytes()
            image = decode_picture(data).image_rgb
        except UnreadablePictureError:
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        found = self._found.get(number)
        if found is None:
            known = self._table.entries(face.name) if self._table else ()
            found = self._found[number] = tuple(known_or_found(face, sha256, image, known))
        made: Triplet | Refusal = make_triplet(
            image, found, self.config, key=face.name, variant=variant, jpeg_quality=jpeg_quality(data)
        )
        if isinstance(made, Refusal):
            return None
        row = make_row(face, sha256, variant, made, found)
        return {"masked": made.masked, "map": made.map, "clean": made.clean, "row": row}

    def _is_faceless(self, face: SourceFace) -> bool:
        entries: Sequence[tuple[str, tuple[Landmarks, ...]]] = (
            self._table.entries(face.name) if self._table else ()
        )
        return bool(entries) and not any(faces for _, faces in entries)
