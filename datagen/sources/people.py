"""Who is in a folder tree of people, such as LFW, VGGFace2 or MS1M: each has a folder of their name."""

import os
from collections.abc import Sequence

from unmask.datagen.common.checks import check_choice

IDENTITIES = ("auto", "folder", "none")
FEWEST_FOLDERS = 10  # below it a tree is rather one of splits, classes or albums
# Folders that part the pictures, and say nothing of who is in them.
_PARTS = frozenset(("train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"))


def identities_of(names: Sequence[str], mode: str = "auto") -> list[str] | None:
    """Return who is in each picture of a folder tree.

    Parameters
    ----------
    names : sequence of str
        POSIX paths of the pictures in the tree.
    mode : str
        ``folder``: the folder that a picture lies in, "" for pictures that lie in none. ``auto``: the same where
        the tree looks like one of people: below the folders that all pictures share, and one of splits, every
        picture lies one folder deep, in ten folders or more, and these are not numbered by the thousand, which is
        how large sets are put in parts. ``none``: nobody knows.

    Returns
    -------
    list of str or None
        None where nothing is known.

    Raises
    ------
    ArgumentError
        For another mode, naming ``identities``.
    """
    check_choice("identities", mode, IDENTITIES)
    if mode == "none" or not names:
        return None
    folders = [name.rpartition("/")[0] for name in names]
    if mode == "auto" and not _looks_like_people(folders):
        return None
    return [folder.rpartition("/")[2] for folder in folders]


def _looks_like_people(folders: Sequence[str]) -> bool:
    there = sorted(set(folders))
    shared = os.path.commonpath(there) if all(there) else ""
    below = [folder[len(shared) :].strip("/").split("/") for folder in there]
    if all(parts[0].lower() in _PARTS for parts in below):
        below = [parts[1:] for parts in below]
    names = {parts[0] for parts in below if len(parts) == 1 and parts[0]}
    if any(len(parts) != 1 or not parts[0] for parts in below) or len(names) < FEWEST_FOLDERS:
        return False
    return not all(name.isdecimal() and name.endswith("000") for name in names)
