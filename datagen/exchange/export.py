"""`export`: a dataset in the layout of another tool, a row at a time, resumable at any moment."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from unmask.datagen.common.atomic import writing_lines
from unmask.datagen.common.csv_lines import csv_line
from unmask.datagen.common.errors import ArgumentError
from unmask.datagen.common.inside import real_path
from unmask.datagen.common.work_folder import TOOLKIT_KEY, WorkFolder, check_usable
from unmask.datagen.dataset.folder import MANIFEST_NAME, has_clean
from unmask.datagen.dataset.options import file_sha256

from .kinds import KINDS, ExportKind
from .options import ExportOptions
from .place import EXPORT, ROWS_NAME, Place, earlier_files
from .rows import ExportRow, Survey, check_finished, iterate_rows, survey

_CHUNK_ROWS = 64  # whose names are noted in one write


@dataclass(frozen=True)
class ExportReport:
    """What an export made.

    Attributes
    ----------
    dest : Path
    splits : dict of str to int
        Triplets by split.
    files : dict of str to int
        How many files were ``linked``, ``copied``, ``made``, and ``kept`` from an earlier run.
    classes : tuple of str
        Names of the classes in the order of their numbers.
    seconds : float
    notes : tuple of str
        What a person should know.
    """

    dest: Path
    splits: dict[str, int]
    files: dict[str, int]
    classes: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...]


def export(options: ExportOptions, progress: Callable[[int, int], None] | None = None) -> ExportReport:
    """Write a dataset in another tool's layout, or finish an export that was begun.

    Rows are read one at a time: memory does not grow with the dataset.

    Parameters
    ----------
    options : ExportOptions
    progress : callable, optional
        Called with triplets done and in all.

    Raises
    ------
    UserError
        For what a person can mend, in one line; before any work, but for the disk's trouble or a damaged picture.
    """
    started = perf_counter()
    options.check()
    kind = KINDS[options.format]
    check_usable(options.dest, "dest")
    _check_apart(options)
    _check_installed(options, kind)
    build = check_finished(options.data)
    if kind.clean and not has_clean(build):
        raise ArgumentError("format", f"{options.format}: `data` {options.data} has no clean pictures")
    folder = WorkFolder(options.dest, EXPORT)
    card = _card(options)
    folder.check(card, options.existing)
    found = survey(options, build)
    counts = Counter[str]()
    with folder.opened(card, options.existing, lambda: earlier_files(options.dest)), folder.writing():
        folder.write_card(card | {"status": "running"})
        with closing(Place(options.dest, options.data, copy=options.copy)) as place:
            notes = _write(options, kind, found, place, counts, progress or (lambda *_: None))
        done = {"status": "complete", "rows": dict(counts), "classes": list(found.classes)}
        folder.write_card(card | done)
    seconds = perf_counter() - started
    return ExportReport(
        options.dest, dict(counts), place.counts, found.classes, seconds, (*found.notes, *notes)
    )


def _write(
    options: ExportOptions,
    kind: ExportKind,
    found: Survey,
    place: Place,
    counts: Counter[str],
    progress: Callable[[int, int], None],
) -> list[str]:
    """Write all rows; returns what a person should know."""
    with kind.writer(place, found, options) as writer, writing_lines(options.dest / ROWS_NAME) as table:
        rows = iterate_rows(options, found)
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            place.begin([name for one in chunk for name in writer.names(one)])
            for one in chunk:
                writer.add(one)
                _tell(table.write, found, one, first=not counts.total())
                counts[one.split] += 1
            progress(counts.total(), found.total)
        writer.finish()
    return writer.notes


def _tell(write: Callable[[str], Any], found: Survey, one: ExportRow, *, first: bool) -> None:
    """Add a triplet to the table that keeps split, identity and the rest, whatever the format can hold."""
    facts = found.facts(one)
    if first:
        write(csv_line(facts))
    write(csv_line("" if value is None else str(value) for value in facts.values()))


def _card(options: ExportOptions) -> dict[str, Any]:
    """Return what ``export.json`` says and decides the result."""
    config = {
        "format": options.format,
        "split": options.split or "all",
        "limit": options.limit,
        "classes": options.classes,
        "layers": options.layers,
        "shard_rows": options.shard_rows,
        "manifest_sha256": file_sha256(options.data / MANIFEST_NAME),
    }
    return {
        TOOLKIT_KEY: {"unmask": version("unmask")},
        "config": config,
        "data": str(real_path(options.data)),
    }


def _check_apart(options: ExportOptions) -> None:
    data, dest = real_path(options.data), real_path(options.dest)
    if dest == data or data in dest.parents:
        raise ArgumentError(
            "dest", f"{options.dest}: lies inside `data` {options.data}; name a folder elsewhere"
        )
    if dest in data.parents:
        raise ArgumentError("dest", f"{options.dest}: holds `data` {options.data}; name another folder")


def _check_installed(options: ExportOptions, kind: ExportKind) -> None:
    if kind.needs and find_spec(kind.needs) is None:
        words = f"{options.format}: needs the extra 'interchange': pip install 'unmask[interchange]'"
        raise ArgumentError("format", words)
