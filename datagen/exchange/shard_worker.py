"""One shard of a build: render its pictures into a folder of the worker's own, pack them, and put it up whole."""

import gzip
import io
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from tarfile import TarFile
from tempfile import TemporaryDirectory
from typing import Any, Self

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.json_text import Needs, Whole, misfit, parse_json
from unmask.datagen.common.object_store import ObjectStore
from unmask.datagen.dataset.build import CHUNK_PICTURES
from unmask.datagen.dataset.folder import make_folders
from unmask.datagen.dataset.journal import SourceRecord
from unmask.datagen.dataset.manifest_row import ManifestRow
from unmask.datagen.dataset.options import file_sha256
from unmask.datagen.dataset.tasks import ChunkResult, SourceTask, WorkOrder
from unmask.datagen.dataset.worker import work

from .rows import facts_of
from .shards import add_member, open_shard
from .writer import compact, parts_of, portable_key, suffix_of

_HEAD = Needs({"shard": str, "triplets": Whole(), "bytes": Whole(), "sha256": str})

_PART_BYTES = 1 << 31  # of a part before it is compressed: some 3 KB a picture and variant


def shard_file(name: str) -> str:
    """Return where a shard lies, relative to the dataset."""
    return f"data/{name}.tar"


def part_file(name: str) -> str:
    """Return where the part of the manifest lies that a shard's worker writes when the shard is there."""
    return f"parts/{name}.jsonl.gz"


@dataclass(frozen=True)
class ShardOrder:
    """What is the same for every shard.

    Attributes
    ----------
    work : WorkOrder
        Its ``out`` is replaced.
    store : ObjectStore
    attribute_names : tuple of str
    straps : dict of str to str
        How the masks of a template are held.
    scratch : Path or None
        Where workers make their folders: one that the parent removes, or the machine's own.
    """

    work: WorkOrder
    store: ObjectStore
    attribute_names: tuple[str, ...]
    straps: Mapping[str, str]
    scratch: Path | None


@dataclass(frozen=True)
class ShardResult:
    """What became of a shard.

    Attributes
    ----------
    name : str
        Such as ``train-000003``.
    pictures, triplets : int
        Source pictures, and samples in the tar.
    bytes : int
        Of the tar; 0 where it has no sample and is not written.
    sha256 : str
    seconds : dict
        By stage.
    peak_rss_mb : float
    unseen : tuple of str
        Source pictures that could not be read at all.
    """

    name: str
    pictures: int
    triplets: int
    bytes: int
    sha256: str
    seconds: dict[str, float] = field(default_factory=dict, compare=False)
    peak_rss_mb: float = field(default=0.0, compare=False)
    unseen: tuple[str, ...] = field(default=(), compare=False)


def make_shard(order: ShardOrder, name: str, tasks: tuple[SourceTask, ...]) -> ShardResult:
    """Make a shard and its part of the manifest, which is written last: where it is, all of the shard is.

    Raises
    ------
    UserError
        When the store, or this machine's disk, cannot be written to.
    """
    with TemporaryDirectory(prefix="unmask-shard-", dir=order.scratch) as made, writing_to(Path(made)):
        path = Path(made) / "shard.tar"
        with path.open("wb") as file, open_shard(file) as tar:
            total, triplets = _render(order, tasks, tar, Path(made) / "pictures")
        if not triplets:  # readers take a tar without samples for a damaged one
            path.write_bytes(b"")
        digest, size = file_sha256(path), path.stat().st_size
        if triplets:
            order.store.put(shard_file(name), path)
    unseen = tuple(record.source for record in total.records if not record.sha256)
    shard = ShardResult(name, len(tasks), triplets, size, digest, total.seconds, total.peak_rss_mb, unseen)
    order.store.write(part_file(name), Part(shard, tuple(total.records)).to_bytes())
    return shard


def _render(
    order: ShardOrder, tasks: tuple[SourceTask, ...], tar: TarFile, pictures: Path
) -> tuple[ChunkResult, int]:
    """Make the triplets of a shard and pack them, a few pictures at a time; returns records and number."""
    total, triplets = ChunkResult(), 0
    for chunk in _chunks(tasks):
        pictures.mkdir()
        make_folders(pictures, layers=order.work.layers)
        result = work(replace(order.work, out=pictures), chunk)
        triplets += sum(_add_samples(tar, order, record, pictures) for record in result.records)
        shutil.rmtree(pictures)
        total.add(result)
    return total, triplets


def _chunks(tasks: tuple[SourceTask, ...]) -> Iterator[tuple[SourceTask, ...]]:
    rest = iter(tasks)
    while chunk := tuple(islice(rest, CHUNK_PICTURES)):
        yield chunk


def _add_samples(tar: TarFile, order: ShardOrder, record: SourceRecord, pictures: Path) -> int:
    """Add the triplets of a picture; returns how many."""
    rows = [row for row in record.rows if row.status == "ok"]
    for row in rows:
        for member, name in members_of(row, layers=order.work.layers).items():
            add_member(tar, member, (pictures / name).read_bytes())
        facts = facts_of(row, row.split, order.straps.get(row.template, ""), order.attribute_names)
        add_member(tar, f"{portable_key(row.key)}.json", compact(facts).encode("ascii"))
    return len(rows)


def members_of(row: ManifestRow, *, layers: bool) -> dict[str, str]:
    """Return the pictures of a row by their names in a shard: where they lie in a folder."""
    key = portable_key(row.key)
    return {f"{key}.{what}{suffix_of(name)}": name for what, name in parts_of(row, layers=layers).items()}


@dataclass(frozen=True)
class Part:
    """A shard's part of the manifest: what the shard is, and a record for each of its source pictures."""

    shard: ShardResult
    records: tuple[SourceRecord, ...]

    def to_bytes(self) -> bytes:
        """Return compressed lines of JSON: the same part, the same bytes."""
        shard = self.shard
        head = {
            "shard": shard.name,
            "triplets": shard.triplets,
            "bytes": shard.bytes,
            "sha256": shard.sha256,
        }
        lines = [json.dumps(head, separators=(",", ":")), *(record.to_json() for record in self.records)]
        return gzip.compress("\n".join(lines).encode("ascii"), compresslevel=6, mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> Self:
        """Read a part; UserError naming it where it is damaged."""
        try:
            text = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_PART_BYTES + 1)
            if len(text) > _PART_BYTES:
                raise ValueError(f"larger than {_PART_BYTES >> 20} MiB")
            head, *lines = text.split(b"\n")
            content: Any = parse_json(head)
            wrong = misfit(content, _HEAD)
            if wrong:
                raise ValueError(f"{wrong} is not as it should be")
            records = tuple(SourceRecord.from_json(parse_json(line)) for line in lines)
        except (ValueError, EOFError, OSError) as error:
            raise UserError(
                f"{where}: damaged: {error}; remove it and the same build makes it again"
            ) from error
        shard = ShardResult(
            content["shard"], len(records), content["triplets"], content["bytes"], content["sha256"]
        )
        return cls(shard, records)
