"""`verify`: does a dataset hold what its manifest says, to the bit where that is promised."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.executors import completed, naming_dead_workers, open_executor
from unmask.datagen.common.inside import Inside
from unmask.datagen.common.work_folder import TOOLKIT_KEY

from .folder import BUILD_NAME, MANIFEST_NAME, has_clean, is_adopted, list_files, read_build
from .manifest import iterate_manifest
from .manifest_row import STATUSES, ManifestRow
from .rows import row_files, stray_path
from .verify_pictures import CheckOrder, Problem, check_pictures

CHUNK_PICTURES = 32


@dataclass(frozen=True)
class Report:
    """What `verify` found: rows looked at, rows rendered again, and every problem in the manifest's order.

    ``adopted``: whether the pictures are somebody else's, so that nothing is promised of pixels beside the mask.
    """

    rows: int
    replayed: int
    problems: tuple[Problem, ...]
    adopted: bool = False


def verify(out: Path, replay: int = 0, workers: int = 1) -> list[Problem]:
    """Check a dataset; [] when all is well. See `inspect_dataset`."""
    return list(inspect_dataset(out, replay, workers).problems)


def inspect_dataset(
    out: Path,
    replay: int = 0,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check that a dataset is complete, consistent and exact.

    Parameters
    ----------
    out : Path
        The dataset's folder.
    replay : int
        How many rows, evenly spread, to render again from their recipes and compare; -1 for all.
    workers : int
        Processes.
    progress : callable, optional
        Called with source pictures done and in all.

    Returns
    -------
    Report
        Without problems when the dataset is what its manifest says.

    Raises
    ------
    UserError
        When the folder holds no dataset at all.
    """
    build = read_build(out)
    if build is None:
        raise UserError(f"{out}: no {BUILD_NAME} there, so this is no dataset")
    problems: list[Problem] = []
    if build.get("status") != "complete":
        problems.append(Problem(BUILD_NAME, "the build did not finish; the same build command resumes it"))
        if not (out / MANIFEST_NAME).exists():  # it is written last
            return Report(0, 0, tuple(problems))
    try:
        # Recipes are most of a manifest; they are read again, a few at a time, when pictures are looked at.
        rows = [replace(row, recipe="") for row in iterate_manifest(out / MANIFEST_NAME)]
    except UserError as error:
        return Report(0, 0, (*problems, Problem(MANIFEST_NAME, str(error))))
    config, adopted = build.get("config", {}), is_adopted(build)
    if adopted and replay:
        raise ArgumentError("replay", f"{replay}: {out} was adopted: its masks have no recipes")
    problems += check_rows(rows, build)
    problems += check_places(out, rows)
    problems += check_files(out, rows, layers=bool(config.get("layers")))
    chosen = _choose_replays(rows, replay)
    order = replace(check_order(out, config, build.get(TOOLKIT_KEY)), adopted=adopted)
    total = len({row.source for row in rows})
    show = progress or (lambda *_: None)
    with naming_dead_workers(workers), open_executor(workers) as (pool, in_flight):
        found = _run(pool, in_flight, order, chosen, lambda done: show(done, total))
    return Report(len(rows), len(chosen), (*problems, *found), adopted)


def check_rows(rows: Sequence[ManifestRow], build: dict[str, Any]) -> Iterator[Problem]:
    """Look at the manifest alone: keys, order, completeness, statuses against paths, counts."""
    keys: set[str] = set()
    with_clean = has_clean(build)
    for row in rows:
        if row.key in keys:
            yield Problem(row.key, "the key stands in more than one row")
        keys.add(row.key)
        if not row.key.endswith(f"_{row.variant:02d}"):
            yield Problem(row.key, f"the key does not end with variant {row.variant}")
        paths = (row.masked, row.map, *([row.clean] if with_clean else []))
        if row.status == "ok" and not all(paths):
            yield Problem(row.key, "status ok, but a path is empty")
        if row.clean and not with_clean:
            yield Problem(row.key, f"names a clean picture, but {BUILD_NAME} says that there are none")
        if row.status != "ok" and any(paths):
            yield Problem(row.key, f"status {row.status}, but it names files")
        if row.status != "ok" and not row.reason:
            yield Problem(row.key, f"status {row.status} without a reason")
    order = [(row.source, row.variant) for row in rows]
    if order != sorted(order):
        yield Problem(MANIFEST_NAME, "rows are not sorted by source and variant")
    yield from _check_complete(rows, build)


