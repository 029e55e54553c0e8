"""Names of files that stand in a table, a journal or a card are data: where they may lead."""

import os
import re
from pathlib import Path

from .errors import UserError

_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")


def real_path(path: str | Path) -> Path:
    """Return a path with every link followed; one in a loop of links is left, where `Path.resolve` raises."""
    return Path(os.path.realpath(path))


def stays_inside(name: str) -> bool:
    """Whether a name by itself leads to a place below its folder; links are not looked at."""
    if not name or "\0" in name or _ABSOLUTE.match(name):
        return False
    return ".." not in name or ".." not in name.replace("\\", "/").split("/")


class Inside:
    """The files of one folder, by relative POSIX names that somebody else may have written.

    Parameters
    ----------
    folder : Path
        May be a link itself; what its sub-folders are is looked up once each.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = os.path.realpath(folder)
        self._places: dict[str, bool] = {}

    def holds(self, name: str) -> bool:
        """Whether a name, with every link followed, leads to a place below the folder; nothing need be there."""
        if not stays_inside(name):
            return False
        place = name.rpartition("/")[0]
        if place not in self._places:
            self._places[place] = self._is_below(place)
        # Most of a large dataset's names end in no link: one look costs a tenth of following the whole path.
        return self._places[place] and (
            not os.path.islink(f"{self._root}/{name}") or self._is_below(name)  # noqa: PTH114
        )

    def _is_below(self, name: str) -> bool:
        return Path(os.path.realpath(f"{self._root}/{name}")).is_relative_to(self._root)

    def __call__(self, name: str, where: str) -> Path:
        """Return the file that a name means.

        Parameters
        ----------
        name : str
            Relative to the folder.
        where : str
            The file that holds the name, and its line or row.

        Raises
        ------
        UserError
            When the name is absolute, has ``..``, a drive letter or a NUL byte, or a link leads out of the folder.
        """
        if not self.holds(name):
            raise UserError(f"{where}: {name!r} is no file inside {self.folder}")
        return self.folder / name
