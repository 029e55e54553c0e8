"""The items of datasets for training: plain dicts that a data loader stacks by itself."""

from collections.abc import Callable, Sequence
from typing import Any, NotRequired, Protocol, TypedDict

import numpy as np
from numpy.typing import NDArray

from .manifest_row import ATTRIBUTE_PREFIX, COLUMNS, ManifestRow

U8 = NDArray[np.uint8]


class TripletItem(TypedDict):
    """What ``dataset[i]`` gives without a ``transform``; torch's default ``collate_fn`` takes it as it is.

    Attributes
    ----------
    masked, clean : uint8 (h, w, 3)
        RGB; no ``clean`` in an adopted dataset without clean pictures.
    map : uint8 (h, w)
        Coverage of the mask body, 0..255.
    key : str
        The manifest's.
    row : dict of str to str
        With ``row=True``: the manifest's row, its cells by the names of their columns.
    """

    masked: U8
    map: U8
    clean: NotRequired[U8]
    key: str
    row: NotRequired[dict[str, str]]


class TripletItems(Protocol):
    """What `unmask.TripletDataset` and `unmask.BuiltDataset` have in common: one loop serves both."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> TripletItem: ...

    def row(self, index: int) -> ManifestRow:
        """Return what the manifest says of an item."""

    @property
    def epoch(self) -> int:
        """As `set_epoch` left it."""

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch, in this process and in those of every data loader."""


Transform = Callable[[TripletItem], Any]


def cells_by_column(row: ManifestRow, attribute_names: Sequence[str]) -> dict[str, str]:
    """Return a row as it stands in the manifest; like there, attributes that are unknown are empty."""
    names = [*COLUMNS, *(ATTRIBUTE_PREFIX + name for name in attribute_names)]
    cells = row.to_cells()
    return dict(zip(names, cells + [""] * (len(names) - len(cells)), strict=True))


def checked_index(index: int, length: int) -> int:
    """Return an index from 0 on; IndexError where a sequence of that length has no such item."""
    if not -length <= index < length:
        raise IndexError(f"{index} of {length}")
    return index % length