def _check_complete(rows: Sequence[ManifestRow], build: dict[str, Any]) -> Iterator[Problem]:
    variants = list(range(int(build.get("config", {}).get("variants", 1))))
    sources = 0
    for source, group in groupby(rows, key=lambda row: row.source):
        sources += 1
        of_source = list(group)
        there = [row.variant for row in of_source]
        if is_adopted(build):  # as many masks of a face as somebody made
            variants = list(range(len(there)))
        if there != variants:
            yield Problem(source, f"has variants {there}, expected {variants[0]} to {variants[-1]}")
        if (
            len({row.source_sha256 for row in of_source}) > 1
            or len({r.clean for r in of_source if r.clean}) > 1
        ):
            yield Problem(source, "its rows disagree about source_sha256 or clean")
    expected = build.get("source", {}).get("pictures")
    if expected is not None and sources < int(expected):
        yield Problem(MANIFEST_NAME, f"{sources} source pictures, {BUILD_NAME} says {expected}")
    counts = dict.fromkeys(STATUSES, 0)
    for row in rows:
        counts[row.status] += 1
    if build.get("status") == "complete" and build.get("counts") != counts:
        yield Problem(MANIFEST_NAME, f"counts by status differ from {BUILD_NAME}")


def check_places(out: Path, rows: Iterable[ManifestRow]) -> Iterator[Problem]:
    """Report the rows that name a file outside the dataset; none of their files is opened."""
    inside = Inside(out)
    for row in rows:
        stray = stray_path(row, inside)
        if stray:
            yield Problem(row.key, f"{stray!r} is no file inside the dataset")


def check_files(out: Path, rows: Iterable[ManifestRow], *, layers: bool) -> Iterator[Problem]:
    """Compare the files that are there with those that the rows name."""
    named: set[str] = set()
    for row in rows:
        named.update(row_files(row, layers=layers))
    there = list_files(out)
    for name in sorted(named - there):
        yield Problem(name, "the file is missing")
    for name in sorted(there - named):
        yield Problem(name, "no row names this file")


def _choose_replays(rows: Sequence[ManifestRow], replay: int) -> frozenset[str]:
    ok = [row.key for row in rows if row.status == "ok"]
    count = len(ok) if replay < 0 else min(replay, len(ok))
    if not count:
        return frozenset()
    return frozenset(ok[i] for i in np.linspace(0, len(ok) - 1, count).round().astype(int))


def check_order(out: Path, config: dict[str, Any], toolkit: Any) -> CheckOrder:
    """Return what ``build.json`` says that rendering its rows again needs."""
    families = config.get("families")
    made_by = toolkit.get("unmask") if isinstance(toolkit, dict) else None
    return CheckOrder(
        out=out,
        layers=bool(config.get("layers")),
        templates=tuple(Path(folder) for folder in config.get("templates", ())),
        families=tuple(families) if families is not None else None,
        textures=_folder(config, "textures"),
        parsing=_folder(config, "parsing"),
        template_hash=str(config.get("template_hash", "")),
        made_by=str(made_by or ""),
        parsing_labels=config.get("parsing_labels", "celebamask"),
    )


def _folder(config: dict[str, Any], name: str) -> Path | None:
    return Path(config[name]) if config.get(name) else None


def _run(
    pool: Executor, in_flight: int, order: CheckOrder, chosen: frozenset[str], show: Callable[[int], None]
) -> list[Problem]:
    """Check the pictures of every source, a few chunks at a time; problems come in the order of the rows."""
    chunks: dict[Future[list[Problem]], tuple[int, int]] = {}

    def submissions() -> Iterator[Future[list[Problem]]]:
        for number, (pictures, rows) in enumerate(_chunks(order.out / MANIFEST_NAME)):
            keys = frozenset(row.key for row in rows) & chosen
            future = pool.submit(check_pictures, order, rows, keys)
            chunks[future] = number, pictures
            yield future

    found: dict[int, list[Problem]] = {}
    done = 0
    for future in completed(submissions(), in_flight):
        number, pictures = chunks.pop(future)
        found[number] = future.result()
        done += pictures
        show(done)
    return [problem for number in sorted(found) for problem in found[number]]


def _chunks(manifest: Path) -> Iterator[tuple[int, list[ManifestRow]]]:
    """Yield how many sources a chunk has, and their rows; no source is split, its rows share a picture."""
    groups = (list(group) for _, group in groupby(iterate_manifest(manifest), key=lambda row: row.source))
    while chunk := list(islice(groups, CHUNK_PICTURES)):
        yield len(chunk), [row for group in chunk for row in group]
