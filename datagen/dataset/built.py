"""A dataset on disk, as ``unmask-data build`` writes it, for a data loader: its triplets one by one."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import cast

from unmask.datagen.common.arguments import square_or_size
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.sources.splits import SPLITS

from .built_pictures import read_triplet
from .built_rows import BuiltRow, filter_families, read_rows
from .folder import MANIFEST_NAME
from .items import Transform, TripletItem, cells_by_column, checked_index
from .manifest import RowReader, read_attribute_names
from .manifest_row import ManifestRow
from .shared import SharedEpoch, share_cores


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
