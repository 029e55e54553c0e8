"""What is evaluated: pictures with what is known about them, from a dataset or from plain folders."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.common.table import read_rows
from unmask.datagen.dataset.built_rows import check_files
from unmask.datagen.dataset.folder import MANIFEST_NAME as MANIFEST
from unmask.datagen.dataset.folder import read_build
from unmask.datagen.dataset.manifest import iterate_manifest, read_attribute_names
from unmask.datagen.dataset.manifest_row import ATTRIBUTE_PREFIX, ManifestRow
from unmask.datagen.faces.landmarks import Landmarks
from unmask.datagen.pictures.pairs import CLEAN, MAPS, PICTURES, by_stem, pair_pictures, subfolder
from unmask.datagen.render.recipe_text import parse_recipe
from unmask.model.metrics.table import is_score

from .options import EvalOptions

DATASET, PAIRS, BARE = "dataset", "pairs", "bare"
TAGS = ("source", "split", "identity", "family", "template", "worn", "colour", "texture")
NUMBER_TAGS = ("coverage", "yaw", "pitch")
_OWN_COLUMNS = ("key", "status", "reason", "lightness", "width", "height")
# As `unmask.model.evaluation.systems` calls them, which cannot be imported here.
SCORED = ("map", "edit", "pipe", "nothing", "nearest", "telea", "mean_face")


@dataclass(frozen=True)
class EvalItem:
    """One picture to evaluate on.

    Attributes
    ----------
    key : str
        Names it in ``metrics.csv``.
    masked : Path
    map, clean : Path or None
        True map and clean picture; None where there is none.
    tags : mapping of str to str
        What is known: family, yaw, ``attr_Male`` and so on.
    own_map : bool
        Somebody drew the map: not a dataset's.
    points : tuple of int
        The 68 points of the largest face as `Landmarks.to_quarters` gives them; () where unknown.
    is_bare : bool
        Nobody in it wears a mask.
    """

    key: str
    masked: Path
    map: Path | None
    clean: Path | None
    tags: Mapping[str, str] = field(default_factory=dict)
    points: tuple[int, ...] = ()
    own_map: bool = False
    is_bare: bool = False


@dataclass(frozen=True)
class EvalSet:
    """The pictures of an evaluation, and what is known about all of them.

    Attributes
    ----------
    kind : str
        ``dataset``, ``pairs`` or ``bare``.
    folder : Path
    items : tuple of EvalItem
    split : str
        ``train``, ``val``, ``test``, or ``all``.
    left_out : mapping of str to int
        How many pictures are not evaluated, by the reason.
    attribute_names : tuple of str
    source : str
        Where a dataset's faces came from; "" where unknown.
    size : int or None
        Side that pictures are cropped and scaled to.
    notes : tuple of str
        What a person should know: how pictures were paired.
    """

    kind: str
    folder: Path
    items: tuple[EvalItem, ...]
    split: str
    left_out: Mapping[str, int]
    attribute_names: tuple[str, ...] = ()
    source: str = ""
    size: int | None = None
    notes: tuple[str, ...] = ()

    def named_shortly(self, text: str) -> str:
        """Return a text with the paths in it as they are called in `folder`: reports are handed on."""
        return text.replace(f"{self.folder}/", "")

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that change with the pictures' names, contents and tags."""
        digest = hashlib.blake2b(repr((self.kind, self.split, self.size)).encode(), digest_size=16)
        with ThreadPoolExecutor(available_cores()) as pool:
            for item, files in zip(self.items, pool.map(_contents, self.items), strict=True):
                words = (item.key, files, sorted(item.tags.items()))
                digest.update(repr(words).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def open_eval_set(options: EvalOptions) -> EvalSet:
    """List what is to be evaluated, and see that its files are there.

    Raises
    ------
    UserError
        Naming the argument or folder: no pictures, missing partners, an empty split, nothing to compare with.
    """
    if options.data.is_file():
        raise ArgumentError("data", f"{options.data}: expected a folder, found a file")
    if options.bare:
        opened = _open_bare(options)
    elif (options.data / MANIFEST).is_file():
        for name in ("clean", "maps"):
            if getattr(options, name) is not None:
                raise ArgumentError(
                    name, f": goes with a plain folder of pictures; {options.data} is a dataset"
                )
        opened = _open_dataset(options)
    else:
        opened = _open_pairs(options)
    if options.tags is not None:
        opened = _tagged(opened, options.tags)
    return replace(opened, size=options.size)


def _contents(item: EvalItem) -> list[tuple[str, str] | None]:
    """Name and hash of an item's files; of one that cannot be read, which its row says, there is no hash."""
    found: list[tuple[str, str] | None] = []
    for path in (item.masked, item.map, item.clean):
        try:
            content = path and hashlib.blake2b(read_whole(path), digest_size=16).hexdigest()
        except OSError:
            content = "unreadable"
        found.append((path.name, content) if path and content else None)
    return found


# ---- a dataset ---------------------------------------------------------------------------------------------


def _open_dataset(options: EvalOptions) -> EvalSet:
    folder = options.data
    names = read_attribute_names(folder / MANIFEST)
    rows, statuses = [], Counter[str]()
    there = {row.split for row in iterate_manifest(folder / MANIFEST)}
    split = options.split or next((name for name in ("test", "val") if name in there), "all")
    for row in iterate_manifest(folder / MANIFEST):
        if split not in ("all", row.split):
            continue
        if row.status == "ok":
            rows.append(row)
        else:
            statuses[row.status] += 1
    if not rows:
        known = ", ".join(sorted(name for name in there if name)) or "none"
        raise ArgumentError(
            "data", f"{folder}: no triplet in split {split!r}; splits there: {known} (`split`)"
        )
    rows = rows[: options.limit]
    if options.map_module is None and not all(row.clean for row in rows):
        raise ArgumentError("data", f"{folder}: an Editing Module needs clean pictures, and it has none")
    check_files(folder, rows)
    items = tuple(_item(folder, row, names) for row in rows)
    return EvalSet(DATASET, folder, items, split, dict(statuses), names, _source_of(folder))


def _item(folder: Path, row: ManifestRow, names: Sequence[str]) -> EvalItem:
    tags = {name: str(getattr(row, name)) for name in TAGS}
    for name in NUMBER_TAGS:
        value = getattr(row, name)
        tags[name] = "" if value is None else f"{value:g}"
    tags |= {ATTRIBUTE_PREFIX + name: str(value) for name, value in zip(names, row.attributes, strict=False)}
    try:
        points = tuple(parse_recipe(row.recipe)["faces"][0]["points"]) if row.recipe else ()
        if points:
            Landmarks.from_quarters(points, "supplied")
    except ValueError as error:
        raise ArgumentError("data", f": {folder / MANIFEST}: row {row.key}: {error}") from error
    clean = folder / row.clean if row.clean else None
    return EvalItem(row.key, folder / row.masked, folder / row.map, clean, tags, points)


def _source_of(folder: Path) -> str:
    try:
        return str(((read_build(folder) or {}).get("source") or {}).get("root") or "")
    except UserError:  # it only says where else to look for training faces
        return ""


# ---- plain folders -----------------------------------------------------------------------------------------


def _open_pairs(options: EvalOptions) -> EvalSet:
    if options.split not in (None, "all"):
        raise ArgumentError(
            "split", f"{options.split}: {options.data} has no {MANIFEST} that knows of splits"
        )
    pictures = subfolder(options.data, PICTURES) or options.data
    clean = options.clean or subfolder(options.data, CLEAN)
    maps = options.maps or subfolder(options.data, MAPS)
    if clean is None and maps is None:
        raise ArgumentError(
            "data",
            f"{options.data}: no {MANIFEST} and nothing to compare with: give `clean` DIR, `maps` DIR or both",
        )
    if clean is None and options.map_module is None:
        raise ArgumentError(
            "data", f"{options.data}: an Editing Module needs clean pictures: give `clean` DIR"
        )
    try:
        found = pair_pictures(pictures, maps, clean)
    except ArgumentError:
        raise
    except UserError as error:
        raise ArgumentError("data", f"{options.data}: {error.marked}") from error
    pairs = found.pairs[: options.limit]
    items = [
        # one clean picture may have several masked ones
        EvalItem(p.stem, p.masked, p.map, p.clean, {"source": (p.clean or p.masked).name}, own_map=True)
        for p in pairs
    ]
    return EvalSet(PAIRS, options.data, tuple(items), "all", dict(found.left_out), notes=found.notes)


def _open_bare(options: EvalOptions) -> EvalSet:
    if (options.data / MANIFEST).is_file():
        raise ArgumentError(
            "data",
            f"{options.data}: is a dataset of masked faces; its bare ones are in {options.data / CLEAN[0]}",
        )
    pictures = by_stem(options.data)
    if not pictures:
        raise ArgumentError("data", f"{options.data}: no jpg, jpeg, png, webp or bmp picture in it")
    items = [
        EvalItem(stem, path, None, None, {"source": path.name}, is_bare=True)
        for stem, path in pictures.items()
    ]
    return EvalSet(BARE, options.data, tuple(items[: options.limit]), "all", {})


def _tagged(opened: EvalSet, path: Path) -> EvalSet:
    try:
        rows = [cells for _, cells in read_rows(path)]
    except UserError as error:
        raise ArgumentError("tags", error.marked) from error
    header = [name.strip() for name in rows[0]] if rows else []
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise ArgumentError("tags", f"{path}: two columns are called {twice!r}")
    keys = {item.key for item in opened.items}
    naming = next(
        (column for column in range(len(header)) if not keys.isdisjoint(_column(rows, column))), None
    )
    if naming is None:
        raise ArgumentError("tags", f"{path}: no column names one of the pictures")
    columns = [column for column, name in enumerate(header) if name and column != naming]
    taken = next(
        (header[at] for at in columns if header[at] in _OWN_COLUMNS or _is_own_score(header[at])), None
    )
    if taken is not None:
        raise ArgumentError("tags", f"{path}: the column {taken} has the name of one of the report's own")
    known: dict[str, dict[str, str]] = {}
    for cells in rows[1:]:
        if len(cells) != len(header):
            words = f"{path}: the row of {cells[0]!r} has {len(cells)} cells under {len(header)} columns"
            raise ArgumentError("tags", words)
        if cells[naming] in known:
            raise ArgumentError("tags", f"{path}: {cells[naming]} is there twice")
        known[cells[naming]] = {header[column]: cells[column] for column in columns}
    nothing = dict.fromkeys((header[column] for column in columns), "")
    items = [replace(item, tags={**item.tags, **known.get(item.key, nothing)}) for item in opened.items]
    return replace(opened, items=tuple(items))


def _column(rows: Sequence[Sequence[str]], column: int) -> Iterator[str]:
    return (cells[column] for cells in rows[1:] if column < len(cells))


def _is_own_score(column: str) -> bool:
    return is_score(column) and column.startswith(tuple(f"{name}_" for name in SCORED))
