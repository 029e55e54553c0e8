"""The tables of a dataset in shards: the parts that workers wrote, merged into the manifest of a folder."""

import heapq
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.object_store import ObjectStore
from unmask.datagen.common.table import read_rows
from unmask.datagen.dataset.folder import LANDMARKS_NAME, MANIFEST_NAME
from unmask.datagen.dataset.journal import SourceRecord
from unmask.datagen.dataset.manifest import write_manifest
from unmask.datagen.dataset.manifest_row import STATUSES, ManifestRow
from unmask.datagen.faces.landmark_table import write_landmark_table
from unmask.datagen.sources.splits import SPLITS

from .shard_worker import Part, ShardResult, part_file

NO_SPLIT = "all"  # in the names of shards of pictures that are in none
_NAME = re.compile(rf"({'|'.join((*SPLITS, NO_SPLIT))})-[0-9]{{6,}}")
_COLUMNS = ("shard", "split", "pictures", "triplets", "bytes", "sha256")


class Parts:
    """The parts of some shards on this machine, read one at a time.

    Parameters
    ----------
    folder : Path
        Where they lie.
    names : sequence of str
        Of the shards, in their order.
    url : str
        Where they came from, for words.
    """

    def __init__(self, folder: Path, names: Sequence[str], url: str) -> None:
        self._folder, self.names, self._url = folder, tuple(names), url
        self._heads: dict[str, ShardResult] = {}

    def shard(self, name: str) -> ShardResult:
        """Return what a shard is; nothing is read again for it."""
        return self._heads[name] if name in self._heads else self.read(name).shard

    def read(self, name: str) -> Part:
        """Return a shard's part; UserError where it is damaged, or another shard's."""
        where = f"{self._url}/{part_file(name)}"
        part = Part.from_bytes((self._folder / name).read_bytes(), where)
        if part.shard.name != name:
            raise UserError(f"{where}: is of shard {part.shard.name}")
        self._heads[name] = part.shard
        return part

    def records(self) -> Iterator[SourceRecord]:
        """Yield what became of every picture, sorted by name, with one part of each split in memory."""
        splits = dict.fromkeys(map(split_of, self.names))
        streams = [self._of_split(split) for split in splits]
        return heapq.merge(*streams, key=lambda record: record.source)

    def _of_split(self, split: str) -> Iterator[SourceRecord]:
        for name in self.names:
            if split_of(name) == split:
                yield from self.read(name).records


def split_of(name: str) -> str:
    """Return the split in a shard's name."""
    return name.rpartition("-")[0]


def fetch_parts(store: ObjectStore, names: Sequence[str], folder: Path) -> Parts:
    """Copy the parts of some shards to this machine."""
    for name in names:
        store.fetch(part_file(name), folder / name)
    return Parts(folder, names, store.url)


def write_tables(out: Path, parts: Parts, attribute_names: Sequence[str]) -> dict[str, int]:
    """Write manifest and landmarks, to the byte as a build into a folder writes them; returns rows by status."""
    counts = dict.fromkeys(STATUSES, 0)

    def rows() -> Iterator[ManifestRow]:
        for record in parts.records():
            for row in record.rows:
                counts[row.status] += 1
                yield row

    write_manifest(out / MANIFEST_NAME, rows(), attribute_names)
    write_landmark_table(
        out / LANDMARKS_NAME,
        ((r.source, r.sha256, r.landmarks) for r in parts.records() if r.landmarks is not None),
    )
    return counts


def write_shard_table(path: Path, parts: Parts) -> None:
    """Write a line for each shard."""
    with writing_lines(path) as file:
        file.write(csv_line(_COLUMNS))
        for name in parts.names:
            shard = parts.shard(name)
            cells = (name, split_of(name), shard.pictures, shard.triplets, shard.bytes, shard.sha256)
            file.write(csv_line(map(str, cells)))


def read_shard_table(path: Path) -> list[str]:
    """Return the names of all shards in their order; UserError where it is no such table."""
    rows = [cells for _, cells in read_rows(path)]
    if not rows or tuple(rows[0]) != _COLUMNS or any(len(cells) != len(_COLUMNS) for cells in rows):
        raise UserError(f"{path.name}: not a table of shards")
    names = [cells[0] for cells in rows[1:]]
    strange = next((name for name in names if not _NAME.fullmatch(name)), None)
    if strange is not None:
        raise UserError(f"{path.name}: {strange!r} is no name of a shard")
    return names
