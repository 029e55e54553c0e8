"""Evaluate: pictures in, a report's folder out; killed and started again, it goes on."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.datagen.common.atomic import writing_to
from unmask.datagen.common.cores import available_cores
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.common.executors import open_threads
from unmask.model.checkpoints.card import resolve_model
from unmask.model.checkpoints.shipped import find_weights
from unmask.model.inference.torch_modules import (
    TrainedModule,
    choose_device,
    infers_in_bf16,
    load_finder,
    load_module,
)
from unmask.model.networks.lpips import Lpips, load_lpips
from unmask.model.networks.spec import EDIT, MAP

from .attributes import load_probe
from .feature_scores import FeatureMeter
from .features import FeatureNetwork
from .folder import Arrays, EvalFolder, open_report
from .items import EvalItem, EvalSet, open_eval_set
from .mean_face import fit_mean_face
from .options import EvalOptions
from .pictures import BadItemError, EvalPicture, read_item
from .scores import Row, score_outcome
from .systems import Outcome, PhotoParts, Systems

_LOG = logging.getLogger(__name__)

Progress = Callable[[int, int, int], None]
Bar = Callable[[str], AbstractContextManager[Progress]]

SCORES, IDENTITY = "scores", "identity"


@dataclass(frozen=True, eq=False)
class Failure:
    """An item that cannot be judged: one of its files is damaged, gone, or does not fit the others."""

    item: EvalItem
    status: str
    reason: str


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of some items: outcomes and failures, each in the items' order."""

    items: Sequence[EvalItem]
    outcomes: list[Outcome]
    failures: list[Failure]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Everything that the passes over the pictures need.

    Attributes
    ----------
    options : EvalOptions
    pictures : EvalSet
    systems : Systems
    folder : EvalFolder
    notes : tuple of str
        What a person should know before any number.
    device : torch.device
    meter : FeatureMeter or None
        What other networks see in the pictures; None where that is not asked for or no picture has a clean one.
    """

    options: EvalOptions
    pictures: EvalSet
    systems: Systems
    folder: EvalFolder
    notes: tuple[str, ...]
    device: torch.device
    meter: FeatureMeter | None

    def starts(self) -> list[int]:
        """First index of every batch."""
        return list(range(0, len(self.pictures.items), self.options.batch_size))

    def run_batch(self, start: int, pool: ThreadPoolExecutor) -> Batch:
        """Decode a batch and let every system work on it."""
        return self.run_items(self.pictures.items[start : start + self.options.batch_size], pool)

    def run_items(self, items: Sequence[EvalItem], pool: ThreadPoolExecutor) -> Batch:
        """Decode some pictures and let every system work on those that can be used."""
        read = list(pool.map(self._read, items))
        outcomes = self.systems.run([one for one in read if not isinstance(one, Failure)])
        list(pool.map(self.systems.fill_baselines, outcomes))
        return Batch(items, outcomes, [one for one in read if isinstance(one, Failure)])

    def _read(self, item: EvalItem) -> EvalPicture | Failure:
        try:
            return read_item(item, self.pictures.size)
        except BadItemError as error:
            return Failure(item, error.status, self.pictures.named_shortly(str(error)))


@contextmanager
def open_evaluation(options: EvalOptions) -> Iterator[Evaluation]:
    """Open data, modules and report folder; everything that can be wrong is said before the first picture.

    Raises
    ------
    UserError
        With the argument or file named.
    """
    options.validate()
    lpips = None if options.lpips is None else load_lpips(options.lpips)  # before pictures are read
    pictures = open_eval_set(options)
    _LOG.info("reading the pictures, to know them again")
    _ = pictures.fingerprint  # before networks are loaded: it names files that cannot be read
    device = choose_device(options.device)
    bf16 = infers_in_bf16(options.precision, device)
    map_module, map_sha = _load("map_module", options.map_module, MAP, device, bf16)
    edit_module, edit_sha = _load("edit_module", options.edit_module, EDIT, device, bf16)
    notes = [
        f"{count} {'picture' if count == 1 else 'pictures'} left out: {reason.replace('_', ' ')}"
        for reason, count in pictures.left_out.items()
    ]
    notes += pictures.notes
    mean_face = meter = None
    if any(item.clean is not None for item in pictures.items):
        meter = _open_meter(options, device, lpips)
        mean_face, note = fit_mean_face(options.train, pictures, _first_size(pictures))
        notes.append(note)
    face_sha = "" if mean_face is None else hashlib.blake2b(mean_face.image_rgb.tobytes()).hexdigest()[:16]
    identity = {
        **options.identity_of_run(),
        "data": pictures.fingerprint,
        "map": map_sha,
        "edit": edit_sha,
        "mean_face": face_sha,
        "judge": "" if meter is None else meter.network.sha256,
        "lpips": "" if meter is None or meter.lpips is None else meter.lpips.sha256,
    }
    for note in notes:
        _LOG.info(note)
    photos = None
    if map_module is not None and options.looks_for_faces:
        photos = PhotoParts(map_module, edit_module, load_finder(device))
    systems = Systems(map_module, edit_module, mean_face, photos)
    with open_report(options.out, identity, options.existing) as folder, writing_to(options.out):
        yield Evaluation(options, pictures, systems, folder, tuple(notes), device, meter)


def _first_size(pictures: EvalSet) -> tuple[int, int]:
    """Width and height of the first picture that can be used; UserError where none can."""
    first_error: BadItemError | None = None
    for item in pictures.items:
        try:
            height, width = read_item(item, pictures.size).masked.shape[:2]
        except BadItemError as error:
            first_error = first_error or error
        else:
            return width, height
    reason = pictures.named_shortly(str(first_error))
    raise ArgumentError("data", f"{pictures.folder}: no picture can be used; first: {reason}")


def _open_meter(options: EvalOptions, device: torch.device, lpips: Lpips | None) -> FeatureMeter | None:
    if not options.features:
        return None
    probe = None if options.edit_module is None else load_probe()
    return FeatureMeter(FeatureNetwork(device), probe, lpips)


def _load(
    argument: str, chosen: str | None, kind: str, device: torch.device, bf16: bool
) -> tuple[TrainedModule | None, str]:
    if chosen is None:
        return None, ""
    module = load_chosen(argument, chosen, kind, device, bf16=bf16)
    return module, str(module.card["sha256"])


def load_chosen(argument: str, chosen: str, kind: str, device: torch.device, *, bf16: bool) -> TrainedModule:
    """Load a module that a person named, its path in its card; UserError naming ``argument`` if that fails."""
    try:
        path = resolve_model(find_weights(chosen), kind)
        module = load_module(path, kind, device, bf16=bf16)
    except UserError as error:
        raise ArgumentError(argument, f"{chosen}: {error.marked}") from error
    module.card = {**module.card, "path": str(path)}
    return module


Measure = Callable[[Sequence[Outcome], list[Row]], Arrays]


def score_pictures(evaluation: Evaluation, measure: Measure | None, progress: Progress) -> None:
    """First pass: everything but face descriptors; finished batches are kept and not done again.

    Parameters
    ----------
    evaluation : Evaluation
    measure : callable or None
        Adds to the rows of a batch what other networks see in it, and returns arrays to keep.
    progress : callable
        Takes how many pictures are done, how many there are, how many were done before.
    """
    with open_threads(available_cores()) as pool:

        def work(batch: Batch) -> tuple[list[Row], Arrays]:
            rows = list(pool.map(score_outcome, batch.outcomes))
            arrays = measure(batch.outcomes, rows) if measure is not None else {}
            by_key = {row["key"]: row for row in [*rows, *map(_failed_row, batch.failures)]}
            return [by_key[item.key] for item in batch.items], arrays

        run_parts(evaluation, SCORES, pool, work, progress)


def _failed_row(failure: Failure) -> Row:
    return {
        "key": failure.item.key,
        **failure.item.tags,
        "status": failure.status,
        "reason": failure.reason,
    }


Work = Callable[[Batch], tuple[list[Row], Arrays]]


def run_parts(
    evaluation: Evaluation, kind: str, pool: ThreadPoolExecutor, work: Work, progress: Progress
) -> None:
    """Do the batches of a pass that are not done yet; the networks are one batch ahead of what judges them."""
    starts, folder = evaluation.starts(), evaluation.folder
    total, size = len(evaluation.pictures.items), evaluation.options.batch_size
    todo = [start for start in starts if not folder.has_part(kind, start)]
    done = before = sum(min(size, total - start) for start in starts if start not in set(todo))
    progress(done, total, before)
    with _half_the_threads(), open_threads(1) as ahead:
        coming = [ahead.submit(evaluation.run_batch, start, pool) for start in todo[:1]]
        for start, following in zip(todo, [*todo[1:], None][: len(todo)], strict=True):
            batch = coming.pop().result()
            if following is not None:
                coming.append(ahead.submit(evaluation.run_batch, following, pool))
            rows, arrays = work(batch)
            folder.write_part(kind, start, rows, arrays)
            done += len(batch.items)
            progress(done, total, before)


@contextmanager
def _half_the_threads() -> Iterator[None]:
    """Two sides compute at the same time: each gets half of torch's threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(max(1, before // 2))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_parts(evaluation: Evaluation, kind: str) -> tuple[list[dict[str, Any]], Arrays]:
    """Return the rows of a finished pass in order, and its arrays joined."""
    rows: list[dict[str, Any]] = []
    arrays: dict[str, list[NDArray[np.generic]]] = {}
    for start in evaluation.starts():
        more, found = evaluation.folder.read_part(kind, start)
        rows += more
        for name, values in found.items():
            arrays.setdefault(name, []).append(values)
    return rows, {name: np.concatenate(values) for name, values in arrays.items()}
