"""The pairs that are adopted: grouped by their clean picture, as a build's masks are by their source."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import real_path
from unmask.datagen.pictures.pairs import CLEAN, MAPS, PICTURES, Pair, pair_pictures, subfolder
from unmask.datagen.sources.source import make_stems
from unmask.datagen.sources.splits import SPLITS

from .adopt_options import AdoptOptions


@dataclass(frozen=True)
class AdoptedFace:
    """A clean picture and the masks that somebody put on it; a masked picture alone where there is no clean one.

    Attributes
    ----------
    name : str
        Of the picture, relative to its folder; in front of it the split, where the source has such folders.
    stem : str
        Key without variant; unique.
    split : str
    path : Path
        The clean picture, or the masked one.
    pairs : tuple of Pair
        In the order of their names: the variants.
    """

    name: str
    stem: str
    split: str
    path: Path
    pairs: tuple[Pair, ...]


@dataclass(frozen=True)
class AdoptSource:
    """Everything that was found to adopt.

    Attributes
    ----------
    faces : tuple of AdoptedFace
        Sorted by name.
    has_clean, has_maps : bool
    notes : tuple of str
        What a person should know: what has no partner, how pictures were paired.
    """

    faces: tuple[AdoptedFace, ...]
    has_clean: bool
    has_maps: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Folders:
    """Where the pictures of one split lie."""

    split: str
    masked: Path
    clean: Path | None
    maps: Path | None


def open_adopted(options: AdoptOptions) -> AdoptSource:
    """Find the pairs of a folder, by the rules of `unmask.datagen.pictures.pairs.Partners`.

    Raises
    ------
    UserError
        Naming the folder: nothing to go with the masked pictures, no pair, masked and clean in one folder.
    """
    folders = list(_folders(options))
    faces: dict[str, tuple[_Folders, Path, list[Pair]]] = {}
    left_out, notes = Counter[str](), list[str]()
    for one in folders:
        try:
            found = pair_pictures(one.masked, one.maps, one.clean)
        except ArgumentError:
            raise
        except UserError as error:
            raise ArgumentError("source", f": {error.marked}") from error
        left_out.update(found.left_out)
        notes += found.notes
        for pair in found.pairs:
            path, within = (pair.clean, one.clean) if pair.clean and one.clean else (pair.masked, one.masked)
            name = "/".join(filter(None, (_of_folder(options, one), path.relative_to(within).as_posix())))
            faces.setdefault(name, (one, path, []))[2].append(pair)
    names = sorted(faces)
    stems = dict(zip(names, make_stems(names), strict=True))
    notes += [f"{count} masked pictures left out: {reason}" for reason, count in sorted(left_out.items())]
    return AdoptSource(
        tuple(
            AdoptedFace(name, stems[name], one.split, path, tuple(pairs))
            for name in names[: options.limit]
            for one, path, pairs in [faces[name]]
        ),
        folders[0].clean is not None,
        folders[0].maps is not None,
        tuple(notes),
    )


def _of_folder(options: AdoptOptions, one: _Folders) -> str:
    return one.split if options.split is None else ""


def _folders(options: AdoptOptions) -> Iterator[_Folders]:
    source = options.source
    splits = [name for name in SPLITS if subfolder(source / name, PICTURES)]
    if subfolder(source, PICTURES) or not splits:
        yield _checked(options, source, options.split or "")
        return
    for name, given in (("clean", options.clean), ("maps", options.maps), ("split", options.split)):
        if given is not None:
            raise ArgumentError(name, f"{given}: {source} has folders {', '.join(splits)} of its own")
    every = [_checked(options, source / name, name) for name in splits]
    if len({(one.clean is None, one.maps is None) for one in every}) > 1:
        raise ArgumentError(
            "source", f"{source}: not all of {', '.join(splits)} have the same of clean pictures and maps"
        )
    yield from every


def _checked(options: AdoptOptions, folder: Path, split: str) -> _Folders:
    masked = subfolder(folder, PICTURES) or folder
    clean = options.clean or subfolder(folder, CLEAN)
    maps = options.maps or subfolder(folder, MAPS)
    if clean is None and maps is None:
        words = f"{folder}: nothing goes with the masked pictures: give `clean` DIR, `maps` DIR or both"
        raise ArgumentError("source", words)
    for name, other in (("clean", clean), ("maps", maps)):
        if other is None:
            continue
        one, two = real_path(masked), real_path(other)
        if one == two:
            raise ArgumentError(name, f"{other}: is the folder of the masked pictures; put them apart")
        if one in two.parents:
            words = f"{other}: lies among the masked pictures; put those in {masked / PICTURES[0]}"
            raise ArgumentError(name, words)
    return _Folders(split, masked, clean, maps)
