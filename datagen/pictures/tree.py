"""Find the pictures of a folder tree."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError

PICTURE_EXTENSIONS = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp"))


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder tree.

    Attributes
    ----------
    names : list of str
        POSIX paths relative to the folder, sorted.
    notes : list of str
        What was left out, counted.
    """

    names: list[str]
    notes: list[str]


def list_pictures(root: Path, known: set[str]) -> Listing:
    """Walk a folder tree; hidden files and folders are passed over, links are followed once.

    Parameters
    ----------
    root : Path
        The folder.
    known : set of str
        Paths of files that are no pictures and need no mention.

    Raises
    ------
    UserError
        When a folder cannot be read.
    """
    names: list[str] = []
    left_out: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    waiting: list[str] = [""]
    linked: list[str] = []  # come last: a folder keeps its own name where a link leads to it too
    while waiting or linked:
        prefix = waiting.pop() if waiting else linked.pop(0)
        folder = root / prefix
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise ArgumentError("source", f": {folder} cannot be read: {error.strerror or error}") from error
        for entry in entries:
            name = prefix + entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                (linked if entry.is_symlink() else waiting).append(name + "/")
            else:
                reason = _left_out(entry)
                if reason and entry.path not in known:
                    left_out[reason] += 1
                elif not reason:
                    names.append(name)
    return Listing(sorted(names), [_count(number, what) for what, number in sorted(left_out.items())])


def _left_out(entry: os.DirEntry[str]) -> str:
    """Return why a file is not taken, as a phrase for one and for many, or an empty text."""
    extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 (no Path for each of 200,000 files)
    if extension not in PICTURE_EXTENSIONS:
        return "that is not a picture|that are not pictures"
    if not entry.is_file():
        return "that is a broken link or a device|that are broken links or devices"
    return ""


def _count(number: int, what: str) -> str:
    one, many = what.split("|")
    return f"1 file {one} was left out" if number == 1 else f"{number} files {many} were left out"
