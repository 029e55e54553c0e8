"""`build_shards`: a dataset as WebDataset shards in a bucket, each made and put up whole by one worker.

    source -> faces, by split -> shards of consecutive ones -> worker: render, pack, put up -> parts -> one manifest

A shard is there when its part of the manifest is, which its worker writes last; the same command makes those that
are not. What a shard holds follows from seed and source alone: two builds at once into a bucket write the same.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.executors import CHUNKS_PER_WORKER, completed, naming_dead_workers, open_executor
from unmask.datagen.common.json_text import misfit, parse_json
from unmask.datagen.common.object_store import ObjectStore
from unmask.datagen.common.work_folder import differences
from unmask.datagen.dataset.build import check_sight, preparing_colours
from unmask.datagen.dataset.build_report import (
    BuildReport,
    Progress,
    describe,
    describe_timings,
    why_no_triplet,
)
from unmask.datagen.dataset.folder import (
    BUILD_NAME,
    DATASET,
    LANDMARKS_NAME,
    MANIFEST_NAME,
    SHARDS_NAME,
    check_apart,
)
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.plan import WorkPlan, plan_fresh, plan_work
from unmask.datagen.dataset.tasks import ChunkResult, load_templates_once
from unmask.datagen.sources.source import SourceFace
from unmask.datagen.sources.splits import SPLITS

from .shard_options import ShardOptions
from .shard_tables import NO_SPLIT, fetch_parts, write_shard_table, write_tables
from .shard_worker import ShardOrder, ShardResult, make_shard, part_file, shard_file

_OURS = re.compile(
    rf"data/({'|'.join((*SPLITS, NO_SPLIT))})-[0-9]{{6,}}\.tar|parts/[a-z]+-[0-9]{{6,}}\.jsonl\.gz"
)
_TABLES = (MANIFEST_NAME, LANDMARKS_NAME, SHARDS_NAME)


@dataclass(frozen=True)
class Shard:
    """A shard to be: its name, such as ``train-000003``, and its pictures."""

    name: str
    faces: tuple[SourceFace, ...]


def build_shards(
    options: ShardOptions,
    progress: Callable[[Progress], None] | None = None,
    executor: Executor | None = None,
) -> BuildReport:
    """Make a dataset in shards, or finish one that was begun.

    Parameters
    ----------
    options : ShardOptions
    progress : callable, optional
        Called after each shard.
    executor : concurrent.futures.Executor, optional
        Does the work instead of the one that ``workers`` and ``dask`` ask for; it must reach the same URL.

    Returns
    -------
    BuildReport
        As `unmask.datagen.dataset.build.build` does.

    Raises
    ------
    UserError
        For what a person can mend, in one line; before any work, but for trouble with the store or workers.
    KeyboardInterrupt
        On Ctrl-C; the same call makes the shards that are not there.
    """
    started = perf_counter()
    options.check()
    build, store = options.build, ObjectStore(options.url)
    if store.is_of_one_process and executor is None and (build.workers > 1 or build.dask):
        raise ArgumentError("out", f"{store.url}: other processes do not see it; give `workers` 1")
    with preparing_colours(build):
        plan, before = _plan(options, store)
    shards = split_up(plan.source.faces, options.shards)
    there = _take_over(plan, store, before, build.existing)
    tasks = [shard for shard in shards if part_file(shard.name) not in there]
    total = len(plan.source.faces)
    resumed = done = total - sum(len(shard.faces) for shard in tasks)
    show = progress or (lambda _: None)
    show(Progress(done, total, resumed))
    worked = ChunkResult()
    opened = (
        open_executor(max(1, min(build.workers, len(tasks))), build.dask)
        if executor is None
        else nullcontext((executor, CHUNKS_PER_WORKER * build.workers))
    )
    with TemporaryDirectory(prefix="unmask-build-") as scratch:
        order = _order(plan, store, None if build.dask else Path(scratch))
        with (
            opened as (pool, in_flight),
            naming_dead_workers(build.workers, ", and the same command resumes"),
        ):
            for result in _run(pool, in_flight, plan, order, tasks):
                done += result.pictures
                worked.add(ChunkResult([], result.seconds, result.peak_rss_mb))
                show(Progress(done, total, resumed, dict(worked.seconds)))
        timings = describe_timings(perf_counter() - started, total - resumed, resumed, build.workers, worked)
        counts = _finish(plan, store, shards, timings, Path(scratch))
        why = why_no_triplet(counts, iterate_manifest(Path(scratch) / MANIFEST_NAME))
    return BuildReport(Path(store.url), total, resumed, total, counts, timings, plan.source.notes, why)


def plan_shards(options: ShardOptions) -> dict[str, Any]:
    """Check everything that a build checks before its work, and say in words what it would do; writes nothing."""
    options.check()
    store = ObjectStore(options.url)
    plan, before = _plan(options, store)
    source, shards = plan.source, split_up(plan.source.faces, options.shards)
    return {
        "source": f"{source.root} ({source.kind}), {len(source.faces)} pictures",
        **{f"note {n}": note for n, note in enumerate(source.notes, 1)},
        "out": f"{store.url} ({'new' if before is None else 'an earlier build is there'})",
        **{name: value for name, value in plan.identity["config"].items() if name != "recipe"},
        "shards": f"{len(shards)}, {shards[0].name} to {shards[-1].name}",
    }


def split_up(faces: Sequence[SourceFace], size: int) -> list[Shard]:
    """Divide pictures into shards of one split each, of ``size`` consecutive ones."""
    shards = []
    for split in (*SPLITS, ""):
        chosen = [face for face in faces if face.split == split]
        for number, start in enumerate(range(0, len(chosen), size)):
            shards.append(Shard(f"{split or NO_SPLIT}-{number:06d}", tuple(chosen[start : start + size])))
    return shards


def _look(store: ObjectStore, existing: str) -> dict[str, Any] | None:
    """Return the card of an earlier build; UserError where the place holds something else, or may not be used."""
    before = read_card(store)
    if before is None:
        strange = next((name for name in store.sizes() if not _OURS.fullmatch(name)), None)
        if strange is not None:
            what = f"has files ({strange}) but no {BUILD_NAME}"
            raise ArgumentError("out", f"{store.url}: {what}; name a place of its own")
    elif existing == "fail":
        raise ArgumentError("out", f"{store.url}: holds a dataset, and `existing` fail was given")
    return before


def read_card(store: ObjectStore) -> dict[str, Any] | None:
    """Return what ``build.json`` says, None where there is none; UserError where it is no dataset in shards."""
    data = store.read_if_there(BUILD_NAME)
    if data is None:
        return None
    try:
        card = parse_json(data)
    except ValueError as error:
        raise ArgumentError(store.argument, f"{store.url}: {BUILD_NAME} is damaged: {error}") from error
    wrong = misfit(card, DATASET.shape, "its content")
    if wrong or "shard_pictures" not in card.get("config", {}):
        what = f"its {BUILD_NAME} is not of a dataset in shards"
        raise ArgumentError(store.argument, f"{store.url}: {what}; name another place")
    return dict(card)


def _plan(options: ShardOptions, store: ObjectStore) -> tuple[WorkPlan, dict[str, Any] | None]:
    """Open the inputs, and add to what must stay as it is the size of shards and the list of pictures.

    Also returns the card of an earlier build: the store is asked first, since a list of pictures may take long.
    """
    before = _look(store, options.build.existing)
    plan = plan_work(options.build)
    if store.is_local and plan.source.kind != "demo":
        check_apart(options.build.out, options.build.source, plan.source.root)
    listed = hashlib.sha256()
    for face in plan.source.faces:
        listed.update(json.dumps([face.name, face.split]).encode("ascii") + b"\n")
    config = plan.identity["config"] | {
        "shard_pictures": options.shards,
        "pictures_sha256": listed.hexdigest(),
    }
    return replace(plan, identity=plan.identity | {"config": config}), before


_SHARDED = replace(DATASET, grows="")  # a shard has all variants of its pictures


def _take_over(
    plan: WorkPlan, store: ObjectStore, before: Mapping[str, Any] | None, existing: str
) -> set[str]:
    """Say in build.json that work is under way, which shows whether the store lets us; returns what is there."""
    card = describe(plan, "running", {}, {})
    sizes = store.sizes()
    if before is not None and existing == "overwrite":
        store.remove(name for name in sizes if _OURS.fullmatch(name) or name in _TABLES)
        sizes = {}
    elif before is not None:
        now = _SHARDED.identity(json.loads(json.dumps(card)))
        found = differences(_SHARDED, _SHARDED.identity(before), now)
        if found:
            words = f"holds a dataset of another configuration: {'; '.join(found)}"
            raise UserError(f"`out` {store.url}: {words}; name another place or give `existing` overwrite")
    store.write(BUILD_NAME, _card_bytes(card))
    return set(sizes)


def _card_bytes(card: Mapping[str, Any]) -> bytes:
    return (json.dumps(card, indent=2) + "\n").encode("ascii")


def _order(plan: WorkPlan, store: ObjectStore, scratch: Path | None) -> ShardOrder:
    work = plan.order
    templates = load_templates_once(work.templates, work.families, work.textures, work.template_hash)
    straps = {template.name: template.straps.kind for template in templates.templates}
    return ShardOrder(work, store, plan.source.attribute_names, straps, scratch)


def _run(
    pool: Executor, in_flight: int, plan: WorkPlan, order: ShardOrder, shards: Sequence[Shard]
) -> Iterator[ShardResult]:
    """Hand out shards, a bounded number at a time."""
    submissions = (
        pool.submit(make_shard, order, shard.name, tuple(plan_fresh(plan, shard.faces))) for shard in shards
    )
    for future in completed(submissions, in_flight):
        result = future.result()
        _check_there(plan, order.store, result)
        yield result


def _check_there(plan: WorkPlan, store: ObjectStore, result: ShardResult) -> None:
    """Raise UserError where a worker's shard is not where we look, or it could not see the source."""
    name = shard_file(result.name)
    if result.triplets and store.size(name) != result.bytes:
        raise ArgumentError(
            "out", f"{store.url}: a worker's {name} is not there; do workers see another place?"
        )
    if plan.options.dask is not None:
        try:
            check_sight(plan, result.unseen)
        except UserError:
            store.remove([part_file(result.name)])  # else it would be taken for done
            raise


def _finish(
    plan: WorkPlan, store: ObjectStore, shards: Sequence[Shard], timings: dict[str, Any], scratch: Path
) -> dict[str, int]:
    """Merge the parts into the tables, put them up and say that all is there; returns rows by status."""
    names = [shard.name for shard in shards]
    parts = fetch_parts(store, names, scratch)
    counts = write_tables(scratch, parts, plan.source.attribute_names)
    write_shard_table(scratch / SHARDS_NAME, parts)
    sizes = store.sizes()
    for shard in map(parts.shard, names):
        if shard.triplets and sizes.get(shard_file(shard.name)) != shard.bytes:
            words = f"remove {part_file(shard.name)}, and the same command makes both again"
            raise ArgumentError(
                "out", f"{store.url}: {shard_file(shard.name)} is not what was put there; {words}"
            )
    for name in _TABLES:
        store.put(name, scratch / name)
    store.write(BUILD_NAME, _card_bytes(describe(plan, "complete", counts, timings)))
    return counts
