"""`build`: from a source of faces to a dataset on disk, resumable at any moment."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from itertools import groupby, islice
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.errors import ArgumentError, UnreadablePictureError
from unmask.datagen.common.executors import CHUNKS_PER_WORKER, naming_dead_workers, open_executor
from unmask.datagen.common.inside import Inside
from unmask.datagen.faces.landmark_table import LandmarkTable, write_landmark_table
from unmask.datagen.masks.draw import prepare_colours
from unmask.datagen.sources.source import SourceFace

from .build_report import BuildReport, Progress, describe, describe_timings, note_beside, why_no_triplet
from .folder import LANDMARKS_NAME, MANIFEST_NAME, earlier_files, make_folders
from .journal import Journal, SourceRecord
from .manifest import iterate_manifest, write_manifest
from .manifest_row import STATUSES, ManifestRow
from .options import BuildOptions
from .plan import BuildPlan, WorkPlan, plan_build, plan_tasks
from .rows import check_paths
from .task_files import possible_files
from .tasks import ChunkResult, SourceTask
from .worker import work

CHUNK_PICTURES = 64
_GRACE_S = 2.0  # how long an interrupted build waits for its workers


def build(
    options: BuildOptions,
    progress: Callable[[Progress], None] | None = None,
    executor: Executor | None = None,
) -> BuildReport:
    """Make a dataset, or finish one that was begun.

    Parameters
    ----------
    options : BuildOptions
        What to make.
    progress : callable, optional
        Called after each chunk of pictures.
    executor : concurrent.futures.Executor, optional
        Does the work instead of the one that ``options.workers`` and ``options.dask`` ask for; it must
        reach the same files.

    Returns
    -------
    BuildReport
        Counts and timings.

    Raises
    ------
    UserError
        For what a person can mend, in one line; before any work, but for trouble with disk or workers.
    KeyboardInterrupt
        On Ctrl-C; the same call resumes.
    """
    started = perf_counter()
    with preparing_colours(options):
        plan = plan_build(options)
    total = len(plan.source.faces)
    opened = (
        open_executor(min(options.workers, total), options.dask)  # one picture: no process is started for it
        if executor is None
        else nullcontext((executor, CHUNKS_PER_WORKER * options.workers))
    )
    worked = ChunkResult()
    with opened as (pool, in_flight), _open_journal(plan) as journal:
        tasks = list(plan_tasks(plan, journal))
        done = resumed = total - len(tasks)
        show = progress or (lambda _: None)
        show(Progress(done, total, resumed))
        with naming_dead_workers(options.workers, ", and the same command resumes"):
            for result in _run(pool, in_flight, plan, tasks, journal):
                done += len(result.records)
                worked.add(ChunkResult([], result.seconds, result.peak_rss_mb))
                show(Progress(done, total, resumed, dict(worked.seconds)))
        timings = describe_timings(perf_counter() - started, len(tasks), resumed, options.workers, worked)
        with writing_to(options.out):
            sources = len(journal)
            counts, beside = _finish(plan, journal, timings)
    return BuildReport(
        out=options.out,
        pictures=total,
        resumed=resumed,
        sources=sources,
        counts=counts,
        timings=timings,
        notes=(*plan.source.notes, *note_beside(beside)),
        no_triplet=why_no_triplet(counts, iterate_manifest(options.out / MANIFEST_NAME)),
    )


@contextmanager
def preparing_colours(options: BuildOptions) -> Iterator[None]:
    """While the source is listed, let OpenCV make its tables of colours where this process will draw masks."""
    if 1 not in (options.workers, options.limit):
        yield
        return
    thread = Thread(target=prepare_colours)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@contextmanager
def _open_journal(plan: BuildPlan) -> Iterator[Journal]:
    """Take the folder: make it, lock it, clear what must go, and say in build.json that work is under way."""
    out, card = plan.options.out, describe(plan, "running", {}, {})
    with plan.folder.opened(card, plan.options.existing, lambda: earlier_files(out)) as resumed:
        with writing_to(out):
            journal = Journal(out)
        try:
            with writing_to(out):
                if resumed:
                    carry_over(out, journal)
                else:
                    journal.clear()
                plan.folder.write_card(card)
                make_folders(out, layers=plan.options.layers)
            yield journal
        finally:
            journal.close()


def carry_over(out: Path, journal: Journal) -> None:
    """Put the rows of a finished dataset into the journal: what follows knows only one kind of past."""
    manifest, landmarks = out / MANIFEST_NAME, out / LANDMARKS_NAME
    if not manifest.exists():
        return
    table = LandmarkTable.read(landmarks) if landmarks.exists() else None
    inside = Inside(out)
    for source, group in groupby(iterate_manifest(manifest), key=lambda row: row.source):
        if source in journal:
            continue
        rows = tuple(group)
        for row in rows:
            check_paths(row, inside, manifest)
        faces = table.get(source, rows[0].source_sha256) if table else None
        stem = rows[0].key.rpartition("_")[0]
        known = None if faces is None else tuple(faces)
        journal.append([SourceRecord(source, stem, rows[0].source_sha256, known, rows)])


def _run(
    pool: Executor, in_flight: int, plan: BuildPlan, tasks: list[SourceTask], journal: Journal
) -> Iterator[ChunkResult]:
    """Hand out chunks, a bounded number at a time, and journal what comes back."""
    chunks = _chunks(tasks, in_flight)
    pending: set[Future[ChunkResult]] = set()
    try:
        while True:
            for chunk in islice(chunks, in_flight - len(pending)):
                with writing_to(plan.options.out):
                    journal.begin({task.face.name: possible_files(plan.order, task) for task in chunk})
                pending.add(pool.submit(work, plan.order, chunk))
            if not pending:
                return
            for future in wait(pending, return_when=FIRST_COMPLETED).done:
                result = future.result()
                if plan.options.dask is not None:
                    check_sight(plan, [record.source for record in result.records if not record.sha256])
                with writing_to(plan.options.out):
                    journal.append(result.records)
                pending.discard(future)
                yield result
    except BaseException:
        _keep_finished(pending, journal)
        raise


def check_sight(plan: WorkPlan, unseen: Collection[str]) -> None:
    """Raise UserError where a picture that a cluster's worker could not read is readable here."""
    for face in plan.source.faces if unseen else ():
        if face.name in unseen:
            with suppress(UnreadablePictureError):
                face.read_bytes()
                raise ArgumentError(
                    "dask", f": a worker cannot read {face.name}; it must see the same `source` as we do"
                )


