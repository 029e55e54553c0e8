"""Triplets without files: new masks for every face in every epoch, the same pixels as `build` would write."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from unmask.datagen.common.arguments import make_options, square_or_size
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError, UserError
from unmask.datagen.faces.landmark_table import LandmarkTable
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.draw import check_recipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import load_templates
from unmask.datagen.pictures.picture import decode_picture
from unmask.datagen.render.prepared_picture import Refusal
from unmask.datagen.render.sensor import jpeg_quality
from unmask.datagen.render.triplet import Triplet, make_triplet
from unmask.datagen.render.triplet_config import TripletConfig
from unmask.datagen.sources.open_source import open_source
from unmask.datagen.sources.source import Source, SourceFace

from .items import Transform, TripletItem, cells_by_column, checked_index
from .manifest_row import ManifestRow
from .options import BuildOptions
from .points import find_points, known_points
from .rows import make_row
from .shared import FoundLandmarks, SharedEpoch, share_cores


def triplet_config(options: BuildOptions, *, jitter: bool = False, occluders: bool = False) -> TripletConfig:
    """Check what decides the pixels, and read the recipe and templates that it names."""
    options.check()
    templates = load_templates(options.templates, options.families, options.textures)
    recipe = load_recipe_config(options.recipe, options.pins)
    return TripletConfig(options.seed, options.size, recipe, templates, options.faces, jitter, occluders)


class TripletDataset:
    """Map-style dataset that renders its triplets when they are asked for.

    Item ``i`` is source picture ``i // variants`` with mask number ``epoch * variants + i % variants``: a dict of
    ``masked``, ``map``, ``clean`` and ``key`` (`unmask.datagen.dataset.items.TripletItem`). In epoch 0 these are,
    to the pixel, those of ``unmask-data build`` with the same arguments.

    A picture that yields no triplet (unreadable, no face, rejected) is replaced by the next one in order that
    does, so that every index gives an item; ``key`` says which picture it is. Pictures without a face according
    to a given landmark table are left out from the beginning.

    Made for data loaders with any number of processes, kept between epochs or not: `set_epoch` reaches them all,
    and points that one has found are known to the others.

    Parameters
    ----------
    source : str, Path or Source
        What ``unmask-data build`` takes as SOURCE.
    config : TripletConfig, optional
        Everything that decides the pixels, instead of ``seed`` to ``occluders``.
    seed, size, recipe, pins, families, templates, textures, faces
        As in `unmask.datagen.dataset.options.BuildOptions`; ``size`` may be one number for a square. None keeps
        each picture's own, which a loader can only stack where they are all alike.
    jitter : bool
        Move every picture by the recipe's ``[jitter]``, differently in each epoch; not what ``build`` does.
    occluders : bool
        Draw hands, cups and the like in front of some faces, by the recipe's ``[occluder]``: into masked and clean,
        and out of the map; not what ``build`` does.
    split, limit
        Part of a source that is given by name.
    variants : int
        Masks per picture and epoch.
    landmarks : LandmarkTable, str or Path, optional
        Known points: ``landmarks.csv`` of a built dataset saves finding them.
    epoch : int
        The first epoch; see `set_epoch`.
    transform : callable, optional
        Takes the item, gives what the data loader gets, such as `unmask.to_tensors`.
    row : bool
        Items also have ``row``, the manifest's row as texts.

    Raises
    ------
    UserError
        When an argument makes no sense, or there is no picture to work on.

    Examples
    --------
    >>> import unmask
    >>> data = unmask.TripletDataset("demo", size=64, seed=1)
    >>> len(data), data[0]["masked"].shape, data[0]["key"]
    (49, (64, 64, 3), '000001_00')
    >>> data.set_epoch(1)
    >>> data[0]["key"]
    '000001_01'
    """

    def __init__(
        self,
        source: Source | str | Path,
        config: TripletConfig | None = None,
        *,
        seed: int = 0,
        size: int | tuple[int, int] | None = None,
        recipe: str | Path = "default",
        pins: Sequence[str] = (),
        families: Sequence[str] | None = None,
        templates: Sequence[str | Path] = (),
        textures: str | Path | None = None,
        faces: str = "all",
        jitter: bool = False,
        occluders: bool = False,
        split: str | None = None,
        limit: int | None = None,
        variants: int = 1,
        landmarks: LandmarkTable | str | Path | None = None,
        epoch: int = 0,
        transform: Transform | None = None,
        row: bool = False,
    ) -> None:
        if variants < 1:
            raise ArgumentError("variants", f"{variants}: expected at least 1")
        if isinstance(source, Source):
            if split is not None or limit is not None:
                raise UserError("split and limit choose from a source that is given by its name")
            self.source = source
        else:
            self.source = open_source(str(source), split=split, limit=limit)
        plain = BuildOptions(self.source.root, Path())
        options = make_options(
            BuildOptions,
            source=plain.source,
            out=plain.out,
            seed=seed,
            size=square_or_size(size),
            recipe=recipe,
            pins=pins,
            families=families,
            templates=templates,
            textures=textures,
            faces=faces,
        )
        if config is None:
            config = triplet_config(options, jitter=jitter, occluders=occluders)
        elif jitter or occluders or options != plain:
            raise UserError("give config, or what it would hold (seed, size, recipe, ...), not both")
        check_recipe(config.recipe, config.templates)
        self.config = config
        self.variants = variants
        self._table = LandmarkTable.read(Path(landmarks)) if isinstance(landmarks, str | Path) else landmarks
        self.faces = tuple(face for face in self.source.faces if not self._is_faceless(face))
        if not self.faces:
            raise ArgumentError("source", f"{self.source.root}: no picture with a face in it")
        self._found = FoundLandmarks()
        self._epoch = SharedEpoch(epoch)
        self._transform = transform
        self._with_row = row

    @property
    def epoch(self) -> int:
        """As `set_epoch` left it."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Choose which masks are drawn: every epoch has its own, none repeats.

        Between two passes over a data loader; processes that it keeps (``persistent_workers``) obey as well.
        """
        self._epoch.set(epoch)

    def __len__(self) -> int:
        return len(self.faces) * self.variants

    def __getitem__(self, index: int) -> TripletItem:
        triplet, row = self.triplet(index)
        item: TripletItem = {
            "masked": triplet.masked,
            "map": triplet.map,
            "clean": triplet.clean,
            "key": row.key,
        }
        if self._with_row:
            item["row"] = cells_by_column(row, self.source.attribute_names)
        return item if self._transform is None else cast(TripletItem, self._transform(item))

    def row(self, index: int) -> ManifestRow:
        """Return what a dataset's manifest would say of an item, with empty paths; renders it for that."""
        return self.triplet(index)[1]

    def triplet(self, index: int) -> tuple[Triplet, ManifestRow]:
        """Render an item: all that is known of it."""
        first, offset = divmod(checked_index(index, len(self)), self.variants)
        variant = self.epoch * self.variants + offset
        share_cores()
        for step in range(len(self.faces)):
            made = self._render((first + step) % len(self.faces), variant)
            if made is not None:
                return made
        raise ArgumentError("source", f"{self.source.root}: no picture yields a triplet")

    def _render(self, number: int, variant: int) -> tuple[Triplet, ManifestRow] | None:
        face = self.faces[number]
        try:
            data = face.read_bytes()
            image = decode_picture(data).image_rgb
        except UnreadablePictureError:
            return None
        sha256 = hashlib.sha256(data).hexdigest()
        found = known_points(face, sha256, self._entries(face))
        if found is None:
            found = self._found.get(number)
        if found is None:
            found = find_points(face, image)
            self._found.add(number, found)
        made: Triplet | Refusal = make_triplet(
            image, found, self.config, key=face.name, variant=variant, jpeg_quality=jpeg_quality(data)
        )
        if isinstance(made, Refusal):
            return None
        return made, make_row(face, sha256, variant, made, found)

    def _entries(self, face: SourceFace) -> Sequence[tuple[str, tuple[Landmarks, ...]]]:
        return self._table.entries(face.name) if self._table else ()

    def _is_faceless(self, face: SourceFace) -> bool:
        entries = self._entries(face)
        return bool(entries) and not any(faces for _, faces in entries)
