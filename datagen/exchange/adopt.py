"""`adopt`: pairs that somebody else made become a dataset that trainings, evaluations and `stats` take."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

from unmask.datagen.common.inside import real_path
from unmask.datagen.common.work_folder import TOOLKIT_KEY, WorkFolder, check_usable
from unmask.datagen.dataset.build import carry_over
from unmask.datagen.dataset.build_report import note_beside, why_no_triplet
from unmask.datagen.dataset.folder import (
    ADOPTED,
    DATASET,
    MANIFEST_NAME,
    check_apart,
    earlier_files,
    make_folders,
)
from unmask.datagen.dataset.journal import Journal
from unmask.datagen.dataset.manifest import iterate_manifest, write_manifest
from unmask.datagen.dataset.manifest_row import STATUSES, ManifestRow

from .adopt_options import AdoptOptions
from .adopt_pairs import Adopter
from .adopt_sources import AdoptSource, open_adopted

# Of benchmarks/differencing.py on CelebA; docs/exchange.md has the table.
KNOWN_BIAS = (
    "maps were found by comparing masked and clean pictures: on this toolkit's own triplets such maps have IoU "
    "0.95 with the true ones; their area is right on average, and for one in five more than 4 % off"
)


@dataclass(frozen=True)
class AdoptReport:
    """What an adoption made.

    Attributes
    ----------
    out : Path
    counts : dict of str to int
        Rows of the manifest by status.
    sources : int
        Clean pictures, or masked ones where there are no clean ones.
    maps : str
        ``own`` or ``differencing``.
    seconds : float
    notes : tuple of str
        What a person should know: also rows that are of earlier runs only.
    no_triplet : str
        Where no masked picture could be taken: the first one's source, and why. Else "".
    """

    out: Path
    counts: dict[str, int]
    sources: int
    maps: str
    seconds: float
    notes: tuple[str, ...]
    no_triplet: str = ""


def adopt(options: AdoptOptions, progress: Callable[[int, int, int], None] | None = None) -> AdoptReport:
    """Make a dataset of masked pictures with clean ones, maps or both; the same call resumes.

    Parameters
    ----------
    options : AdoptOptions
    progress : callable, optional
        Called with source pictures done, in all, and done by an earlier run.

    Raises
    ------
    UserError
        For what a person can mend, in one line; before any work, but for the disk's trouble. A damaged picture, or
        one of another size than its partner, is a row that says so.
    """
    started = perf_counter()
    options.check()
    check_usable(options.out)
    others = (options.source, options.clean, options.maps)
    check_apart(options.out, *(str(folder) for folder in others if folder is not None))
    source = open_adopted(options)
    folder = WorkFolder(options.out, DATASET)
    card = _card(options, source)
    folder.check(card, options.existing)
    with (
        folder.opened(card, options.existing, lambda: earlier_files(options.out)) as resumed,
        folder.writing(),
        _open_journal(options.out, resumed=resumed) as journal,
    ):
        folder.write_card(card)
        make_folders(options.out, layers=False)
        _adopt_all(options, source, journal, progress or (lambda *_: None))
        counts, beside = _write_table(options.out, journal, {face.name for face in source.faces})
        sources = len(journal)
        folder.write_card(card | {"status": "complete", "counts": counts})
        journal.remove()
    notes = (*source.notes, *([] if source.has_maps else [KNOWN_BIAS]), *note_beside(beside))
    maps = card["config"]["maps"]
    why = why_no_triplet(counts, iterate_manifest(options.out / MANIFEST_NAME))
    return AdoptReport(options.out, counts, sources, maps, perf_counter() - started, notes, why)


@contextmanager
def _open_journal(out: Path, *, resumed: bool) -> Iterator[Journal]:
    """Open the journal of the folder, with what an earlier run finished."""
    with closing(Journal(out)) as journal:
        if resumed:
            carry_over(out, journal)
        else:
            journal.clear()
        yield journal


def _adopt_all(
    options: AdoptOptions, source: AdoptSource, journal: Journal, progress: Callable[[int, int, int], None]
) -> None:
    total = len(source.faces)
    adopter = Adopter(options.out, has_clean=source.has_clean, family=options.family, copy=options.copy)
    resumed = 0
    for done, face in enumerate(source.faces, 1):
        earlier = journal.get(face.name)
        if earlier is not None and adopter.is_done(face, earlier):
            resumed += 1
        else:
            journal.begin({face.name: adopter.possible_files(face)})
            journal.append([adopter.adopt(face)])
        progress(done, total, resumed)


def _card(options: AdoptOptions, source: AdoptSource) -> dict[str, Any]:
    """Return what ``build.json`` says while the adoption is under way."""
    config = {
        "maps": "own" if source.has_maps else "differencing",
        "clean": source.has_clean,
        "layers": False,
        "split": options.split,
        "family": options.family,
        "clean_folder": str(real_path(options.clean)) if options.clean else None,
        "maps_folder": str(real_path(options.maps)) if options.maps else None,
    }
    about = {"kind": ADOPTED, "root": str(real_path(options.source))}
    return {
        "status": "running",
        TOOLKIT_KEY: {"unmask": version("unmask")},
        "config": config,
        "source": about | {"pictures": len(source.faces), "attribute_names": [], "notes": list(source.notes)},
        "selection": {"limit": options.limit, "split": options.split},
    }


def _write_table(out: Path, journal: Journal, present: set[str]) -> tuple[dict[str, int], int]:
    """Write the manifest; returns rows by status, and those of sources that are not ``present`` in this run."""
    counts = dict.fromkeys(STATUSES, 0)
    beside = 0

    def rows() -> Iterator[ManifestRow]:
        nonlocal beside
        for record in journal:
            for row in record.rows:
                counts[row.status] += 1
                beside += record.source not in present
                yield row

    write_manifest(out / MANIFEST_NAME, rows())
    return counts, beside
