"""CelebA's annotation files, in the official text form and as whatever tables people made of them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.table import decimal_number, flag, whole_number

from .annotation_table import AnnotationTable, AttributeRows

PICTURE_FOLDER, WILD_FOLDER = "img_align_celeba", "img_celeba"
PICTURE_FOLDERS = (PICTURE_FOLDER, "img_align_celeba_png", WILD_FOLDER)  # the same faces: the first is taken
OFFICIAL_FOLDER = "Img"  # where the official download has them
ATTRIBUTES, IDENTITIES = "list_attr_celeba", "identity_CelebA"
PARTITION, POINTS5 = "list_eval_partition", "list_landmarks_align_celeba"
ANNOTATION_NAMES = (ATTRIBUTES, IDENTITIES, PARTITION, POINTS5)
ANNOTATION_FOLDERS = ("", "Anno", "Eval")  # the official download keeps the lists in folders of their own
_POINTS5 = tuple(
    f"{part}_{axis}" for part in ("lefteye", "righteye", "nose", "leftmouth", "rightmouth") for axis in "xy"
)
PERSON_COLUMNS = ("identity", "identity_id", "person", "person_id", "id")
SPLIT_COLUMNS = ("partition", "split", "set", "subset", "eval_partition")
SPLIT_WORDS = {
    **dict.fromkeys(("0", "train", "training"), "train"),
    **dict.fromkeys(("1", "val", "valid", "validation"), "val"),
    **dict.fromkeys(("2", "test", "testing"), "test"),
}


@dataclass(frozen=True)
class CelebaTables:
    """What the annotation files say, keyed by the picture's name without its extension.

    Attributes
    ----------
    attribute_names : tuple of str
        In the file's order; empty without the file.
    attributes : mapping
        Tuple of 0/1 in that order.
    identities, splits : dict
        Person's number as text; ``train``, ``val`` or ``test``.
    points5 : dict
        Ten coordinates in pixels of the 178 x 218 picture.
    files : dict
        Annotation name (as the constants of this module) to file, for those that are there.
    notes : tuple of str
        What is odd about the files without being wrong.
    """

    attribute_names: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)
    splits: dict[str, str] = field(default_factory=dict)
    points5: dict[str, tuple[float, ...]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def compare(self, keys: set[str]) -> list[str]:
        """Say for each file how many pictures it misses, and how many it names that are not there."""
        by_file = {
            ATTRIBUTES: self.attributes.keys(),
            IDENTITIES: self.identities.keys(),
            PARTITION: self.splits.keys(),
            POINTS5: self.points5.keys(),
        }
        notes = []
        for name, path in self.files.items():
            named = by_file[name]
            if named == keys:
                continue
            absent, unnamed = len(named - keys), len(keys - named)
            if absent:
                notes.append(f"{path.name} names {count_pictures(absent)} not in the folder")
            if unnamed:
                notes.append(f"{path.name} does not name {count_pictures(unnamed)} in the folder")
        return notes


def in_names_of(tables: CelebaTables, keys: Collection[str]) -> CelebaTables:
    """Return tables under the pictures' own keys where they number them without leading zeros.

    Who reads ``000001`` as a number and writes it again has 1. Nothing changes where the tables name a picture as
    it is called, or the pictures' numbers have several lengths.
    """
    widths = {len(key) for key in keys if key.isdecimal()}
    if len(widths) != 1:
        return tables
    known, width = set(keys), widths.pop()

    def named(table: Mapping[str, Any]) -> list[str] | None:
        if not table or not known.isdisjoint(table) or not all(map(str.isdecimal, table)):
            return None
        return [key.zfill(width) for key in table]

    changed: dict[str, Any] = {}
    for name in ("attributes", "identities", "splits", "points5"):
        table = getattr(tables, name)
        others = named(table)
        if others is not None and not known.isdisjoint(others):
            as_rows = isinstance(table, AttributeRows)
            changed[name] = (
                table.with_keys(others) if as_rows else dict(zip(others, table.values(), strict=True))
            )
    return replace(tables, **changed) if changed else tables


def find_annotation_files(folder: Path) -> dict[str, Path]:
    """Return the annotation files in a folder or in its ``Anno`` and ``Eval``: annotation name to file."""
    found = {}
    for name in ANNOTATION_NAMES:
        for place in ANNOTATION_FOLDERS:
            for extension in (".txt", ".csv"):
                path = folder / place / (name + extension)
                if name not in found and path.is_file():
                    found[name] = path
    return found


def read_tables(files: dict[str, Path], texts: Mapping[Path, bytes] | None = None) -> CelebaTables:
    """Read the annotation files.

    Parameters
    ----------
    files : dict
        As from `find_annotation_files`.
    texts : mapping of Path to bytes, optional
        The content of those that lie in a zip file.

    Raises
    ------
    UserError
        When a row is short or malformed; the message names the file and the line.
    """
    notes: list[str] = []
    names: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[int, ...]] = {}
    identities: dict[str, str] = {}
    splits: dict[str, str] = {}
    points5: dict[str, tuple[float, ...]] = {}

    def table(name: str) -> AnnotationTable:
        return AnnotationTable(files[name], notes, (texts or {}).get(files[name]))

    if ATTRIBUTES in files:
        names, attributes = _read_attributes(table(ATTRIBUTES))
    if IDENTITIES in files:
        identities = _read_identities(table(IDENTITIES))
    if PARTITION in files:
        splits = _read_partition(table(PARTITION))
    if POINTS5 in files:
        points5 = _read_points5(table(POINTS5))
    return CelebaTables(names, attributes, identities, splits, points5, files, tuple(notes))


def _read_attributes(table: AnnotationTable) -> tuple[tuple[str, ...], AttributeRows]:
    table.leave_out((*PERSON_COLUMNS, *SPLIT_COLUMNS, *_POINTS5))
    names = tuple(table.header)
    if not names:
        raise UserError(f"{table.path}: the line with the names of the attributes is missing")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{table.path}: two columns are called {twice!r}")
    official = table.official_bits(len(names))
    if official is not None:
        return names, AttributeRows(*official)
    keys, bits = [], [np.zeros((0, len(names)), bool)]
    for some_keys, rows in table.rows(len(names), _one_scale()):
        keys += some_keys
        ones = np.fromiter(chain.from_iterable(rows), bool)
        bits.append(ones.reshape(len(rows), len(names)))
    return names, AttributeRows(keys, np.concatenate(bits))


def _one_scale() -> Callable[[str], int]:
    """Return `flag` for one table: where it has 0 and -1, one of them may mean that nobody knows."""
    noes: set[float] = set()

    def meaning(text: str) -> int:
        bit = flag(text)
        if bit == 0 and text[:1] in "-0":
            noes.add(decimal_number(text))
            if len(noes) > 1:
                raise ValueError("both 0 and -1 are there: which one is no, and which one unknown?")
        return bit

    return meaning


def _read_identities(table: AnnotationTable) -> dict[str, str]:
    def meaning(value: str) -> str:
        try:
            return value if value.isdecimal() else str(whole_number(value))
        except ValueError:
            raise ValueError(f"{value!r} where the number of a person is needed") from None

    table.choose(PERSON_COLUMNS)
    return _by_key(table.rows(1, meaning))


def _read_partition(table: AnnotationTable) -> dict[str, str]:
    def meaning(value: str) -> str:
        split = SPLIT_WORDS.get(value.lower().removesuffix(".0").removesuffix(",0"))
        if split is None:
            raise ValueError(f"{value!r} where 0 (train), 1 (val) or 2 (test) is needed")
        return split

    table.choose(SPLIT_COLUMNS)
    return _by_key(table.rows(1, meaning))


def _by_key(chunks: Iterator[tuple[list[str], list[list[str]]]]) -> dict[str, str]:
    return {key: each for keys, rows in chunks for key, (each,) in zip(keys, rows, strict=True)}


def _read_points5(table: AnnotationTable) -> dict[str, tuple[float, ...]]:
    def meaning(value: str) -> float:
        try:
            return decimal_number(value)
        except ValueError as error:
            raise ValueError(f"not a number: {error}") from None

    table.order(_POINTS5)
    chunks = table.rows(10, meaning)
    return {key: tuple(row) for keys, rows in chunks for key, row in zip(keys, rows, strict=True)}


def count_pictures(count: int) -> str:
    """Return the beginning of a note about so many pictures."""
    return "1 picture that is" if count == 1 else f"{count} pictures that are"
