"""Find the pictures of a folder tree, and its clips where they are wanted."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from unmask.datagen.common.errors import ArgumentError

PICTURE_EXTENSIONS = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp"))
CLIP_EXTENSIONS = frozenset(
    (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".3gp", ".wmv")
)
# Why a file is not taken, as a phrase for one and for many.
_NO_PICTURE = "that is not a picture|that are not pictures"
_NO_FILE = "that is a broken link or a device|that are broken links or devices"


@dataclass(frozen=True)
class Listing:
    """The pictures of a folder tree.

    Attributes
    ----------
    names : list of str
        POSIX paths relative to the folder, sorted.
    notes : list of str
        What was left out, counted.
    incomplete : bool
        Whether a folder below could not be read.
    """

    names: list[str]
    notes: list[str]
    incomplete: bool = False


def is_clip(path: Path | str) -> bool:
    """Whether a file is named like a clip."""
    return os.path.splitext(path)[1].lower() in CLIP_EXTENSIONS  # noqa: PTH122 - of a text, too


def list_pictures(root: Path, known: set[str], extensions: frozenset[str] = PICTURE_EXTENSIONS) -> Listing:
    """Walk a folder tree; hidden files and folders are passed over, links are followed once.

    Parameters
    ----------
    root : Path
        The folder.
    known : set of str
        Paths of files that are no pictures and need no mention.
    extensions : frozenset of str
        What counts as a picture.

    Raises
    ------
    UserError
        When the folder cannot be read; one below it that cannot is a note.
    """
    names: list[str] = []
    left_out: Counter[str] = Counter()
    unreadable: list[str] = []
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
            entries = sorted(os.scandir(folder), key=attrgetter("name"))
        except OSError as error:
            if not prefix:
                words = f": {folder} cannot be read: {error.strerror or error}"
                raise ArgumentError("source", words) from error
            unreadable.append(f"{prefix[:-1]} ({error.strerror or error})")
            continue
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            named_so = name[name.rfind(".") :].lower() in extensions
            if named_so and _is(entry.is_file, unknown=True):
                names.append(prefix + name)
            elif _is(entry.is_dir, unknown=False):
                (linked if entry.is_symlink() else waiting).append(f"{prefix}{name}/")
            elif entry.path not in known:
                left_out[_NO_FILE if named_so else _NO_PICTURE] += 1
    notes = [_count(number, what) for what, number in sorted(left_out.items())]
    if unreadable:
        folders = "a folder" if len(unreadable) == 1 else f"{len(unreadable)} folders"
        notes.append(f"{folders} cannot be read, with whatever is in it: {', '.join(sorted(unreadable)[:5])}")
    return Listing(sorted(names), notes, bool(unreadable))


def _is(look: Callable[[], bool], *, unknown: bool) -> bool:
    """What an entry is; ``unknown`` for a link whose end nobody may look at: opening it says why not."""
    try:
        return look()
    except OSError:
        return unknown


def _count(number: int, what: str) -> str:
    one, many = what.split("|")
    return f"1 file {one} was left out" if number == 1 else f"{number} files {many} were left out"
