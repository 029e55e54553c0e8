"""The pictures and clips that a run is given, what their results are called, and the maps that come with them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from unmask.datagen.common.checks import check_exists
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.pictures.tree import CLIP_EXTENSIONS, PICTURE_EXTENSIONS, is_clip, list_pictures
from unmask.datagen.sources.source import fitted_stem

from .options import RunOptions

PNG, MP4 = ".png", ".mp4"  # what results are written as
EXPECTED = "expected " + ", ".join(
    extension[1:] for known in (PICTURE_EXTENSIONS, CLIP_EXTENSIONS) for extension in sorted(known)
)


@dataclass(frozen=True)
class RunInput:
    """One picture or clip.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Of its results, without extension: the file's path below the folder that was given, without extension, cut
        and marked where it is too long for a file's name.
    map : Path or None
        Its own map.
    """

    path: Path
    name: str
    map: Path | None = None

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip."""
        return is_clip(self.path)

    @property
    def suffix(self) -> str:
        """Extension of its results."""
        return result_suffix(self.path)


def result_suffix(path: Path | str) -> str:
    """Extension of the results of a file."""
    return MP4 if is_clip(path) else PNG


@dataclass(frozen=True)
class RunInputs:
    """All pictures of a run, and what was left out, in words."""

    items: list[RunInput]
    notes: list[str]


def list_inputs(options: RunOptions) -> RunInputs:
    """List the pictures of a run, without opening one.

    Raises
    ------
    UserError
        When an input does not exist, a folder holds no picture, two results would have one name, a map is
        missing, or a clip is given with an option that is for pictures.
    """
    found: list[tuple[Path, str]] = []
    notes: list[str] = []
    pictures_only = next((name for name in ("aligned", "map") if getattr(options, name)), None)
    for given in options.inputs:
        check_exists("inputs", given)
        if pictures_only and is_clip(given) and not given.is_dir():
            raise ArgumentError(pictures_only, f": is for pictures; {given} is a clip, run it apart")
        if given.is_dir():
            some, said = _of_folder(given, recursive=options.recursive, clips=not pictures_only)
            found += some
            notes += said
        else:
            found.append((given, given.name))
    found = list(dict.fromkeys(found))[: options.limit]
    items = [
        RunInput(path, name)
        for (path, _), name in zip(found, result_names([n for _, n in found]), strict=True)
    ]
    # after the maps, which have the pictures' own names
    fitted = [replace(item, name=_fitted(item.name)) for item in _with_maps(items, options.map)]
    return RunInputs(fitted, notes)


def _fitted(name: str) -> str:
    """Return a name that its files can have: one that is too long is cut and marked, as a dataset's keys are."""
    place, slash, last = name.rpartition("/")
    return place + slash + fitted_stem(last, name)


def _of_folder(folder: Path, *, recursive: bool, clips: bool) -> tuple[list[tuple[Path, str]], list[str]]:
    try:
        known = PICTURE_EXTENSIONS | CLIP_EXTENSIONS if clips else PICTURE_EXTENSIONS
        listing = list_pictures(folder, set(), known)
    except ArgumentError as error:
        raise ArgumentError("inputs", error.problem) from error
    names = [name for name in listing.names if recursive or "/" not in name]
    if not names:
        below = (
            "" if recursive or not listing.names else f" ({len(listing.names)} in folders below: `recursive`)"
        )
        raise ArgumentError("inputs", f"{folder}: no picture in it{below}; {EXPECTED}")
    return [(folder / name, name) for name in names], [f"{folder}: {note}" for note in listing.notes]


def result_names(names: Sequence[str]) -> list[str]:
    """Return the names of the results: without extension, and with it where that leaves two alike.

    Raises
    ------
    UserError
        When two pictures have the same name altogether.
    """
    stems = [PurePosixPath(name).with_suffix("").as_posix() for name in names]
    often = Counter(stems)
    results = [stem if often[stem] == 1 else name for stem, name in zip(stems, names, strict=True)]
    twice = [name for name, count in Counter(results).items() if count > 1]
    if twice:
        raise ArgumentError(
            "inputs", f": two pictures are called {twice[0]}, so would be their results; run them apart"
        )
    return results


def _with_maps(items: list[RunInput], maps: Path | None) -> list[RunInput]:
    if maps is None:
        return items
    if not maps.is_dir():
        if len(items) > 1:
            raise ArgumentError(
                "map", f"{maps}: is one map, `inputs` are {len(items)} pictures; give a folder of maps"
            )
        return [RunInput(items[0].path, items[0].name, maps)]
    listing = list_pictures(maps, set())
    if listing.incomplete:
        raise ArgumentError("map", f"{maps}: {listing.notes[-1]}")
    known: dict[str, Path] = {}
    for name in listing.names:
        stem = PurePosixPath(name).with_suffix("").as_posix()
        if stem in known:
            raise ArgumentError("map", f"{maps}: {known[stem].name} and {name} are both the map of {stem}")
        known[stem] = maps / name
    matched = [known.get(item.name) for item in items]
    missing = [item.name for item, path in zip(items, matched, strict=True) if path is None]
    if missing:
        raise ArgumentError(
            "map", f"{maps}: no map for {len(missing)} of {len(items)} pictures, first {missing[0]}"
        )
    return [RunInput(item.path, item.name, path) for item, path in zip(items, matched, strict=True)]
