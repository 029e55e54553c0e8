"""The folder of a run: may it be used, which pictures are finished, and the table of what became of each."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from unmask.datagen.common.atomic import write_atomic
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.inside import Inside, real_path
from unmask.datagen.common.json_text import Needs, parse_json
from unmask.datagen.common.line_journal import LineJournal
from unmask.datagen.common.read_file import read_whole
from unmask.datagen.common.work_folder import TOOLKIT_KEY, FolderKind, WorkFolder

from .clip_rows import ClipRow, TrackRow
from .face_rows import FaceRow
from .inputs import PNG, RunInput
from .options import RunOptions
from .run_row import UNWRITTEN, RunRow

TABLE, FACES, CARD, JOURNAL = "run.csv", "faces.csv", "run.json", ".run.jsonl"
CLIPS, TRACKS = "clips.csv", "tracks.csv"
WORKSHOP = ".clip"  # half-written files of the clip that is worked on
RESTORED, MAPS, STRAPS, STRIPS = "restored", "map", "straps", "side_by_side"
FOLDERS = (RESTORED, MAPS, STRAPS, STRIPS)
_Row = RunRow | FaceRow | ClipRow | TrackRow
_Kind = TypeVar("_Kind", RunRow, FaceRow, ClipRow, TrackRow)

RESULTS = FolderKind(
    argument="out",
    noun="run",
    work="unmask-run",
    card=CARD,
    identity=dict,
    shape=Needs({TOOLKIT_KEY: str}),
    own=(TABLE, FACES, CLIPS, TRACKS, JOURNAL),
    places=(*FOLDERS, JOURNAL, WORKSHOP),
    labels={TOOLKIT_KEY: "toolkit version"},
)


class _NoRowError(ValueError):
    """A line that is no row of ours."""


class RunFolder:
    """The folder of results, opened for one run; `open_results` opens it.

    Parameters
    ----------
    out : Path
        Exists, and is locked.

    Raises
    ------
    UserError
        When a table names results outside the folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.rows: dict[str, RunRow] = {}
        self.faces: dict[str, tuple[FaceRow, ...]] = {}
        self.clips: dict[str, ClipRow] = {}
        self.tracks: dict[str, tuple[TrackRow, ...]] = {}
        self._inside = Inside(out)
        for cells in _table_rows(out / TABLE):
            with suppress(_NoRowError):
                self._take(cells, TABLE)
        for cells in _table_rows(out / FACES):
            with suppress(_NoRowError):
                self._take_face(cells)
        for cells in _table_rows(out / CLIPS):
            with suppress(_NoRowError):
                self._take_clip(cells)
        for cells in _table_rows(out / TRACKS):
            with suppress(_NoRowError):
                self._take_track(cells)
        self._journal = LineJournal(out / JOURNAL, self._take_line)

    def _take_line(self, line: bytes, position: int) -> None:
        said = parse_json(line)
        if not isinstance(said, dict):
            raise _NoRowError(line[:80])
        self._take(said, JOURNAL)
        faces = said.get("each", [])
        for cells in faces if isinstance(faces, list) else []:
            self._take_face(cells)
        if isinstance(said.get("clip"), dict):
            self._take_clip(said["clip"])
        tracks = said.get("tracks", [])
        for cells in tracks if isinstance(tracks, list) else []:
            self._take_track(cells)

    def _take_face(self, cells: Mapping[str, Any]) -> None:
        face = _row_of(FaceRow, cells)
        # Of a picture that was done again the numbers begin anew.
        self.faces[face.name] = (*self.faces.get(face.name, ())[: max(face.face, 1) - 1], face)

    def _take_clip(self, cells: Mapping[str, Any]) -> None:
        clip = _row_of(ClipRow, cells)
        self.clips[clip.name], self.tracks[clip.name] = clip, ()

    def _take_track(self, cells: Mapping[str, Any]) -> None:
        track = _row_of(TrackRow, cells)
        self.tracks[track.name] = (*self.tracks.get(track.name, ()), track)

    def _take(self, cells: Mapping[str, Any], table: str) -> None:
        row = _row_of(RunRow, cells)
        for folder in FOLDERS:
            self._inside(result_name(folder, row.name, row.suffix), f"{self.out / table}: row {row.name}")
        self.rows[row.name] = row

    def finished(self, item: RunInput, sha256: str, map_sha256: str, folders: Sequence[str]) -> bool:
        """Tell whether an earlier run has done these very files, picture and map, and the results are there."""
        row = self.rows.get(item.name)
        if row is None or (row.sha256, row.map_sha256) != (sha256, map_sha256):
            return False
        return row.status in UNWRITTEN or all(
            self.path(folder, item.name, item.suffix).is_file() for folder in folders
        )

    def with_earlier_names(self, items: Sequence[RunInput]) -> list[RunInput]:
        """Return the inputs with the names that their results have from earlier runs.

        Whether a name has its file's extension follows from what lies beside it: ``x.jpg`` that joins an ``x.png``
        would give that one another name, and a second row. The newcomer alone gets the longer name.
        """
        taken = {item.name for item in items}
        named = []
        for item in items:
            other = _other_name(item)
            known = other in self.rows and other not in taken and not self._has(item, item.name)
            if known and self._has(item, other):
                taken.add(other)
                named.append(replace(item, name=other))
            else:
                named.append(item)
        return named

    def _has(self, item: RunInput, name: str) -> bool:
        """Whether the row of a name is of this very input."""
        row = self.rows.get(name)
        with suppress(OSError):  # one that cannot be read is no reason to change a name
            return row is not None and Path(row.input).suffix == item.path.suffix and _is_of(row, item)
        return False

    def check_other_inputs(self, items: Sequence[RunInput]) -> None:
        """Raise UserError where a picture's results would replace those of another one that is called the same."""
        for item in items:
            row = self.rows.get(item.name)
            if row is None or row.status in UNWRITTEN:
                continue
            try:
                same = _is_of(row, item)
            except OSError:
                continue  # it becomes a row; nothing is written
            if not same:
                raise ArgumentError(
                    "out",
                    f"{self.out}: has the results of {row.input} as {item.name}, where those of {item.path} "
                    "would be written; name another folder",
                )

    def path(self, folder: str, name: str, suffix: str = PNG) -> Path:
        """Return where a result is written; UserError where a link there leads out of the folder."""
        return self._inside(result_name(folder, name, suffix), f"`out` {self.out}")

    def write(self, folder: str, name: str, data: bytes) -> None:
        """Write a picture's result."""
        path = self.path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, data)

    def add(
        self,
        row: RunRow,
        faces: Sequence[FaceRow] = (),
        clip: ClipRow | None = None,
        tracks: Sequence[TrackRow] = (),
    ) -> None:
        """Note that a picture or clip is finished, so that it is even after a kill."""
        self.rows[row.name], self.faces[row.name] = row, tuple(faces)
        self.clips.pop(row.name, None)
        self.tracks[row.name] = tuple(tracks)
        line = asdict(row) | {"each": [asdict(face) for face in faces]}
        if clip is not None:
            self.clips[row.name] = clip
            line |= {"clip": asdict(clip), "tracks": [asdict(track) for track in tracks]}
        self._journal.append([json.dumps(line).encode("ascii") + b"\n"])

    def finish(self) -> None:
        """Write the tables, sorted by name, and remove the journal."""
        names = sorted(self.rows)
        self._write_table(FACES, FaceRow, [face for name in names for face in self.faces.get(name, ())])
        if self.clips:
            self._write_table(CLIPS, ClipRow, [self.clips[name] for name in names if name in self.clips])
            self._write_table(
                TRACKS, TrackRow, [track for name in names for track in self.tracks.get(name, ())]
            )
        self._write_table(TABLE, RunRow, [self.rows[name] for name in names])
        self._journal.remove()

    def _write_table(self, name: str, kind: type[_Row], rows: Sequence[_Row]) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)
        write_atomic(self.out / name, text.getvalue().encode("utf-8", "surrogateescape"))

    def close(self) -> None:
        """Close the journal and leave it, so that the same command resumes."""
        self._journal.close()


