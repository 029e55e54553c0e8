"""The batch job of ``unmask-run``: pictures and clips in, results and tables out; nothing is done twice."""

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import islice
from typing import Any

import numpy as np

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.checks import check_exists
from unmask.datagen.common.executors import in_order
from unmask.datagen.common.inside import real_path
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.picture import encode_png
from unmask.model.inference.aligned import Maps, find_maps, restore_pictures
from unmask.model.inference.photo import NO_MASK, OK, TOO_SMALL, TURNED_AWAY, UNSURE, Restored, restore_photo
from unmask.model.inference.unmasker import Unmasker
from unmask.model.video.clip import count_frames

from .clips import ClipJob
from .face_rows import FaceRow, face_rows
from .inputs import RunInput, list_inputs
from .loading import Loaded, encode_result, load
from .options import RunOptions
from .results import MAPS, RESTORED, STRAPS, STRIPS, RunFolder, check_apart, open_results
from .run_report import RunReport
from .run_row import STATUSES, UNWRITTEN, RunRow
from .single import check_single, is_file_name, run_single
from .strip import draw_strip
from .tally import Tally, Update

BATCH = 32  # aligned pictures that go through the networks together
AHEAD = 3  # photographs that are decoded, or wait to be written, beside the one that is worked on
THREADS = 2
FAILURES_SHOWN = 3
REASONS = {
    "no_face": "no face found; unchanged",
    NO_MASK: "no mask found on any face; unchanged",
    TOO_SMALL: "every masked face is too small; unchanged",
    TURNED_AWAY: "every masked face is turned away too far; unchanged",
    UNSURE: "every masked face has a score below `least_score`; unchanged",
}


def run_job(options: RunOptions, update: Update = lambda done, total, first: None) -> RunReport:
    """Take the masks off every input and write what `RunOptions` asks for.

    Parameters
    ----------
    options : RunOptions
    update : callable
        Called with how many pictures and frames are done, of how many, and how many of them an earlier run had
        done.

    Raises
    ------
    UserError
        Before any work, when inputs, weights or the folder of results cannot be used; later, when it cannot be
        written to.
    """
    if is_file_name(options.out):
        return _run_single(options, update)
    start = time.monotonic()
    inputs = list_inputs(options)
    check_apart(options)
    unmasker = Unmasker(options.map_weights, options.edit, options.device, options.precision, options.backend)
    if not options.aligned:
        _ = unmasker.finder  # its weights are missing before work, not after the first picture
    identity = _identity(options, unmasker)
    with writing_to(options.out), open_results(options.out, options.existing, identity) as folder:
        items = folder.with_earlier_names(inputs.items)
        folder.check_other_inputs(items)
        rows, notes = _run_all(options, unmasker, folder, items, update)
        folder.finish()
    names = [item.name for item in items]
    counts = Counter(folder.rows[name].status for name in names)
    faces = [face.status for name in names for face in folder.faces.get(name, ())]
    faces += [track.status for name in names for track in folder.tracks.get(name, ())]
    return RunReport(
        out=options.out,
        counts={status: counts[status] for status in STATUSES},
        done=len(rows),
        resumed=len(items) - len(rows),
        restored=sum(row.restored for row in rows),
        seconds=time.monotonic() - start,
        notes=inputs.notes + notes,
        faces=dict(Counter(faces)),
        failures=_failures(folder.rows[name] for name in names),
        clips=[folder.clips[name] for name in names if name in folder.clips],
    )


def _run_all(
    options: RunOptions, unmasker: Unmasker, folder: RunFolder, items: Sequence[RunInput], update: Update
) -> tuple[list[RunRow], list[str]]:
    """Do the pictures, then the clips; returns the rows of what was done now, and what is to be said of clips."""
    pictures, clips = ([item for item in items if item.is_clip == kind] for kind in (False, True))
    frames = {item.name: max(1, count_frames(item.path)) for item in clips}
    tally = Tally(update, len(pictures) + sum(frames.values()))
    job = ClipJob(options, unmasker, folder, tally)
    if clips:
        job.check_encoder()
    rows = _Job(options, unmasker, folder, tally).run(pictures)
    rows += [row for item in clips if (row := job.run(item, frames[item.name])) is not None]
    return rows, job.notes


def _run_single(options: RunOptions, update: Update) -> RunReport:
    check_exists("inputs", options.inputs[0])
    check_single(options)
    return replace(run_single(options, lambda inside: run_job(inside, update)), out=options.out)


def _failures(rows: Iterable[RunRow]) -> list[str]:
    """The first few inputs that could not be used."""
    failed = (f"{row.input}: {row.reason}" for row in rows if row.status in UNWRITTEN)
    return list(islice(failed, FAILURES_SHOWN))


def _identity(options: RunOptions, unmasker: Unmasker) -> dict[str, Any]:
    return {
        "toolkit": version("unmask"),
        "aligned": options.aligned,
        "map": None if options.map is None else ascii(str(real_path(options.map))),
        "map-weights": unmasker.map_module.card["sha256"][:12] if options.map is None else None,
        "edit-weights": unmasker.edit_module.card["sha256"][:12],
        "least_score": options.least_score,
        "precision": unmasker.backend.precision,
        "backend": unmasker.backend.name,
    }


