"""CelebA's annotation files, in the official text form and as comma-separated tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from unmask.datagen.common.errors import UserError

from .annotation_table import AnnotationTable, AttributeRows

PICTURE_FOLDER = "img_align_celeba"
ATTRIBUTES, IDENTITIES = "list_attr_celeba", "identity_CelebA"
PARTITION, POINTS5 = "list_eval_partition", "list_landmarks_align_celeba"
ANNOTATION_FOLDERS = ("", "Anno", "Eval")  # the official download keeps the lists in folders of their own
SPLITS = ("train", "val", "test")


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
                notes.append(f"{path.name} names {_pictures(absent)} not in the folder")
            if unnamed:
                notes.append(f"{path.name} does not name {_pictures(unnamed)} in the folder")
        return notes


def find_annotation_files(folder: Path) -> dict[str, Path]:
    """Return the annotation files in a folder or in its ``Anno`` and ``Eval``: annotation name to file."""
    found = {}
    for name in (ATTRIBUTES, IDENTITIES, PARTITION, POINTS5):
        for place in ANNOTATION_FOLDERS:
            for extension in (".txt", ".csv"):
                path = folder / place / (name + extension)
                if name not in found and path.is_file():
                    found[name] = path
    return found


def read_tables(files: dict[str, Path]) -> CelebaTables:
    """Read the annotation files.

    Parameters
    ----------
    files : dict
        As from `find_annotation_files`.

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
    if ATTRIBUTES in files:
        names, attributes = _read_attributes(AnnotationTable(files[ATTRIBUTES], notes))
    if IDENTITIES in files:
        identities = _read_identities(AnnotationTable(files[IDENTITIES], notes))
    if PARTITION in files:
        splits = _read_partition(AnnotationTable(files[PARTITION], notes))
    if POINTS5 in files:
        points5 = _read_points5(AnnotationTable(files[POINTS5], notes))
    return CelebaTables(names, attributes, identities, splits, points5, files, tuple(notes))


def _read_attributes(table: AnnotationTable) -> tuple[tuple[str, ...], AttributeRows]:
    names = tuple(table.header)
    if not names:
        raise UserError(f"{table.path}: the line with the names of the attributes is missing")
    official = table.official_bits(len(names))
    if official is not None:
        return names, AttributeRows(*official)

    def is_wrong(value: str) -> str:
        return "" if value in ("1", "-1", "0") else f"{value!r} where 1 or -1 is needed"

    keys, bits = [], [np.zeros((0, len(names)), bool)]
    for some_keys, rows in table.rows(len(names), is_wrong):
        keys += some_keys
        ones = np.fromiter(map("1".__eq__, chain.from_iterable(rows)), bool)
        bits.append(ones.reshape(len(rows), len(names)))
    return names, AttributeRows(keys, np.concatenate(bits))


def _read_identities(table: AnnotationTable) -> dict[str, str]:
    def is_wrong(value: str) -> str:
        return "" if value.isdecimal() else f"{value!r} where the number of a person is needed"

    return {
        key: each for keys, rows in table.rows(1, is_wrong) for key, (each,) in zip(keys, rows, strict=True)
    }


def _read_partition(table: AnnotationTable) -> dict[str, str]:
    def is_wrong(value: str) -> str:
        return "" if value in ("0", "1", "2") else f"{value!r} where 0 (train), 1 (val) or 2 (test) is needed"

    names = dict(zip("012", SPLITS, strict=True))
    chunks = table.rows(1, is_wrong)
    return {key: names[part] for keys, rows in chunks for key, (part,) in zip(keys, rows, strict=True)}


def _read_points5(table: AnnotationTable) -> dict[str, tuple[float, ...]]:
    def is_wrong(value: str) -> str:
        try:
            float(value)
        except ValueError as error:
            return f"not a number: {error}"
        return ""

    chunks = table.rows(10, is_wrong)
    return {key: tuple(map(float, row)) for keys, rows in chunks for key, row in zip(keys, rows, strict=True)}


def _pictures(count: int) -> str:
    return "1 picture that is" if count == 1 else f"{count} pictures that are"
