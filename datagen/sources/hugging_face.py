"""What a Hugging Face data set says about its pictures: columns of metadata files, or of parquet files."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import parse_json
from unmask.datagen.common.read_file import PICTURE_BYTES, open_file, read_file
from unmask.datagen.common.table import flag, read_rows

from .annotation_table import AttributeRows
from .celeba import PERSON_COLUMNS, SPLIT_COLUMNS, SPLIT_WORDS, CelebaTables

_FILE = "file_name"
_METADATA = ("metadata.jsonl", "metadata.csv")
_PEOPLE = (*PERSON_COLUMNS, "celeb_id")
_MOST_VALUES = 4  # that a yes or no is written with


@dataclass
class Columns:
    """Values by column, of pictures in one order.

    Attributes
    ----------
    names : list of str
        Of the pictures, as `SourceFace.name`.
    values : dict of str to list
        As long as ``names``; None where a picture has none.
    splits : list of str
        That files or folders tell; "" where they do not.
    """

    names: list[str] = field(default_factory=list)
    values: dict[str, list[Any]] = field(default_factory=dict)
    splits: list[str] = field(default_factory=list)

    def add(self, name: str, row: Mapping[str, Any], split: str) -> None:
        """Add a picture."""
        for column in [column for column in row if column not in self.values]:
            self.values[column] = [None] * len(self.names)
        for column, values in self.values.items():
            values.append(row.get(column))
        self.names.append(name)
        self.splits.append(split)

    def tables(self) -> CelebaTables:
        """Return people, splits, and every column of yes and no as an attribute; keyed by the pictures' names."""
        people, parts = self._column(_PEOPLE), self._column(SPLIT_COLUMNS)
        bits = {}
        for column, values in self.values.items():
            found = None if column in (people, parts) else _bits(values)
            if found is not None:
                bits[column] = found
        splits = [_split(value) for value in self.values[parts]] if parts else self.splits
        return CelebaTables(
            tuple(bits),
            AttributeRows(self.names, np.array([*bits.values()], np.uint8).T) if bits else {},
            self._by_name([_text(value) for value in self.values[people]] if people else []),
            self._by_name(splits),
        )

    def _column(self, names: Sequence[str]) -> str:
        lowered = {column.lower(): column for column in self.values}
        return next((lowered[name] for name in names if name in lowered), "")

    def _by_name(self, texts: Sequence[str]) -> dict[str, str]:
        return {name: text for name, text in zip(self.names, texts, strict=False) if text}


def _bits(values: Sequence[Any]) -> list[int] | None:
    """A column of yes and no as 1 and 0; None for another one."""
    kinds = {value if isinstance(value, int | float | str) else None for value in values}
    if not kinds or None in kinds or len(kinds) > _MOST_VALUES:
        return None
    try:
        known = {value: flag(str(value)) for value in kinds}
    except ValueError:
        return None
    return [known[value] for value in values]


def _split(value: Any) -> str:
    return SPLIT_WORDS.get(str(value).lower(), "")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def split_of(name: str) -> str:
    """Return the split that a file's folder, or the beginning of its own name, stands for; "" for none."""
    *folders, file = name.lower().split("/")
    words = [*reversed(folders), *re.split(r"[-_.]", file)[:1]]
    return next((SPLIT_WORDS[word] for word in words if word in SPLIT_WORDS and not word.isdecimal()), "")


def find_metadata(root: Path) -> list[Path]:
    """Return the metadata files of a folder of pictures: in it, or in those of its splits."""
    places = [root, *(root / word for word in SPLIT_WORDS), *(root / "data" / word for word in SPLIT_WORDS)]
    files = [place / name for place in places for name in _METADATA]
    return [path for path in files if path.is_file() and _names_files(path)]


def _names_files(path: Path) -> bool:
    """Tell whether a file's first row has a picture's name: other tools' files are called so, too."""
    with suppress(OSError), open_file(path) as file:
        return _FILE.encode() in file.readline(1 << 20)
    return False


def read_metadata(root: Path, files: Sequence[Path]) -> Columns:
    """Read metadata files.

    Raises
    ------
    UserError
        Naming the file and the line that is malformed.
    """
    columns = Columns()
    seen: set[str] = set()
    for path in files:
        folder = path.parent.relative_to(root).as_posix()
        for line, row in _jsonl(path) if path.suffix == ".jsonl" else _csv(path):
            file = row.pop(_FILE, None)
            if not isinstance(file, str) or not file:
                raise UserError(f"{path}: line {line}: no {_FILE}")
            name = file.replace("\\", "/").removeprefix("./")
            name = name if folder == "." else f"{folder}/{name}"
            if name in seen:
                raise UserError(f"{path}: line {line}: {name} is there twice")
            seen.add(name)
            columns.add(name, row, split_of(name) if "/" in name else "")
    return columns


def _jsonl(path: Path) -> Any:
    try:
        lines = read_file(path, PICTURE_BYTES).splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise UserError(f"{path}: line {number}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UserError(f"{path}: line {number}: no object")
        yield number, row


def _csv(path: Path) -> Any:
    header: list[str] = []
    for number, cells in read_rows(path):
        if not header:
            header = [name.strip() for name in cells]
        elif len(cells) != len(header):
            raise UserError(f"{path}: line {number}: {len(cells)} values where {len(header)} are needed")
        else:
            yield number, {name: value or None for name, value in zip(header, cells, strict=True)}