class _Job:
    def __init__(self, options: RunOptions, unmasker: Unmasker, folder: RunFolder, tally: Tally) -> None:
        self.options, self.unmasker, self.folder, self.tally = options, unmasker, folder, tally
        self.folders = (RESTORED, MAPS, STRAPS, *([STRIPS] if options.side_by_side else []))
        self.rows: list[RunRow] = []
        self.writing: deque[Future[tuple[RunRow, tuple[FaceRow, ...]]]] = deque()

    def run(self, items: Sequence[RunInput]) -> list[RunRow]:
        with ThreadPoolExecutor(THREADS) as pool:
            try:
                group = BATCH if self.options.aligned else 1
                for some in _batched(self._loaded(items, pool), group):
                    for loaded, row, result in self._work(some):
                        self.writing.append(pool.submit(self._write, loaded, row, result))
                    self._settle(leave=max(group, AHEAD))
                self._settle(leave=0)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return self.rows

    def _loaded(self, items: Sequence[RunInput], pool: ThreadPoolExecutor) -> Iterator[Loaded]:
        """Decode a few pictures ahead; finished ones are counted and passed over."""
        ahead = 2 * BATCH if self.options.aligned else AHEAD
        finished = partial(self.folder.finished, folders=self.folders)
        for loaded in in_order((pool.submit(load, item, finished) for item in items), ahead):
            yield from self._unfinished(loaded)

    def _unfinished(self, loaded: Loaded) -> Iterator[Loaded]:
        if not loaded.finished:
            yield loaded
            return
        self.tally.add(resumed=True)

    def _work(self, some: Sequence[Loaded]) -> Iterator[tuple[Loaded, RunRow, Restored | None]]:
        """Results of pictures that were read together, in their order."""
        start = time.monotonic()
        good = [(loaded, loaded.image) for loaded in some if loaded.status == OK and loaded.image is not None]
        results = self._aligned(good) if self.options.aligned else [self._photo(*one) for one in good]
        seconds = round((time.monotonic() - start) / max(len(good), 1), 4)
        made = iter(results)
        for loaded in some:
            row = RunRow(loaded.item.name, str(loaded.item.path), loaded.status)
            row = replace(row, sha256=loaded.sha256, map_sha256=loaded.map_sha256)
            if loaded.status != OK:
                yield loaded, replace(row, reason=loaded.reason), None
                continue
            result, faces, status = next(made)
            restored = sum(face.status == OK for face in result.faces) if result.faces else int(status == OK)
            reason = REASONS.get(status, "")
            row = replace(row, status=status, faces=faces, restored=restored, seconds=seconds, reason=reason)
            yield loaded, row, result

    def _photo(self, loaded: Loaded, image: U8) -> tuple[Restored, int, str]:
        result = restore_photo(self.unmasker, image, loaded.map, self.options.least_score)
        return result, len(result.faces), result.status

    def _aligned(self, good: Sequence[tuple[Loaded, U8]]) -> list[tuple[Restored, int, str]]:
        images = [image for _, image in good]
        if self.options.map is None:
            maps = find_maps(self.unmasker.map_module, images)
        else:
            given = [loaded.map for loaded, _ in good if loaded.map is not None]
            maps = [Maps(map_, np.zeros_like(map_)) for map_ in given]
        masked = [row for row, map_ in enumerate(maps) if map_.body.any()]
        done = list(images)
        made = restore_pictures(
            self.unmasker.edit_module, [images[r] for r in masked], [maps[r].both for r in masked]
        )
        for row, restoration in zip(masked, made, strict=True):
            done[row] = restoration.done
        return [
            (Restored(image, map_.body, map_.straps, ()), 1, OK if map_.body.any() else NO_MASK)
            for image, map_ in zip(done, maps, strict=True)
        ]

    def _write(
        self, loaded: Loaded, row: RunRow, result: Restored | None
    ) -> tuple[RunRow, tuple[FaceRow, ...]]:
        name = loaded.item.name
        if result is None:
            for folder in self.folders:  # of an earlier, readable file of that name
                self.folder.path(folder, name).unlink(missing_ok=True)
            return row, ()
        self.folder.write(MAPS, name, encode_png(result.map))
        self.folder.write(STRAPS, name, encode_png(result.straps))
        if self.options.side_by_side and loaded.image is not None:
            self.folder.write(
                STRIPS, name, encode_png(draw_strip(loaded.image, result.map, result.straps, result.image))
            )
        self.folder.write(RESTORED, name, encode_result(loaded, result.image))
        return row, face_rows(name, result.faces)

    def _settle(self, leave: int) -> None:
        while len(self.writing) > leave:
            row, faces = self.writing.popleft().result()
            self.folder.add(row, faces)
            self.rows.append(row)
            self.tally.add()


def _batched(loaded: Iterator[Loaded], count: int) -> Iterator[list[Loaded]]:
    while some := list(islice(loaded, count)):
        yield some
