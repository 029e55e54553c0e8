"""A dataset on disk, as ``unmask-data build`` writes it: its rows, and its triplets one by one."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.arguments import square_or_size
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.pictures.picture import decode_picture, fit_picture
from unmask.datagen.render.recipe_text import parse_recipe
from unmask.datagen.sources.splits import SPLITS

from .folder import MANIFEST_NAME, check_unpacked
from .items import Transform, TripletItem, cells_by_column, checked_index
from .manifest import RowReader, iterate_manifest, read_attribute_names
from .manifest_row import ManifestRow
from .rows import layers_file
from .shared import SharedEpoch, share_cores

U8 = NDArray[np.uint8]


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


def read_triplet(folder: Path, row: BuiltRow, size: tuple[int, int] | None) -> tuple[U8, U8, U8 | None]:
    """Decode the pictures of a row.

    Parameters
    ----------
    folder : Path
    row : BuiltRow
    size : (width, height) or None
        Pictures of another size are fitted: `fit_picture`, the map by the same rule.

    Returns
    -------
    masked : uint8 (h, w, 3)
    map : uint8 (h, w)
        Coverage of the mask body, 0..255.
    clean : uint8 (h, w, 3) or None
        None in an adopted dataset that has no clean pictures.

    Raises
    ------
    UserError
        When a file is damaged or has another size than the others.
    """
    images = [_decode(folder, name) for name in (row.masked, row.map, row.clean) if name]
    if len({image.shape for image in images}) > 1:
        raise sizes_differ(folder, row, [image.shape[1::-1] for image in images])
    masked, map_ = fit_picture(images[0], size), fit_picture(np.ascontiguousarray(images[1][..., 0]), size)
    return masked, map_, fit_picture(images[2], size) if row.clean else None


def has_layers(folder: Path, rows: Sequence[BuiltRow]) -> bool:
    """Whether the dataset keeps body, straps and shadow apart, for each of these rows."""
    return all((folder / layers_file(row.key)).is_file() for row in rows)


def read_layers(folder: Path, row: BuiltRow, size: tuple[int, int] | None) -> U8:
    """Decode the layers of a row, as `read_triplet` its pictures.

    Returns
    -------
    uint8 (h, w, 3)
        Coverage of body and straps, 0..255, and strength of the contact shadow.
    """
    return fit_picture(_decode(folder, layers_file(row.key)), size)


def read_file(folder: Path, name: str) -> bytes:
    """Read a file that the manifest names; UserError where that fails."""
    try:
        return read_whole(folder / name)
    except OSError as error:
        raise ArgumentError("data", f": {folder / name} cannot be read: {error.strerror or error}") from error


def _decode(folder: Path, name: str) -> U8:
    try:
        return decode_picture(read_file(folder, name)).image_rgb
    except UnreadablePictureError as error:
        raise ArgumentError("data", f": {folder / name}: {error}") from error


def sizes_differ(folder: Path, row: BuiltRow, sizes: Sequence[tuple[int, ...]]) -> ArgumentError:
    """Return the error that names the (width, height) of masked, map and clean picture."""
    words = ", ".join(
        f"{name} {width}x{height}"
        for name, (width, height) in zip(
            ("masked", "map", "clean"), sizes, strict=False
        )  # clean may be absent
    )
    return ArgumentError("data", f"{folder}: the pictures of {row.key} differ in size: {words}")


class BuiltDataset:
    """Map-style dataset of the triplets that ``unmask-data build`` or `unmask.build` wrote.

    Items and methods are those of `unmask.TripletDataset`. An item is a row of the manifest whose status is ``ok``;
    it is the same in every epoch.

    Parameters
    ----------
    data : str or Path
        The folder.
    split : str, optional
        Only ``train``, ``val`` or ``test``, by the manifest; ``all`` is as None.
    families : sequence of str, optional
        Only pictures all of whose masks are of these families.
    size : int or (width, height), optional
        Crop centrally and scale; None keeps the files' size.
    limit : int, optional
        Only the first so many.
    transform : callable, optional
        Takes the item, gives what the data loader gets, such as `unmask.to_tensors`.
    row : bool
        Items also have ``row``, the manifest's row as texts.

    Raises
    ------
    UserError
        When there is no such dataset, files are missing, or nothing is left.

    Examples
    --------
    >>> import unmask
    >>> report = unmask.build("demo", "out", seed=1, limit=3)
    >>> data = unmask.BuiltDataset("out", size=64)
    >>> len(data), data[0]["key"], data[0]["map"].shape
    (3, '000001_00', (64, 64))
    """

    def __init__(
        self,
        data: str | Path,
        *,
        split: str | None = None,
        families: Sequence[str] | None = None,
        size: int | tuple[int, int] | None = None,
        limit: int | None = None,
        transform: Transform | None = None,
        row: bool = False,
    ) -> None:
        self.folder = Path(data)
        self.size = square_or_size(size)
        rows = read_rows(self.folder)
        if split not in (None, "all"):
            rows = self._of_split(rows, str(split))
        if families is not None:
            rows = filter_families(self.folder, rows, _listed(families))
        if limit is not None and limit < 1:
            raise ArgumentError("limit", f"{limit}: expected at least 1")
        self._rows = rows[:limit]
        self._transform = transform
        self._with_row = row
        self._epoch = SharedEpoch()

    def _of_split(self, rows: Sequence[BuiltRow], split: str) -> list[BuiltRow]:
        if split not in SPLITS:
            raise ArgumentError("split", f"{split}: expected one of {', '.join(SPLITS)}, all")
        kept = [row for row in rows if row.split == split]
        if not kept:
            known = ", ".join(sorted({row.split for row in rows} - {""})) or "none"
            raise ArgumentError(
                "split", f"{split}: data {self.folder} has no triplet in it; splits there: {known}"
            )
        return kept

    @property
    def epoch(self) -> int:
        """As `set_epoch` left it."""
        return self._epoch.get()

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: as for `unmask.TripletDataset`, but the pictures are those of the files."""
        self._epoch.set(epoch)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> TripletItem:
        share_cores()
        number = checked_index(index, len(self))
        masked, map_, clean = read_triplet(self.folder, self._rows[number], self.size)
        key = self._rows[number].key
        item: TripletItem = {"masked": masked, "map": map_, "key": key}
        if clean is not None:
            item = {"masked": masked, "map": map_, "clean": clean, "key": key}
        if self._with_row:
            item["row"] = cells_by_column(self.row(number), self._attribute_names)
        return item if self._transform is None else cast(TripletItem, self._transform(item))

    def row(self, index: int) -> ManifestRow:
        """Return the manifest's row of an item."""
        return self._reader.read(self._rows[checked_index(index, len(self))].number)

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self.folder / MANIFEST_NAME)

    @cached_property
    def _attribute_names(self) -> tuple[str, ...]:
        return read_attribute_names(self.folder / MANIFEST_NAME)


def _listed(families: Sequence[str]) -> Sequence[str]:
    return [families] if isinstance(families, str) else families