def _other_name(item: RunInput) -> str:
    """The name of an input's results where another file beside it is, or is not, called the same."""
    extension = item.path.suffix
    return item.name.removesuffix(extension) if item.name.endswith(extension) else item.name + extension


def _is_of(row: RunRow, item: RunInput) -> bool:
    """Whether a row is of an input, which may have moved; OSError where it cannot be read to tell."""
    if real_path(Path(row.input)) == real_path(item.path):
        return True
    return hashlib.sha256(read_whole(item.path)).hexdigest() == row.sha256


def _table_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a table as they stand there; none where there is no table."""
    with (
        suppress(FileNotFoundError),
        path.open(encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        return list(csv.DictReader(file))
    return []


def _row_of(kind: type[_Kind], cells: Mapping[str, Any]) -> _Kind:
    try:
        return kind.from_cells(cells)
    except (KeyError, TypeError, ValueError) as error:
        raise _NoRowError(str(error)) from error


def result_name(folder: str, name: str, suffix: str = PNG) -> str:
    """Return where a result is, relative to the folder of results."""
    return f"{folder}/{name}{suffix}"


@contextmanager
def open_results(out: Path, existing: str, identity: Mapping[str, Any]) -> Iterator[RunFolder]:
    """Take the folder of results for as long as the block runs.

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
        When the folder cannot be used, holds something else, or another run is at work there.
    """
    place = WorkFolder(out, RESULTS)
    with place.opened(identity, existing, lambda: _earlier_results(out), lambda: _made_nothing(out)):
        folder = RunFolder(out)
        try:
            place.write_card(identity)
            yield folder
        finally:
            folder.close()


def _earlier_results(out: Path) -> list[str]:
    folder = RunFolder(out)
    folder.close()
    return [result_name(place, row.name, row.suffix) for row in folder.rows.values() for place in FOLDERS]


def _made_nothing(out: Path) -> bool:
    """Whether earlier runs used none of their inputs, and there is no file where results are."""
    if any(not path.is_dir() for folder in FOLDERS for path in (out / folder).rglob("*")):
        return False
    was_stopped = (out / JOURNAL).exists()
    folder = RunFolder(out)
    folder.close()
    if not was_stopped:
        (out / JOURNAL).unlink()
    return all(row.status in UNWRITTEN for row in folder.rows.values())


def check_apart(options: RunOptions) -> None:
    """Raise UserError where results would lie among the inputs, or would be taken for inputs."""
    out = real_path(options.out)
    results = [out / folder for folder in FOLDERS]
    for given in options.inputs:
        source = real_path(given)
        if out == source:
            raise ArgumentError("out", f"{options.out}: is `inputs` itself; name another folder")
        if given.is_dir() and source in out.parents:
            raise ArgumentError(
                "out", f"{options.out}: lies inside `inputs` {given}; name a folder elsewhere"
            )
        if source in results or any(folder in source.parents for folder in results):
            raise ArgumentError("inputs", f"{given}: lies where results are written (`out` {options.out})")
