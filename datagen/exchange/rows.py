"""The rows of a dataset that are exported, one at a time: two passes over the manifest, and no list of it."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.dataset.folder import MANIFEST_NAME, read_build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names
from unmask.datagen.dataset.manifest_row import ATTRIBUTE_PREFIX, ManifestRow
from unmask.datagen.dataset.rows import check_paths, row_files
from unmask.datagen.dataset.splits import ValidationDraw
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.template import load_templates
from unmask.datagen.render.recipe_text import recipe_faces
from unmask.datagen.sources.splits import SPLITS

from .options import ExportOptions

MASK = "mask"  # the class of a mask of which no family is known
_TEXTS = ("source", "identity", "family", "template", "worn", "colour", "texture")
_NUMBERS = ("faces", "coverage", "lower_face_coverage", "yaw", "pitch", "roll")


@dataclass(frozen=True)
class ExportRow:
    """A triplet on its way: its row, the split that it goes to, and how its mask is held.

    Attributes
    ----------
    row : ManifestRow
    split : str
        ``train``, ``val`` or ``test``.
    straps : str
        ``ear_loops``, ``head_straps``, ``ties``, ``none``; "" where unknown.
    number : int
        From 0, among those of its split.
    """

    row: ManifestRow
    split: str
    straps: str
    number: int

    @property
    def key(self) -> str:
        """The manifest's."""
        return self.row.key


@dataclass(frozen=True)
class Survey:
    """What is to be known of all rows before the first one is exported.

    Attributes
    ----------
    folder : Path
        The dataset.
    draw : ValidationDraw or None
        Which rows become ``val``, where the dataset knows of no splits.
    total : int
        How many triplets are exported, at most.
    classes : tuple of str
        Names of classes, in the order of their numbers.
    attribute_names : tuple of str
    suffix : str
        Extension of the first masked picture: one for all of them is what some formats ask for.
    straps : dict of str to str
        How the masks of a template are held.
    notes : tuple of str
        What a person should know.
    """

    folder: Path
    draw: ValidationDraw | None
    total: int
    classes: tuple[str, ...]
    attribute_names: tuple[str, ...]
    suffix: str
    straps: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def facts(self, exported: ExportRow) -> dict[str, str | int | float | None]:
        """Return what is known of a triplet, as `facts_of` does."""
        return facts_of(exported.row, exported.split, exported.straps, self.attribute_names)


def facts_of(
    row: ManifestRow, split: str, straps: str, attribute_names: Sequence[str]
) -> dict[str, str | int | float | None]:
    """Return what is known of a triplet, under the same names for every format; None where unknown."""
    found: dict[str, str | int | float | None] = {"key": row.key, "split": split or None}
    found |= {name: getattr(row, name) or None for name in _TEXTS}
    found |= {"straps": straps or None, "width": row.width, "height": row.height}
    found |= {name: getattr(row, name) for name in _NUMBERS}
    values = row.attributes or (None,) * len(attribute_names)
    return found | {
        ATTRIBUTE_PREFIX + name: value for name, value in zip(attribute_names, values, strict=True)
    }


def check_finished(folder: Path) -> dict[str, Any]:
    """Return what ``build.json`` says; UserError where the folder holds no finished dataset."""
    build = read_build(folder)
    if not folder.is_dir():
        raise ArgumentError("data", f"{folder}: no such folder")
    if build is None:
        raise ArgumentError(
            "data", f"{folder}: no dataset there; make one with unmask-data build SOURCE {folder}"
        )
    if build.get("status") != "complete" or not (folder / MANIFEST_NAME).is_file():
        raise ArgumentError("data", f"{folder}: its build did not finish; the same build command resumes it")
    return build


def survey(options: ExportOptions, build: dict[str, Any]) -> Survey:
    """Look through the manifest and see that all files are there.

    Raises
    ------
    UserError
        Naming the folder: files that are missing, no triplet, or none in the split.
    """
    folder, manifest = options.data, options.data / MANIFEST_NAME
    if options.layers and not build.get("config", {}).get("layers"):
        raise ArgumentError("layers", f": {folder} has none; it was built without `layers`")
    inside, draw = Inside(folder), ValidationDraw()
    splits, families = Counter[str](), set[str]()
    missing, suffix, first = 0, "", ""
    for row in iterate_manifest(manifest):
        if row.status != "ok":
            continue
        check_paths(row, inside, manifest)
        splits[row.split] += 1
        draw.tell(_Unit(row.source, row.split, row.identity))
        families.update(mask.family for mask in worn_masks(row, manifest))
        suffix = suffix or Path(row.masked).suffix
        for name in row_files(row, layers=options.layers):
            if not os.access(folder / name, os.R_OK):
                missing, first = missing + 1, first or name
    if missing:
        which = f"{missing} file{'s' * (missing > 1)}"
        raise ArgumentError("data", f"{folder}: {which} missing or not readable, first {first}")
    if not splits:
        raise ArgumentError("data", f"{folder}: an empty dataset: no row of {MANIFEST_NAME} has a triplet")
    known = {name: count for name, count in splits.items() if name}
    total, notes = _count(options, splits, known, draw)
    packaged, straps = _packaged(build)
    return Survey(
        folder=folder,
        draw=None if known else draw,
        total=min(total, options.limit or total),
        classes=_classes(options, families, packaged),
        attribute_names=read_attribute_names(manifest),
        suffix=suffix,
        straps=straps,
        notes=notes,
    )


