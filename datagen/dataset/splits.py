"""Which pictures train and which judge: official splits or a stable draw, nobody on both sides."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from unmask.datagen.common.errors import UserError

_VAL_LIMIT = int(0.05 * 2**64)  # of the hashes of names


class Splittable(Protocol):
    """A picture of a source or a row of a dataset."""

    @property
    def name(self) -> str:
        """Of the source picture."""

    @property
    def split(self) -> str:
        """``train``, ``val``, ``test``, or empty where unknown."""

    @property
    def identity(self) -> str:
        """Empty where unknown."""


T = TypeVar("T", bound=Splittable)


@dataclass(frozen=True)
class Split(Generic[T]):
    """What trains, what judges, and what a person should know about it."""

    train: tuple[T, ...]
    val: tuple[T, ...]
    notes: tuple[str, ...]


def choose_split(items: Sequence[T], where: str) -> Split[T]:
    """Take the official splits, or a twentieth of the identities for validation.

    Where identities are unknown, pictures take their place; all variants of a picture stay together. What is
    drawn depends on the names alone, so that further pictures move none of these to the other side.

    Parameters
    ----------
    items : sequence
    where : str
        How error messages begin, such as ``--data out``.

    Raises
    ------
    UserError
        When there is nothing to train on or to judge on, or when an identity is on both sides.
    """
    notes: list[str] = []
    if any(item.split for item in items):
        train = [item for item in items if item.split == "train"]
        val = [item for item in items if item.split == "val"]
        unknown = sum(not item.split for item in items)
        if unknown:
            notes.append(f"{where}: in no split, hence left out: {unknown}")
        if not train:
            raise UserError(f"{where}: no picture of the train split")
        if not val:
            notes.append(f"{where}: no picture of the val split")
            train, val = _draw(train, where, notes)
    else:
        train, val = _draw(items, where, notes)
    check_disjoint(train, val, where)
    return Split(tuple(train), tuple(val), tuple(notes))


def check_disjoint(train: Sequence[Splittable], val: Sequence[Splittable], where: str) -> None:
    """Raise UserError when a person is on both sides, naming one and saying how many."""
    both = {item.identity for item in train if item.identity} & {item.identity for item in val}
    if both:
        raise UserError(
            f"{where}: {len(both)} identities are both in the train and in the val split, such as "
            f"{min(both)!r}: a network would be judged on people that it has seen"
        )


def stable_order(names: Sequence[str]) -> list[int]:
    """Return the indices in an order that looks drawn and depends on each name alone."""
    return sorted(range(len(names)), key=lambda index: (_hash(names[index]), names[index]))


class ValidationDraw:
    """Which identities, or pictures where these are unknown, are kept for validation where nobody said so.

    It depends on the names alone, and only the outermost are remembered: a dataset of any size can be told to it
    row by row.
    """

    def __init__(self) -> None:
        self._first: tuple[int, str] | None = None
        self._last: tuple[int, str] | None = None

    def tell(self, item: Splittable) -> None:
        """Take notice of an item; all must be told before the first one is asked for."""
        known = _hash(_unit(item)), _unit(item)
        self._first = known if self._first is None else min(self._first, known)
        self._last = known if self._last is None else max(self._last, known)

    @property
    def possible(self) -> bool:
        """Whether there are two people or pictures at least."""
        return self._first != self._last

    def keeps(self, item: Splittable) -> bool:
        """Whether an item is for validation."""
        if self._first is None or self._last is None or not self.possible:
            return False
        known = _hash(_unit(item)), _unit(item)
        # Of a few, none or all may be below the limit.
        return known == self._first or (known[0] < _VAL_LIMIT and known != self._last)


def _draw(items: Sequence[T], where: str, notes: list[str]) -> tuple[list[T], list[T]]:
    draw = ValidationDraw()
    for item in items:
        draw.tell(item)
    if not draw.possible:
        raise UserError(f"{where}: a validation needs the pictures of at least two people")
    val = [item for item in items if draw.keeps(item)]
    train = [item for item in items if not draw.keeps(item)]
    chosen, units = ({_unit(item) for item in part} for part in (val, items))
    known = sum(bool(item.identity) for item in items)
    what = "identities, or pictures where unknown,"
    if known in (0, len(items)):
        what = "identities" if known else "pictures"
    tail = "" if known else "; the same person may be on both sides"
    notes.append(f"{where}: {len(chosen)} of {len(units)} {what} are kept for validation{tail}")
    return train, val


def _unit(item: Splittable) -> str:
    return f"identity {item.identity}" if item.identity else f"picture {item.name}"


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest(), "little"
    )
