"""The folder of a run: may it be used, which pictures are finished, and the table of what became of each."""

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from unmask.datagen.common.atomic import PART, write_atomic
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.dataset.folder import check_usable
from unmask.datagen.dataset.options import first_difference

from .inputs import RunInput
from .options import FAIL, OVERWRITE, RESUME, RunOptions

TABLE, CARD, JOURNAL = "run.csv", "run.json", ".run.jsonl"
RESTORED, MAPS, STRIPS = "restored", "map", "side_by_side"
FOLDERS = (RESTORED, MAPS, STRIPS)
UNREADABLE, BAD_MAP = "unreadable", "bad_map"
STATUSES = ("ok", "no_face", "no_mask", "too_small", UNREADABLE, BAD_MAP)
UNWRITTEN = (UNREADABLE, BAD_MAP)  # the others have results, if only a copy


@dataclass(frozen=True)
class RunRow:
    """What became of one picture.

    Attributes
    ----------
    name : str
        Of its results, without ``.png``.
    input : str
        The file that was read.
    status : str
        One of ``STATUSES``.
    faces, restored : int
        Faces found, and masks taken off.
    seconds : float
        Without reading and writing.
    reason : str
        In words, where the status is not ``ok``.
    sha256 : str
        Of the file; "" where it could not be read.
    """

    name: str
    input: str
    status: str
    faces: int = 0
    restored: int = 0
    seconds: float = 0.0
    reason: str = ""
    sha256: str = ""

    @classmethod
    def from_cells(cls, cells: Mapping[str, Any]) -> Self:
        """Rebuild a row from text; KeyError or ValueError where it is none."""
        return cls(**{field.name: _KINDS.get(field.name, str)(cells[field.name]) for field in fields(cls)})


_KINDS: dict[str, type] = {"faces": int, "restored": int, "seconds": float}


class RunFolder:
    """The folder of results, opened for one run.

    Parameters
    ----------
    out : Path
    existing : str
        ``resume``, ``overwrite`` or ``fail``.
    identity : mapping
        JSON-able; must be equal for a resume.

    Raises
    ------
    UserError
        When the folder cannot be used or holds something else.
    """

    def __init__(self, out: Path, existing: str, identity: Mapping[str, Any]) -> None:
        self.out = out
        check_usable(out)
        self.rows: dict[str, RunRow] = {}
        earlier = check_existing(out, existing, identity)
        if earlier and existing == OVERWRITE:
            remove_results(out)
        elif earlier:
            self.rows = read_rows(out)
        out.mkdir(parents=True, exist_ok=True)
        write_atomic(out / CARD, (json.dumps(dict(identity), indent=2) + "\n").encode("ascii"))

    def finished(self, item: RunInput, sha256: str, folders: Sequence[str]) -> bool:
        """Tell whether an earlier run has done this very file, and its results are there."""
        row = self.rows.get(item.name)
        if row is None or row.sha256 != sha256:
            return False
        return row.status in UNWRITTEN or all(self.path(folder, item.name).is_file() for folder in folders)

    def path(self, folder: str, name: str) -> Path:
        """Return where a result is written."""
        return self.out / folder / f"{name}.png"

    def write(self, folder: str, name: str, data: bytes) -> None:
        """Write a result."""
        path = self.path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)

    def add(self, row: RunRow) -> None:
        """Note that a picture is finished, so that it is even after a kill."""
        self.rows[row.name] = row
        with (self.out / JOURNAL).open("a", encoding="ascii") as file:
            file.write(json.dumps(asdict(row)) + "\n")

    def close(self) -> None:
        """Write the table, sorted by name, and remove the journal."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, [field.name for field in fields(RunRow)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(self.rows[name]) for name in sorted(self.rows))
        write_atomic(self.out / TABLE, text.getvalue().encode("utf-8", "surrogateescape"))
        (self.out / JOURNAL).unlink(missing_ok=True)


def check_apart(options: RunOptions) -> None:
    """Raise UserError where results would lie among the inputs, or would be taken for inputs."""
    out = options.out.resolve()
    results = [out / folder for folder in FOLDERS]
    for given in options.inputs:
        source = given.resolve()
        if out == source:
            raise ArgumentError("out", f"{options.out}: is `inputs` itself; name another folder")
        if given.is_dir() and source in out.parents:
            raise ArgumentError(
                "out", f"{options.out}: lies inside `inputs` {given}; name a folder elsewhere"
            )
        if source in results or any(folder in source.parents for folder in results):
            raise ArgumentError("inputs", f"{given}: lies where results are written (`out` {options.out})")


def check_existing(out: Path, existing: str, identity: Mapping[str, Any]) -> bool:
    """Apply ``--existing``; True where an earlier run is resumed or overwritten.

    Raises
    ------
    UserError
        When the policy forbids going on.
    """
    if not out.is_dir() or not any(out.iterdir()):
        return False
    if existing == FAIL:
        raise ArgumentError("out", f"{out}: is not empty, and `existing` fail was given")
    try:
        earlier = json.loads((out / CARD).read_text(encoding="ascii"))
    except FileNotFoundError:
        raise ArgumentError(
            "out", f"{out}: has files but no {CARD}, so no run made it; name a new folder"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{out / CARD}: cannot be read, so no run made it; name a new folder") from error
    difference = first_difference(earlier, dict(identity)) if isinstance(earlier, dict) else "no settings"
    if existing == RESUME and difference:
        raise ArgumentError(
            "out",
            f"{out}: holds results of other settings ({difference}); "
            "name another, or give `existing` overwrite",
        )
    return True


def read_rows(out: Path) -> dict[str, RunRow]:
    """Return the rows of earlier runs by name; a torn last line of the journal does not count."""
    rows: dict[str, RunRow] = {}
    with (
        suppress(FileNotFoundError),
        (out / TABLE).open(encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        for cells in csv.DictReader(file):
            with suppress(KeyError, ValueError, TypeError):
                row = RunRow.from_cells(cells)
                rows[row.name] = row
    with suppress(FileNotFoundError), (out / JOURNAL).open(encoding="ascii", errors="replace") as file:
        for line in file:
            with suppress(KeyError, ValueError, TypeError):
                row = RunRow.from_cells(json.loads(line))
                rows[row.name] = row
    return rows


def remove_results(out: Path) -> None:
    """Remove what earlier runs wrote; other files stay where they are."""
    for name in (TABLE, JOURNAL):
        (out / name).unlink(missing_ok=True)
    for folder in FOLDERS:
        for path in sorted((out / folder).rglob("*"), reverse=True):  # what is below comes first
            if path.is_dir() and not path.is_symlink():
                with suppress(OSError):  # holds a file that is not ours
                    path.rmdir()
            elif path.suffix in (".png", PART):
                os.unlink(path)  # noqa: PTH108
        with suppress(OSError):
            (out / folder).rmdir()
