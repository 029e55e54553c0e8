"""The folder that an export is written into: files are linked, copied or made, each noted before it is there."""

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.errors import UserError
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.json_text import Maybe, Needs, misfit, parse_json
from unmask.datagen.common.line_journal import LineJournal
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.common.work_folder import TOOLKIT_KEY, FolderKind

CARD_NAME, ROWS_NAME, FILES_NAME = "export.json", "rows.csv", ".files.jsonl"
# What file systems say where they link no two names to one file, or not to these.
NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS)


def _identity(card: Mapping[str, Any]) -> dict[str, Any]:
    return {**card.get("config", {}), "toolkit": card[TOOLKIT_KEY].get("unmask")}


EXPORT = FolderKind(
    argument="dest",
    noun="export",
    work="export",
    card=CARD_NAME,
    identity=_identity,
    shape=Needs({TOOLKIT_KEY: {"unmask": Maybe(str)}}, {"status": str, "config": {}}),
    own=(ROWS_NAME, FILES_NAME),
    places=(
        "images",
        "labels",
        "annotations",
        "img_dir",
        "ann_dir",
        "data",
        "train",
        "val",
        "test",
        "masked",
        "map",
        "clean",
        "layers",
        "variants",
        FILES_NAME,
    ),
    first=(FILES_NAME,),
    free=frozenset({"copy"}),  # a link and a copy have the same bytes
    decisive="format",
    labels={"manifest_sha256": "`data`", "toolkit": "toolkit version"},
)


class Place:
    """The open folder of an export.

    A file that is there already is left: a killed export of the same dataset made it. Names are noted before the
    files are made, so that ``existing`` overwrite finds them all, whatever was killed when.

    Parameters
    ----------
    folder : Path
        Exists and is locked.
    data : Path
        The dataset.
    copy : bool
        Copy what could be linked.

    Raises
    ------
    UserError
        When an earlier note names a file outside the folder.
    """

    def __init__(self, folder: Path, data: Path, *, copy: bool = False) -> None:
        self.folder, self.data = folder, data
        self.counts = {"linked": 0, "copied": 0, "made": 0, "kept": 0}
        self._copy = copy
        self._folders: set[Path] = set()
        self._noted = self._begun = 0
        self._inside = Inside(folder)
        self._notes = LineJournal(folder / FILES_NAME, self._take)

    def _take(self, line: bytes, position: int) -> None:
        del position
        for name in _names(line):
            self._inside(name, str(self.folder / FILES_NAME))
        self._noted += 1

    def begin(self, names: Sequence[str]) -> None:
        """Note files that will be made; the same calls in the same order come from every run of one export."""
        self._begun += 1
        if self._begun > self._noted:
            self._notes.append([json.dumps(list(names), separators=(",", ":")).encode("ascii") + b"\n"])

    def path(self, name: str) -> Path:
        """Return where a file goes; its folder is made."""
        path = self.folder / name
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(path.parent)
        return path

    def has(self, name: str) -> bool:
        """Whether an earlier run made a file; counts it as kept."""
        there = os.path.exists(f"{self.folder}/{name}")  # noqa: PTH110 - a third of the time
        self.counts["kept"] += there
        return there

    def put_file(self, source: str, name: str) -> None:
        """Put a file of the dataset here under another name: a hard link, or a copy where that cannot be."""
        if self.has(name):
            return
        path = self.path(name)
        if not self._copy:
            try:
                os.link(os.path.realpath(self.data / source), path)
            except OSError as error:
                if error.errno not in NO_LINKS:
                    raise
                self._copy = True  # what is refused once is refused again
            else:
                self.counts["linked"] += 1
                return
        write_atomic(path, self.read(source))
        self.counts["copied"] += 1

    def put(self, name: str, make: Callable[[], bytes]) -> None:
        """Make a file, where it is not there."""
        if not self.has(name):
            write_atomic(self.path(name), make())
            self.counts["made"] += 1

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        """Open a file that is written bit by bit, and give it its name when the block ends well."""
        path = self.path(name)
        part = Path(f"{path}{PART}")
        try:
            with part.open("wb") as file:
                yield file
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        self.counts["made"] += 1

    @contextmanager
    def scratch(self, name: str) -> Iterator[BinaryIO]:
        """Open a file beside another one, for what is read again soon; it is gone when the block ends."""
        part = Path(f"{self.path(name)}.scratch{PART}")
        try:
            with part.open("w+b") as file:
                yield file
        finally:
            part.unlink(missing_ok=True)

    def read(self, source: str) -> bytes:
        """Return the bytes of a file of the dataset; UserError where it cannot be read."""
        try:
            return read_whole(self.data / source)
        except OSError as error:
            raise UserError(f"{self.data / source}: cannot be read: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the notes; they stay, for ``overwrite``."""
        self._notes.close()


def earlier_files(folder: Path) -> Iterator[str]:
    """Yield every file that earlier exports noted.

    Raises
    ------
    UserError
        When one of them does not lie in the folder.
    """
    inside = Inside(folder)
    path = folder / FILES_NAME
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                names = _names(line)
            except ValueError:  # torn by a kill: nothing of it was made
                return
            for name in names:
                inside(name, str(path))
                yield name


def _names(line: bytes) -> list[str]:
    names: list[str] = parse_json(line)
    if misfit(names, [str]):
        raise ValueError("names of files that are no texts")
    return names
