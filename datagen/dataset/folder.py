"""The dataset's folder: may it be used, what is in it, and clearing what an earlier build made."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.pictures.tree import PICTURE_EXTENSIONS

from .journal import JOURNAL_NAME
from .options import first_difference

BUILD_NAME = "build.json"
MANIFEST_NAME = "manifest.csv"
LANDMARKS_NAME = "landmarks.csv"
PICTURE_FOLDERS = ("masked", "map", "clean", "layers")
# Tables of a build, and what `unmask-data stats` writes beside them about the same rows.
_TABLES = (MANIFEST_NAME, LANDMARKS_NAME, "stats.json", "stats.html")
_OUR_SUFFIXES = PICTURE_EXTENSIONS | {PART}
TOOLKIT_KEY = "toolkit"


def check_apart(out: Path, *source_folders: str) -> None:
    """Raise UserError where the dataset would lie in the source folder, or the source in the dataset."""
    target = out.resolve()
    for folder in source_folders:
        source = Path(folder).resolve()
        if target == source or source in target.parents:
            raise ArgumentError("out", f"{out}: lies inside `source` {folder}; name a folder elsewhere")
        if target in source.parents:
            raise ArgumentError("source", f"{folder}: lies inside `out` {out}; name another `out`")


def check_usable(out: Path) -> None:
    """Raise UserError where ``out`` cannot be made or written to, as far as can be told without writing."""
    if out.exists() and not out.is_dir():
        raise ArgumentError("out", f"{out}: is a file, not a folder")
    there = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not there.is_dir():
        raise ArgumentError("out", f"{out}: {there} is a file, not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ArgumentError("out", f"{out}: {there} cannot be written to")


def read_build(out: Path) -> dict[str, Any] | None:
    """Return the content of ``build.json``, or None where there is none.

    Raises
    ------
    UserError
        When the file is not one that this toolkit wrote.
    """
    path = out / BUILD_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON, so this is no dataset of this toolkit") from error
    if not isinstance(content, dict) or TOOLKIT_KEY not in content:
        raise UserError(f"{path}: not written by this toolkit")
    return content


def write_build(out: Path, content: Mapping[str, Any]) -> None:
    """Write ``build.json``; ASCII, so that any file name survives."""
    write_atomic(out / BUILD_NAME, (json.dumps(content, indent=2) + "\n").encode("ascii"))


def check_existing(out: Path, existing: str, identity: Mapping[str, Any]) -> bool:
    """Apply ``--existing`` to what is in the folder, without touching it.

    Parameters
    ----------
    out : Path
        The dataset's folder; need not exist.
    existing : str
        ``resume``, ``overwrite`` or ``fail``.
    identity : mapping
        What must be equal for a resume: section name -> JSON-able mapping.

    Returns
    -------
    bool
        True where there is an earlier build to resume or overwrite, False for a new folder.

    Raises
    ------
    UserError
        When the policy forbids going on.
    """
    if not out.is_dir() or all(_is_beginning(entry.name) for entry in out.iterdir()):
        return False
    if existing == "fail":
        raise ArgumentError("out", f"{out}: is not empty, and `existing` fail was given")
    build = read_build(out)
    if build is None:
        raise ArgumentError(
            "out", f"{out}: has files but no {BUILD_NAME}, so it is no dataset; name a new folder"
        )
    if existing == "resume":
        for section, now in identity.items():
            difference = first_difference(build.get(section, {}), now)
            if difference:
                raise ArgumentError(
                    "out",
                    f"{out}: was built with another configuration ({difference}); "
                    "name another `out`, or give `existing` overwrite",
                )
    return True


def _is_beginning(name: str) -> bool:
    # What a build that was killed at once leaves, before build.json says whose folder it is.
    return name == JOURNAL_NAME or name.endswith(PART)


def remove_earlier(out: Path) -> None:
    """Remove the pictures and tables of an earlier build; other files stay where they are.

    ``build.json`` and the journal stay, so that a kill in between leaves a folder still known as ours.
    """
    for name in _TABLES:
        (out / name).unlink(missing_ok=True)
    for folder in PICTURE_FOLDERS:
        with suppress(FileNotFoundError), os.scandir(out / folder) as entries:
            for entry in entries:
                if Path(entry.name).suffix.lower() in _OUR_SUFFIXES and entry.is_file(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108
        with suppress(OSError):  # absent, or it holds a file that is not ours
            (out / folder).rmdir()


def remove_parts(out: Path) -> None:
    """Remove the half-written files that a killed build left."""
    for folder in (out, *(out / name for name in PICTURE_FOLDERS)):
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(PART):
                    os.unlink(entry.path)  # noqa: PTH108


def make_folders(out: Path, *, layers: bool) -> None:
    """Make the folders for pictures."""
    for name in PICTURE_FOLDERS:
        if layers or name != "layers":
            (out / name).mkdir(exist_ok=True)


def list_files(out: Path) -> set[str]:
    """Return every picture file of the dataset, and whatever else lies there, as relative POSIX paths."""
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if not path.is_dir()}
    return found - {BUILD_NAME, JOURNAL_NAME, *_TABLES}
