"""Lists of pairs of pictures: LFW's ``pairs.txt`` in both of its forms, and ``path path 0/1``.

    10      300                         folds, and pairs of each kind in each of them
    Ada_Byron       1       4           pictures 1 and 4 of one person: Ada_Byron/Ada_Byron_0001 and _0004
    Ada_Byron       1       Bo_Li   2   one picture each of two people

``pairsDevTrain.txt`` begins with one number: one set of as many pairs of each kind. A list without such a line may
be of either form. Cells are separated by tabs, commas or blanks.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.read_file import read_file

FOLDS = 10  # of lists that do not say
_LARGEST_BYTES = 1 << 30
_SAME = {"1": True, "0": False, "true": True, "false": False}
_LFW_NAME = re.compile(r"(?:.*/)?([^/]+)/\1_(\d{4,})(?:\.\w+)?")


@dataclass(frozen=True)
class NamedPair:
    """Two pictures by their names, and whether one person is in both."""

    left: str
    right: str
    same: bool


@dataclass(frozen=True)
class PairsFile:
    """A list of pairs; ``folds`` is None where it says nothing about them."""

    pairs: tuple[NamedPair, ...]
    folds: int | None


def read_pairs(path: Path) -> PairsFile:
    """Read a list of pairs.

    Raises
    ------
    ArgumentError
        Naming ``pairs``, the file and the line: it cannot be read or is no such list, has fewer or more pairs than
        it announces, or lacks one of both kinds.
    """
    try:
        text = read_file(path, _LARGEST_BYTES).decode("utf-8-sig", "surrogateescape")
    except (OSError, ValueError) as error:
        raise ArgumentError("pairs", f"{path}: cannot be read: {error}") from error
    lines = [
        (number, _cells(line)) for number, line in enumerate(text.splitlines(), 1) if line.strip(" \t\r,")
    ]
    header = _header(lines[0][1]) if lines else None
    rows = lines if header is None else lines[1:]
    # what most lines are: the others are then said to be wrong
    fits = [sum(form(cells) is not None for _, cells in rows) for form in (_plain_pair, _lfw_pair)]
    as_lfw = header is not None or fits[0] < fits[1]
    pairs = []
    for number, cells in rows:
        pair = (_lfw_pair if as_lfw else _plain_pair)(cells)
        if pair is None:
            shown = " ".join(cells)[:60]
            raise ArgumentError(
                "pairs",
                f"{path}: line {number} ({shown!r}) is no pair: expected NAME N N, NAME N NAME N, or PATH PATH 0/1",
            )
        pairs.append(pair)
    _check_counts(path, header, pairs)
    return PairsFile(tuple(pairs), header[0] if header is not None and header[0] > 1 else None)


def _cells(line: str) -> list[str]:
    separator = next((one for one in ("\t", ",") if one in line), None)
    return [cell.strip() for cell in line.split(separator)]


def _header(cells: Sequence[str]) -> tuple[int, int] | None:
    """Folds, and pairs of each kind in each."""
    if len(cells) > 2 or not all(re.fullmatch(r"[0-9]{1,9}", cell) for cell in cells):
        return None
    return (1, int(cells[0])) if len(cells) == 1 else (int(cells[0]), int(cells[1]))


def _plain_pair(cells: Sequence[str]) -> NamedPair | None:
    if len(cells) != 3 or cells[2].lower() not in _SAME or not (cells[0] and cells[1]):
        return None
    return NamedPair(cells[0], cells[1], _SAME[cells[2].lower()])


def _lfw_pair(cells: Sequence[str]) -> NamedPair | None:
    if len(cells) not in (3, 4):
        return None
    first = (cells[0], cells[1])
    second = (cells[0], cells[2]) if len(cells) == 3 else (cells[2], cells[3])
    if not all(name and re.fullmatch(r"[0-9]{1,9}", number) for name, number in (first, second)):
        return None
    left, right = (f"{name}/{name}_{int(number):04d}" for name, number in (first, second))
    return NamedPair(left, right, first[0] == second[0])


def _check_counts(path: Path, header: tuple[int, int] | None, pairs: Sequence[NamedPair]) -> None:
    same = sum(pair.same for pair in pairs)
    if header is not None:
        expected = header[0] * header[1]
        if (same, len(pairs) - same) != (expected, expected):
            raise ArgumentError(
                "pairs",
                f"{path}: its first line announces {expected} pairs of one person and {expected} of two; "
                f"it has {same} and {len(pairs) - same}",
            )
    if not pairs:
        raise ArgumentError("pairs", f"{path}: no pair in it")
    if same in (0, len(pairs)):
        only = "one person" if same else "two people"
        raise ArgumentError("pairs", f"{path}: has only pairs of {only}; both kinds are needed")


def write_pairs(path: Path, pairs: Sequence[NamedPair], folds: Sequence[int]) -> None:
    """Write a list of pairs that `read_pairs` reads.

    Parameters
    ----------
    path : Path
    pairs : sequence of NamedPair
        Names without extensions give LFW's form where all are named as there and each fold has as many pairs of
        both kinds as every other one; else it is ``path path 0/1``.
    folds : sequence of int
        Of each pair, from 0.
    """
    count = len(set(folds))
    kinds = [(fold, pair.same) for fold, pair in zip(folds, pairs, strict=True)]
    sizes = {kinds.count((fold, same)) for fold in set(folds) for same in (True, False)}
    names = [[_LFW_NAME.fullmatch(name) for name in (pair.left, pair.right)] for pair in pairs]
    order = sorted(range(len(pairs)), key=lambda number: (folds[number], not pairs[number].same))
    if len(sizes) == 1 and all(found is not None for both in names for found in both):
        lines = [f"{count}\t{min(sizes)}"]
        for number in order:
            (one, first), (two, second) = (found.groups() for found in names[number] if found is not None)
            other = [str(int(second))] if pairs[number].same else [two, str(int(second))]
            lines.append("\t".join([one, str(int(first)), *other]))
    else:
        lines = [f"{pairs[n].left}\t{pairs[n].right}\t{int(pairs[n].same)}" for n in order]
    write_atomic(path, ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape"))
