"""The rows of a dataset on disk that have a triplet: read, checked for their files, chosen by families."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.inside import Inside
from unmask.datagen.render.recipe_text import parse_recipe

from .folder import MANIFEST_NAME, check_unpacked
from .manifest import iterate_manifest
from .manifest_row import ManifestRow


@dataclass(frozen=True, slots=True)
class BuiltRow:
    """What training needs of a manifest's row: a tenth of its memory.

    Attributes
    ----------
    name : str
        Of the source picture.
    families : frozenset of str
        Of the masks of all its faces.
    number : int
        Of the row in the manifest, from 0.
    """

    key: str
    name: str
    split: str
    identity: str
    masked: str
    map: str
    clean: str
    families: frozenset[str]
    number: int


Row = TypeVar("Row", bound=BuiltRow)


def read_rows(folder: Path) -> list[BuiltRow]:
    """Read the rows that have a triplet, and see that their files are there.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    UserError
        Naming the folder: no dataset, an empty one, or files are missing.
    """
    return read_rows_as(folder, built_row)


def read_rows_as(folder: Path, make: Callable[[Path, ManifestRow, int], Row]) -> list[Row]:
    """`read_rows`, of a kind that knows more.

    Parameters
    ----------
    folder : Path
    make : callable
        Makes a row, given the manifest's path, its row, and the number of that.
    """
    manifest = find_manifest(folder)
    rows = [make(manifest, row, i) for i, row in enumerate(iterate_manifest(manifest)) if row.status == "ok"]
    if not rows:
        raise ArgumentError("data", f"{folder}: an empty dataset: no row of {MANIFEST_NAME} has a triplet")
    check_files(folder, rows)
    return rows


def find_manifest(folder: Path) -> Path:
    """Return a dataset's manifest; ArgumentError naming ``data`` where the folder is no finished dataset."""
    check_unpacked(folder)
    if not folder.is_dir():
        raise ArgumentError("data", f"{folder}: no such folder")
    manifest = folder / MANIFEST_NAME
    if not manifest.is_file():
        raise ArgumentError(
            "data", f"{folder}: no {MANIFEST_NAME} in it: not a dataset of unmask-data build, or not finished"
        )
    return manifest


def built_row(manifest: Path, row: ManifestRow, number: int) -> BuiltRow:
    """Make the row of a manifest's row."""
    files = (row.masked, row.map, row.clean)
    return BuiltRow(row.key, row.source, row.split, row.identity, *files, families_of(manifest, row), number)


def families_of(manifest: Path, row: ManifestRow) -> frozenset[str]:
    """Return the families of the masks of all faces of a row; ArgumentError where its recipe is damaged."""
    families = {row.family}
    if (row.faces or 1) > 1:
        try:
            families |= {face["mask"]["family"] for face in parse_recipe(row.recipe)["faces"]}
        except ValueError as error:
            raise ArgumentError("data", f": {manifest}: row {row.key}: {error}") from error
    return frozenset(families)


def check_files(folder: Path, rows: Sequence[BuiltRow] | Sequence[ManifestRow]) -> None:
    """Raise ArgumentError where files that rows name are missing or outside the dataset."""
    wanted: dict[str, set[str]] = defaultdict(set)
    inside = Inside(folder)
    for row in rows:
        for name in filter(None, (row.masked, row.map, row.clean)):
            inside(name, f"`data` {folder / MANIFEST_NAME}: row {row.key}")
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
            "data", f"{folder}: {len(missing)} {verb} missing that {MANIFEST_NAME} names, first {missing[0]}"
        )


def filter_families(
    folder: Path,
    rows: Sequence[BuiltRow],
    families: Iterable[str] | None,
    excluded: Iterable[str] = (),
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
