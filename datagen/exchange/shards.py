"""WebDataset: ``data/SPLIT-NNNNNN.tar``, in each sample the pictures of a triplet and what is known of it."""

import io
import tarfile
from contextlib import ExitStack
from typing import BinaryIO, Self

from .rows import ExportRow
from .writer import Writer, compact, parts_of, portable_key, suffix_of


class ShardWriter(Writer):
    """Writes tar files that say nothing of when and by whom; see `Writer`."""

    def __enter__(self) -> Self:
        self._shards: dict[str, tuple[str, ExitStack, tarfile.TarFile | None]] = {}
        return self

    def names(self, one: ExportRow) -> list[str]:
        """Return the shard where it begins with this triplet."""
        return [] if one.number % self.options.shard_rows else [self._shard(one)]

    def _shard(self, one: ExportRow) -> str:
        return f"data/{one.split}-{one.number // self.options.shard_rows:06d}.tar"

    def add(self, one: ExportRow) -> None:
        """Write a sample; one whose shard was finished before is passed over."""
        tar = self._tar(one)
        if tar is None:
            return
        key = portable_key(one.key)
        for what, name in parts_of(one.row, layers=self.options.layers).items():
            add_member(tar, f"{key}.{what}{suffix_of(name)}", self.place.read(name))
        add_member(tar, f"{key}.json", compact(self.found.facts(one)).encode("ascii"))

    def _tar(self, one: ExportRow) -> tarfile.TarFile | None:
        name = self._shard(one)
        current = self._shards.get(one.split)
        if current is None or current[0] != name:
            if current is not None:
                current[1].close()
            stack, tar = self.open_files.enter_context(ExitStack()), None
            if not self.place.has(name):
                file = stack.enter_context(self.place.writing(name))
                tar = stack.enter_context(open_shard(file))
            self._shards[one.split] = (name, stack, tar)
        return self._shards[one.split][2]


def open_shard(file: BinaryIO) -> tarfile.TarFile:
    """Return a tar file that is being written: GNU's form takes names of any length."""
    return tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT)


def add_member(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    """Add a file that says nothing of when and by whom."""
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
