"""Which pictures of a dataset are compared: pairs of a list, or drawn from who is in them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.rng import generator
from unmask.datagen.pictures.arrays import Bools
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS
from unmask.model.evaluation.items import EvalItem

from .options import VerifyOptions
from .pairs_file import FOLDS, NamedPair, PairsFile

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class PairSet:
    """Pairs of pictures.

    Attributes
    ----------
    left, right : intp (n,)
        Numbers of pictures.
    same : bool (n,)
        Whether one person is in both.
    fold : intp (n,)
        From 0; each holds both kinds where there are enough of them.
    people : intp (pictures,)
        Who is in each picture: equal numbers are one person.
    notes : tuple of str
    """

    left: Index
    right: Index
    same: Bools
    fold: Index
    people: Index
    notes: tuple[str, ...] = ()


def source_name(item: EvalItem) -> str:
    """Name of the source picture that a triplet was made of, without its extension."""
    return _without_extension(item.tags["source"])


def _without_extension(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    return stem if f"{dot}{extension.lower()}" in PICTURE_EXTENSIONS else name


# ---- of a list ---------------------------------------------------------------------------------------------


def listed_pairs(found: PairsFile, items: Sequence[EvalItem], options: VerifyOptions) -> PairSet:
    """Find the pictures of a list of pairs.

    A name is a path below SOURCE, with its extension or without; its last parts suffice where no two pictures share
    them, and what lies above SOURCE is passed over. A triplet's key is one, too.

    Raises
    ------
    ArgumentError
        Naming ``pairs``: none of its pictures is in the dataset, or only pairs of one kind are left.
    """
    places = _places(items)
    kept: list[tuple[int, int, bool]] = []
    unknown: dict[str, None] = {}
    for pair in found.pairs:
        left, right = _find(pair.left, places), _find(pair.right, places)
        unknown |= {name: None for name, at in ((pair.left, left), (pair.right, right)) if at is None}
        if left is not None and right is not None and left != right:
            kept.append((left, right, pair.same))
    where, total = f"{options.pairs}", len(found.pairs)
    if not kept:
        raise ArgumentError(
            "pairs",
            f"{where}: names nobody of {options.data}: no pair has both of its pictures there "
            f"(the first that is not: {next(iter(unknown), found.pairs[0].left)})",
        )
    if len({same for _, _, same in kept}) == 1:
        only = "one person" if kept[0][2] else "two people"
        raise ArgumentError("pairs", f"{where}: of its pairs in {options.data} all are of {only}")
    words = f"{len(kept)} of the {total} pairs of the list name two pictures of the dataset"
    notes = (words,) if len(kept) < total else ()
    ones, others, kinds = (np.array(column) for column in zip(*kept, strict=True))
    people = _people_of(items, ones[kinds], others[kinds])
    return PairSet(ones, others, kinds, _deal(kinds, found.folds or FOLDS), people, notes)


def _places(items: Sequence[EvalItem]) -> dict[str, int | None]:
    """Number of a picture by the last parts of its name, None where two pictures share them."""
    places: dict[str, int | None] = {}
    whole = {source_name(item): number for number, item in enumerate(items)}
    for name, number in whole.items():
        parts = name.split("/")
        for start in range(1, len(parts)):
            tail = "/".join(parts[start:])
            places[tail] = None if tail in places else number
    return places | {item.key: number for number, item in enumerate(items)} | whole


def _find(name: str, places: dict[str, int | None]) -> int | None:
    parts = _without_extension(name.replace("\\", "/")).split("/")
    for start in range(len(parts)):
        if start and start == len(parts) - 1:
            return None  # the bare name of a file below some other folder is too little
        tail = "/".join(parts[start:])
        if tail in places:
            return places[tail]
    return None


def _people_of(items: Sequence[EvalItem], left: Index, right: Index) -> Index:
    """Who is in each picture: by the manifest; pictures of nobody known are joined by the pairs of one person."""
    known = [item.tags.get("identity", "") for item in items]
    parent = list(range(len(items)))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = number = parent[parent[number]]
        return number

    for one, two in zip(left.tolist(), right.tolist(), strict=True):
        if not known[one] and not known[two]:
            parent[root(one)] = root(two)
    names = [who or f"/{root(number)}" for number, who in enumerate(known)]
    return np.unique(names, return_inverse=True)[1].astype(np.intp)


def _deal(kinds: Bools, folds: int) -> Index:
    """Folds of pairs in the order of a list, equally many of each kind: those of LFW's own lists are these."""
    fold = np.zeros(len(kinds), np.intp)
    for same in (True, False):
        there = np.flatnonzero(kinds == same)
        fold[there] = np.arange(len(there)) * folds // len(there)
    return fold


