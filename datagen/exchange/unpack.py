"""`unpack`: a dataset in shards becomes a folder, to the byte the one that a build into a folder makes."""

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.checks import check_outside
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.object_store import ObjectStore, as_url
from unmask.datagen.common.read_file import PICTURE_BYTES
from unmask.datagen.common.work_folder import WorkFolder, check_usable
from unmask.datagen.dataset.folder import BUILD_NAME, DATASET, MANIFEST_NAME, SHARDS_NAME, make_folders
from unmask.datagen.dataset.options import file_sha256
from unmask.datagen.dataset.rows import check_paths

from .shard_build import read_card
from .shard_options import UnpackOptions
from .shard_tables import fetch_parts, read_shard_table, write_tables
from .shard_worker import Part, members_of, shard_file


@dataclass(frozen=True)
class UnpackReport:
    """What was unpacked: the folder, its shards, source pictures and rows by status."""

    out: Path
    shards: int
    pictures: int
    counts: dict[str, int]


def unpack(options: UnpackOptions, progress: Callable[[int, int], None] | None = None) -> UnpackReport:
    """Make a folder of a dataset in shards; every shard is compared with the hash that its worker noted.

    Parameters
    ----------
    options : UnpackOptions
    progress : callable, optional
        Called with shards done and in all.

    Raises
    ------
    UserError
        For what a person can mend, in one line; before any work, but for trouble with store, disk or a shard.
    """
    options.check()
    check_usable(options.out)
    store = ObjectStore(as_url(options.data), "data")
    if store.folder is not None:
        check_outside("out", options.out, "data", store.folder)
    card = read_card(store)
    if card is None:
        raise ArgumentError("data", f"{store.url}: no dataset in shards there (no {BUILD_NAME})")
    if card.get("status") != "complete":
        raise ArgumentError(
            "data", f"{store.url}: its build did not finish; the same build command resumes it"
        )
    card = _as_folder(card)
    folder = WorkFolder(options.out, DATASET)
    folder.check(card, "resume")
    show = progress or (lambda *_: None)
    with TemporaryDirectory(prefix="unmask-unpack-") as made, folder.opened(card, "resume"), folder.writing():
        scratch = Path(made)
        store.fetch(SHARDS_NAME, scratch / SHARDS_NAME)
        names = read_shard_table(scratch / SHARDS_NAME)[: options.limit]
        parts = fetch_parts(store, names, scratch)
        layers = bool(card.get("config", {}).get("layers"))
        folder.write_card(card | {"status": "running", "counts": {}})
        make_folders(options.out, layers=layers)
        pictures = 0
        for done, name in enumerate(names, 1):
            part = parts.read(name)
            _unpack_shard(store, part, options.out, scratch / "shard.tar", layers=layers)
            pictures += part.shard.pictures
            show(done, len(names))
        counts = write_tables(options.out, parts, card.get("source", {}).get("attribute_names", ()))
        source = card.get("source", {}) | {"pictures": pictures}
        folder.write_card(card | {"source": source, "counts": counts})
    return UnpackReport(options.out, len(names), pictures, counts)


def _as_folder(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the build.json of a folder with the same pictures."""
    config = {
        name: value
        for name, value in card["config"].items()
        if name not in ("shard_pictures", "pictures_sha256")
    }
    return {**card, "config": config}


def _unpack_shard(store: ObjectStore, part: Part, out: Path, path: Path, *, layers: bool) -> None:
    """Write the pictures of a shard where a build into a folder puts them."""
    shard = part.shard
    if not shard.triplets:
        return
    where = f"{store.url}/{shard_file(shard.name)}"
    store.fetch(shard_file(shard.name), path)
    if file_sha256(path) != shard.sha256:
        raise UserError(f"{where}: is not what its build put there; remove its part and build again")
    inside, manifest = Inside(out), Path(MANIFEST_NAME)
    wanted: dict[str, str] = {}
    for record in part.records:
        for row in record.rows:
            if row.status == "ok":
                check_paths(row, inside, manifest)
                wanted |= members_of(row, layers=layers)
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                name = wanted.pop(member.name, None) if member.size <= PICTURE_BYTES else None
                content = tar.extractfile(member) if name else None
                if content is not None:
                    write_atomic(out / str(name), content.read())
    except tarfile.TarError as error:
        raise UserError(f"{where}: no tar file: {error}") from error
    if wanted:
        raise UserError(f"{where}: lacks {next(iter(wanted))}")
