"""How varied a dataset is: measured on its manifest and on its pictures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.checks import check_at_least
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import Inside, real_path
from unmask.datagen.common.rng import generator
from unmask.datagen.dataset.folder import MANIFEST_NAME, read_build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.rows import check_paths
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .pictures import Opened, PictureFeatures, PicturePair, open_pairs
from .report import describe_manifest, describe_pictures

FORMAT = 1
LIMIT = 2000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Stats:
    """Everything that was measured.

    Attributes
    ----------
    report : dict
        What ``stats.json`` holds: JSON-able, the same for the same data and seed.
    opened : Opened
        The pictures' features and means, from which the page draws.
    paired : tuple of int
        Indices into ``opened.features`` of the pictures that were compared with each other.
    """

    report: dict[str, Any]
    opened: Opened
    paired: tuple[int, ...]

    def paired_features(self) -> list[PictureFeatures]:
        """Return the features of the pictures that were compared with each other, in that order."""
        return [self.opened.features[i] for i in self.paired]


def measure(
    folder: Path, *, limit: int | None = LIMIT, seed: int = 0, progress: Progress | None = None
) -> Stats:
    """Measure a dataset of this toolkit.

    Counts come from the whole manifest; what needs pixels from at most ``limit`` of its ``ok`` rows.

    Parameters
    ----------
    folder : Path
        The dataset.
    limit : int or None
        Open at most this many pictures, chosen at random; None opens all.
    seed : int
        Decides which.
    progress : callable, optional
        Called with pictures opened and in all.

    Raises
    ------
    UserError
        When the folder holds no finished dataset, or none of its pictures can be used.
    """
    build = read_build(folder)
    if build is None:
        raise UserError(
            f"{folder}: no dataset there; for data that another tool made, give `masked` DIR `maps` DIR"
        )
    if not (folder / MANIFEST_NAME).exists():
        raise UserError(f"{folder}: its build did not finish; the same build command resumes it")
    # Recipes are most of a manifest and none of what is measured.
    rows = [replace(row, recipe="") for row in iterate_manifest(folder / MANIFEST_NAME)]
    done, inside = [row for row in rows if row.status == "ok"], Inside(folder)
    for row in done:
        check_paths(row, inside, folder / MANIFEST_NAME)
    pairs = [PicturePair(row.key, folder / row.masked, folder / row.map) for row in done]
    if not pairs:
        raise UserError(f"{folder}: has no row with status ok to measure")
    names = read_attribute_names(folder / MANIFEST_NAME)
    return _measure(folder, pairs, limit, seed, progress, [], (build, rows, names))


def measure_folders(
    masked: Path, maps: Path, *, limit: int | None = LIMIT, seed: int = 0, progress: Progress | None = None
) -> Stats:
    """Measure masked pictures and maps that need not be this toolkit's.

    A picture and its map have the same path inside their folders up to the extension. Maps are what
    `decode_coverage` takes for one. What has no partner is counted and named in the notes.

    Parameters
    ----------
    masked, maps : Path
        Folders of pictures, looked through with their subfolders.
    limit, seed, progress
        As in `measure`.

    Raises
    ------
    UserError
        When a folder is missing, nothing matches, or no pair can be used.
    """
    pictures, notes = _list_pictures(masked, "masked")
    drawn, map_notes = _list_pictures(maps, "maps")
    both = sorted(pictures.keys() & drawn.keys())
    if not both:
        raise ArgumentError(
            "masked",
            f"{masked} has {len(pictures)} pictures and `maps` {maps} {len(drawn)}, "
            "but no two of them have the same name",
        )
    for name, alone, what in (
        ("masked", sorted(pictures.keys() - drawn.keys()), "without a map"),
        ("maps", sorted(drawn.keys() - pictures.keys()), "without a masked picture"),
    ):
        if alone:
            notes.append(f"--{name}: {len(alone)} {what}: {_some(alone)}")
    pairs = [PicturePair(name, pictures[name], drawn[name], own_map=True) for name in both]
    return _measure(masked, pairs, limit, seed, progress, notes + map_notes, None)


def _list_pictures(folder: Path, argument: str) -> tuple[dict[str, Path], list[str]]:
    if not folder.is_dir():
        raise ArgumentError(argument, f"{folder}: no such folder")
    found: dict[str, Path] = {}
    twice: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in PICTURE_EXTENSIONS and path.is_file():
            name = path.relative_to(folder).with_suffix("").as_posix()
            if name in found:
                twice.append(path.name)
            found.setdefault(name, path)
    if not found:
        raise ArgumentError(argument, f"{folder}: has no pictures ({', '.join(sorted(PICTURE_EXTENSIONS))})")
    notes = (
        [f"--{argument}: {len(twice)} left out, another has the same name: {_some(twice)}"] if twice else []
    )
    return found, notes


def _some(names: Sequence[str], count: int = 5) -> str:
    return ", ".join(names[:count]) + (", ..." if len(names) > count else "")


def _measure(
    folder: Path,
    pairs: list[PicturePair],
    limit: int | None,
    seed: int,
    progress: Progress | None,
    notes: list[str],
    manifest: tuple[dict[str, Any], list[ManifestRow], tuple[str, ...]] | None,
) -> Stats:
    check_at_least("limit", limit, 1)
    check_at_least("seed", seed, 0)
    chosen = _shuffled(len(pairs), seed, "stats pictures")[:limit]
    opened = open_pairs([pairs[i] for i in np.sort(chosen)], progress)
    if not opened.features:
        reason, names = next(iter(opened.skipped.items()))
        raise UserError(f"{folder}: none of {len(chosen)} pairs can be used; {names[0]}: {reason}")
    notes = notes + [f"{len(n)} left out, {reason}: {_some(n)}" for reason, n in opened.skipped.items()]
    order = _shuffled(len(opened.features), seed, "stats pairs")
    report: dict[str, Any] = {
        "format": FORMAT,
        "toolkit": version("unmask"),
        "kind": "dataset" if manifest else "folders",
        # Not the whole path: the page and the numbers are for showing to others.
        "name": "/".join(real_path(folder).parts[-1 if manifest else -2 :]),
        "seed": seed,
        "pictures": {"measured": len(opened.features), "opened": len(chosen), "there": len(pairs)},
        "notes": notes,
    }
    paired, described = describe_pictures(opened.features, order)
    report |= described
    if manifest is not None:
        tables = describe_manifest(*manifest)
        report["empty"] |= tables.pop("empty")
        report |= tables
    return Stats(report, opened, paired)


def _shuffled(count: int, seed: int, purpose: str) -> NDArray[np.int64]:
    return generator(seed, "", 0, purpose).permutation(count)