# ---- drawn -------------------------------------------------------------------------------------------------


def drawn_pairs(items: Sequence[EvalItem], options: VerifyOptions) -> PairSet:
    """Draw pairs of one person and of two, nobody in two folds.

    Raises
    ------
    ArgumentError
        Naming ``data``: nobody is known, there is one person only, or nobody is in two pictures.
    """
    who = [item.tags.get("identity", "") for item in items]
    counts = Counter(name for name in who if name)
    _check_people(counts, options)
    rng = generator(options.seed, "pairs", 0, "verify")
    folds = max(1, min(FOLDS, len(counts) // 2))
    several = sorted(name for name, count in counts.items() if count > 1)
    alone = sorted(name for name, count in counts.items() if count == 1)
    # those who can be compared with themselves are dealt first, so that every fold gets some
    order = [several[i] for i in rng.permutation(len(several))]
    order += [alone[i] for i in rng.permutation(len(alone))]
    fold_of = {name: place % folds for place, name in enumerate(order)}
    people = np.unique([name or f"/{n}" for n, name in enumerate(who)], return_inverse=True)[1].astype(
        np.intp
    )
    place = np.array([fold_of.get(name, -1) for name in who])
    parts = []
    for fold in range(folds):
        there = np.flatnonzero(place == fold)
        for same in (True, False):
            draw = _draw_same if same else _draw_others
            left, right = draw(there, people, options.pairs_per_fold, rng)
            parts.append((left, right, np.full(len(left), same), np.full(len(left), fold, np.intp)))
    lefts, rights, kinds, numbers = (np.concatenate(column) for column in zip(*parts, strict=True))
    return PairSet(
        lefts.astype(np.intp), rights.astype(np.intp), kinds.astype(bool), numbers.astype(np.intp), people
    )


def _check_people(counts: Counter[str], options: VerifyOptions) -> None:
    if not counts:
        raise ArgumentError(
            "data",
            f"{options.data}: nobody knows who is in its pictures (the column identity is empty); "
            "give `pairs` FILE, or build it from CelebA's lists or a folder for each person",
        )
    if len(counts) == 1:
        raise ArgumentError(
            "data", f"{options.data}: shows one person only ({next(iter(counts))}): two are needed"
        )
    if max(counts.values()) < 2:
        raise ArgumentError(
            "data", f"{options.data}: nobody is in two pictures; give `pairs` FILE or a larger set"
        )


def _draw_same(
    there: Index, people: Index, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    ordered = there[np.argsort(people[there], kind="stable")]
    _, starts, sizes = np.unique(people[ordered], return_index=True, return_counts=True)
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    chosen = _choose(int(ends[-1]) if len(ends) else 0, most, rng)
    person = np.searchsorted(ends, chosen, side="right")
    before = np.concatenate([[0], ends])[person]
    one, two = _triangle(chosen - before)
    return _shuffled(ordered[starts[person] + one], ordered[starts[person] + two], rng)


def _draw_others(
    there: Index, people: Index, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    count = len(there)
    # one in four pairs would have to be of one person for these to be too few, unless they are all there are
    one, two = _triangle(_choose(count * (count - 1) // 2, max(4 * most, 10_000), rng))
    left, right = there[one], there[two]
    different = people[left] != people[right]
    kept = rng.permutation(np.flatnonzero(different))[:most]
    return _shuffled(left[kept], right[kept], rng)


def _choose(total: int, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    if total <= most:
        return np.arange(total)
    return np.sort(rng.choice(total, most, replace=False))


def _triangle(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The pair (i, j), i < j, of each number in (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    second = ((np.sqrt(8.0 * numbers + 1) + 1) // 2).astype(np.int64)
    second -= second * (second - 1) // 2 > numbers  # where the root was rounded up
    return numbers - second * (second - 1) // 2, second


def _shuffled(
    left: NDArray[np.integer], right: NDArray[np.integer], rng: np.random.Generator
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Which of both wears the mask is drawn, too."""
    swapped = rng.random(len(left)) < 0.5
    return np.where(swapped, right, left), np.where(swapped, left, right)


def named(pairs: PairSet, items: Sequence[EvalItem]) -> list[NamedPair]:
    """Return pairs by the names of their source pictures, for `write_pairs`."""
    names = [item.tags["source"] for item in items]
    columns = zip(pairs.left.tolist(), pairs.right.tolist(), pairs.same.tolist(), strict=True)
    return [NamedPair(names[left], names[right], same) for left, right, same in columns]
