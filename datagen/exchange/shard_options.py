"""What a build in shards, and making a folder of one, are asked to do."""

from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.checks import check_at_least
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.object_store import as_url
from unmask.datagen.dataset.options import BuildOptions

SHARD_PICTURES = 1000
MOST_SHARD_PICTURES = 100_000


@dataclass(frozen=True)
class ShardOptions:
    """Everything `unmask.datagen.exchange.shard_build.build_shards` is told.

    Attributes
    ----------
    build : BuildOptions
        What is made; its ``out`` may be a URL.
    shards : int
        Source pictures of each shard.
    """

    build: BuildOptions
    shards: int = SHARD_PICTURES

    @property
    def url(self) -> str:
        """Where the dataset goes, as fsspec takes it."""
        return as_url(self.build.out)

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        self.build.check()
        check_at_least("shards", self.shards, 1)
        if self.shards > MOST_SHARD_PICTURES:
            raise ArgumentError("shards", f"{self.shards}: at most {MOST_SHARD_PICTURES}")


@dataclass(frozen=True)
class UnpackOptions:
    """Everything `unmask.datagen.exchange.unpack.unpack` is told.

    Attributes
    ----------
    data : str
        URL or folder of the dataset in shards.
    out : Path
        Folder that is made of it.
    limit : int or None
        Only the first so many shards.
    """

    data: str
    out: Path
    limit: int | None = None

    def check(self) -> None:
        """Raise ArgumentError naming the first one whose value makes no sense."""
        check_at_least("limit", self.limit, 1)