@dataclass(frozen=True, slots=True)
class _Unit:
    """What decides the split of a row, by the names that the draw knows."""

    name: str
    split: str
    identity: str


def _count(
    options: ExportOptions, splits: Counter[str], known: dict[str, int], draw: ValidationDraw
) -> tuple[int, tuple[str, ...]]:
    """Return how many rows there are to export at most, and what is to be said about splits."""
    chosen = None if options.split == "all" else options.split
    if known:
        if chosen is not None and not known.get(chosen):
            there = ", ".join(sorted(known))
            raise ArgumentError(
                "split", f"{chosen}: `data` {options.data} has no triplet in it; splits there: {there}"
            )
        left_out = splits[""]
        total = known[chosen] if chosen else sum(known.values())
        return total, (f"in no split, hence left out: {left_out}",) if left_out else ()
    if not draw.possible:
        if chosen not in (None, "train"):
            raise ArgumentError(
                "split", f"{chosen}: `data` {options.data} shows one person only, who is for train"
            )
        return splits[""], ("all are in train: the dataset has no splits, and one person or picture only",)
    if chosen == "test":
        raise ArgumentError("split", f"test: `data` {options.data} has no splits; train and val are drawn")
    words = "the dataset has no splits: a twentieth of its people, or pictures, is val, as unmask-train draws them"
    return splits[""], (words,)


def _packaged(build: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the mask families that come along, and how templates are held; own ones that are gone are unknown."""
    packaged = load_templates()
    try:
        used = load_templates([Path(folder) for folder in build.get("config", {}).get("templates", ())])
    except UserError:
        used = packaged
    return tuple(sorted(packaged.families)), {one.name: one.straps.kind for one in used.templates}


def _classes(options: ExportOptions, families: set[str], packaged: tuple[str, ...]) -> tuple[str, ...]:
    """Name the classes so that two datasets number them alike: the packaged families first, used or not."""
    if options.classes == MASK or families == {""}:
        return (MASK,)
    return (*packaged, *sorted(families - {"", *packaged}), *([MASK] if "" in families else []))


def iterate_rows(options: ExportOptions, found: Survey) -> Iterator[ExportRow]:
    """Yield what is exported, in the manifest's order."""
    rows = iterate_manifest(options.data / MANIFEST_NAME)
    numbers = Counter[str]()
    every = ((row, _split_of(row, found)) for row in rows if row.status == "ok")
    wanted = SPLITS if options.split in (None, "all") else (options.split,)
    for row, split in islice((pair for pair in every if pair[1] in wanted), options.limit):
        yield ExportRow(row, split, found.straps.get(row.template, ""), numbers[split])
        numbers[split] += 1


def _split_of(row: ManifestRow, found: Survey) -> str:
    if found.draw is None:
        return row.split
    return "val" if found.draw.keeps(_Unit(row.source, row.split, row.identity)) else "train"


@dataclass(frozen=True)
class WornMask:
    """The mask of one face, and where the face is; None where a row has one only."""

    family: str
    template: str
    worn: str
    colour: str
    texture: str
    landmarks: Landmarks | None = None


def worn_masks(row: ManifestRow, manifest: Path) -> list[WornMask]:
    """Return what the faces of a row wear, the largest one first.

    Raises
    ------
    UserError
        When its recipe is damaged.
    """
    if (row.faces or 1) == 1:
        return [WornMask(row.family, row.template, row.worn, row.colour, row.texture)]
    try:
        return [_worn(landmarks, mask) for landmarks, mask in recipe_faces(row.recipe)[0]]
    except ValueError as error:
        raise ArgumentError("data", f": {manifest}: row {row.key}: {error}") from error


def _worn(landmarks: Landmarks, mask: MaskRecipe) -> WornMask:
    fabric = mask.fabric
    return WornMask(mask.family, mask.template, mask.worn, fabric.colour, fabric.texture, landmarks)
