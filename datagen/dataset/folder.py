"""The dataset's folder: what is in it, and what of it earlier builds made."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.folder_lock import LOCK_NAME
from unmask.datagen.common.inside import Inside, real_path
from unmask.datagen.common.json_text import Maybe, Needs, Whole
from unmask.datagen.common.object_store import as_url, is_url
from unmask.datagen.common.work_folder import TOOLKIT_KEY, FolderKind, WorkFolder

from .journal import JOURNAL_NAME, Journal
from .manifest import iterate_manifest
from .options import MOST_VARIANTS
from .rows import check_paths, row_files

BUILD_NAME = "build.json"
MANIFEST_NAME = "manifest.csv"
LANDMARKS_NAME = "landmarks.csv"
SHARDS_NAME = "shards.csv"  # of a dataset in shards alone
ADOPTED = "adopted"  # the kind of the source of pairs that somebody else made
PICTURE_FOLDERS = ("masked", "map", "clean", "layers")
# Tables of a build, and what `unmask-data stats` writes beside them about the same rows.
_TABLES = (MANIFEST_NAME, LANDMARKS_NAME, "stats.json", "stats.html")


_SHAPE = Needs(
    {TOOLKIT_KEY: {"unmask": Maybe(str)}},
    {
        "status": str,
        "config": {
            "variants": Whole(1, MOST_VARIANTS),
            "families": Maybe([str]),
            "templates": [str],
            "template_hash": str,
            **dict.fromkeys(("textures", "parsing"), Maybe(str)),
            "recipe": Maybe({}),
        },
        "source": {
            **dict.fromkeys(("kind", "root"), Maybe(str)),
            "pictures": Maybe(Whole()),
            "attribute_names": [str],
            "notes": [str],
        },
    },
)


def _identity(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides a dataset; the recipe as one text, since its parts are no flags."""
    config, source = content.get("config", {}), content.get("source", {})
    return {
        **config,
        "recipe": json.dumps(config.get("recipe"), sort_keys=True),
        "toolkit": content[TOOLKIT_KEY].get("unmask"),
        **{name: source.get(name) for name in ("kind", "root")},
    }


DATASET = FolderKind(
    argument="out",
    noun="dataset",
    work="build",
    card=BUILD_NAME,
    identity=_identity,
    shape=_SHAPE,
    own=(*_TABLES, JOURNAL_NAME),
    places=(*PICTURE_FOLDERS, JOURNAL_NAME),
    first=(JOURNAL_NAME,),
    # Told apart by their content, not by their names: a moved file or folder is no other configuration.
    free=frozenset({"templates", "textures", "parsing", "landmarks", "recipe_name", "families"}),
    grows="variants",  # the first ones stay what they are
    labels={
        "landmarks_sha256": "`landmarks`",
        "parsing_sha256": "`parsing`",
        "template_hash": "`templates`, `textures` or `families`",
        "root": "`source`",
        "kind": "`source` of kind",
        "clean_folder": "`clean`",
        "maps_folder": "`maps`",
        "toolkit": "toolkit version",
        "shard_pictures": "`shards`",
        "pictures_sha256": "list of pictures (`source`, `split` or `limit`)",
    },
)


def check_apart(out: Path, *source_folders: str) -> None:
    """Raise UserError where the dataset would lie in the source folder, or the source in the dataset."""
    target = real_path(out)
    for folder in source_folders:
        if is_url(folder):
            continue
        source = real_path(folder)
        if target == source or source in target.parents:
            raise ArgumentError("out", f"{out}: lies inside `source` {folder}; name a folder elsewhere")
        if target in source.parents:
            raise ArgumentError("source", f"{folder}: lies inside `out` {out}; name another `out`")


def read_build(out: Path) -> dict[str, Any] | None:
    """Return the content of ``build.json``, None where there is none.

    Raises
    ------
    UserError
        Where it is not ours, or the dataset's pictures are in shards.
    """
    check_unpacked(out)
    return WorkFolder(out, DATASET).read_card()


def check_unpacked(folder: Path) -> None:
    """Raise UserError where a dataset lies in shards, or at a URL: what asks for files needs a folder of them."""
    if is_url(folder) or (folder / SHARDS_NAME).is_file():
        url = as_url(folder)
        raise UserError(
            f"{url}: in shards, not in files; first make a folder of it: unmask-data unpack {url} OUT"
        )


def is_adopted(build: Mapping[str, Any]) -> bool:
    """Whether a dataset's pictures were made by somebody else, by its ``build.json``."""
    return bool(build.get("source", {}).get("kind") == ADOPTED)


def has_clean(build: Mapping[str, Any]) -> bool:
    """Whether a dataset has clean pictures, by its ``build.json``: adopted ones may have none."""
    return build.get("config", {}).get("clean") is not False


def earlier_files(out: Path) -> Iterator[str]:
    """Yield every picture that the journal or the manifest of earlier builds names, layers whether there or not.

    Raises
    ------
    UserError
        When one of them does not lie in the dataset, or a table is damaged.
    """
    journal = Journal(out)
    try:
        yield from journal.begun_files()
        for record in journal:
            for row in record.rows:
                yield from row_files(row, layers=True)
    finally:
        journal.close()
    manifest = out / MANIFEST_NAME
    inside = Inside(out)
    for row in iterate_manifest(manifest) if manifest.exists() else ():
        check_paths(row, inside, manifest)
        yield from row_files(row, layers=True)


def make_folders(out: Path, *, layers: bool) -> None:
    """Make the folders for pictures."""
    for name in PICTURE_FOLDERS:
        if layers or name != "layers":
            (out / name).mkdir(exist_ok=True)


def list_files(out: Path) -> set[str]:
    """Return every picture file of the dataset, and whatever else lies there, as relative POSIX paths."""
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    return found - {BUILD_NAME, JOURNAL_NAME, LOCK_NAME, *_TABLES}