def _chunks(tasks: list[SourceTask], in_flight: int) -> Iterator[tuple[SourceTask, ...]]:
    size = max(1, min(CHUNK_PICTURES, len(tasks) // (2 * in_flight)))
    rest = iter(tasks)
    while chunk := tuple(islice(rest, size)):
        yield chunk


def _keep_finished(pending: Iterable[Future[ChunkResult]], journal: Journal) -> None:
    """Wait a little for what has begun, and journal it: a resume need not repeat it.

    The rest is left to the executor, which drops it when it ends: Python 3.11's pool fails over a future
    that was cancelled behind its back while its processes are being killed.
    """
    begun = [future for future in pending if future.running() or future.done()]
    for future in wait(begun, _GRACE_S).done:
        if not future.cancelled() and future.exception() is None:
            with suppress(OSError):  # the disk may be what stopped the build
                journal.append(future.result().records)


def _finish(plan: BuildPlan, journal: Journal, timings: dict[str, Any]) -> tuple[dict[str, int], int]:
    """Write the tables and the final build.json; returns rows by status, and those not of this run."""
    out = plan.options.out
    counts = dict.fromkeys(STATUSES, 0)

    faces = {face.name: face for face in plan.source.faces}
    beside = 0

    def rows() -> Iterator[ManifestRow]:
        nonlocal beside
        for record in journal:
            for row in record.rows:
                counts[row.status] += 1
                beside += record.source not in faces
                yield _annotated(row, faces.get(record.source), len(plan.source.attribute_names))

    write_manifest(out / MANIFEST_NAME, rows(), plan.source.attribute_names)
    write_landmark_table(
        out / LANDMARKS_NAME,
        ((r.source, r.sha256, r.landmarks) for r in journal if r.landmarks is not None),
    )
    plan.folder.write_card(describe(plan, "complete", counts, timings))
    journal.remove()
    return counts, beside


def _annotated(row: ManifestRow, face: SourceFace | None, width: int) -> ManifestRow:
    # An annotation file may have been added since an earlier run made this row.
    if face is not None:
        return replace(row, split=face.split, identity=face.identity, attributes=face.attributes)
    return row if len(row.attributes) == width else replace(row, attributes=())
