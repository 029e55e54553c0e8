"""`--dry-run`: everything that a training does, for a few steps and without a trace in RUN."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from unmask.datagen.common.memory import peak_rss_mb
from unmask.model.networks.networks import count_parameters

from .engine import Engine
from .options import EditOptions, FrameOptions, MapOptions
from .train import open_training
from .train_edit import EditTraining
from .train_frame import FrameTraining
from .train_map import MapTraining
from .trained import bare

_STEPS = 3  # the first one chooses kernels and is not timed


def dry_run(options: MapOptions | EditOptions | FrameOptions) -> Mapping[str, str]:
    """Build data and networks, train a few steps, and say what a real training would be like.

    Returns
    -------
    mapping of str to str
        What to print: sizes, parameters, images per second, memory, how long the budget takes and how much of it
        goes into validation.
    """
    with tempfile.TemporaryDirectory(prefix="unmask-dry-run-") as folder:
        trial = replace(options, run=Path(folder) / "run")
        with open_training(trial) as training:
            return _measure(training)


def _measure(training: MapTraining | EditTraining | FrameTraining) -> dict[str, str]:
    engine = training.engine
    session = engine.session
    if isinstance(training, EditTraining):
        training.starts = dict.fromkeys(training.starts, 0.0)  # the time and memory of the later part
    started, timed = 0.0, -1
    for batch in islice(engine.batches(), _STEPS + 1):
        losses = training.step(batch)
        started, timed = started or time.monotonic(), timed + 1
    pace = timed * session.batch_images / (time.monotonic() - started)
    parameters = {name: count_parameters(bare(net)) for name, net in engine.trained.networks.items()}
    return {
        "data": f"{len(session.splits.train)} to train on, {len(session.splits.val)} to judge on",
        **{f"note {number}": note for number, note in enumerate(session.splits.notes, 1)},
        "batch": f"{tuple(batch.masked.shape)} pictures, {tuple(batch.map.shape)} maps",
        **{f"parameters {name}": f"{count:,}" for name, count in parameters.items()},
        "losses": "  ".join(f"{name} {float(value):.4g}" for name, value in losses.items()),
        "device": f"{session.fabric.device}, precision {engine.precision}",
        "images/s": f"{pace:.1f}",
        "memory": f"{peak_rss_mb():.0f} MB in this process",
        **_promise(engine, pace),
    }


def _promise(engine: Engine, pace: float) -> dict[str, str]:
    """What the budget buys at this pace, validation taken off."""
    options = engine.session.options
    each_s = engine.validation_s()
    engine.plan_validations(each_s)
    budget = engine.clock.budget
    total = budget.total_images(len(engine.session.splits.train))
    training_s = 60 * (options.minutes or 0.0) if total is None else total / pace
    times = engine.intervals.validations
    if options.val_every is not None:
        # Those before the end take from minutes; so fewer pictures, so fewer of them: x pictures take x / pace.
        images = total or training_s / (1 / pace + each_s / options.val_every)
        times = max(1, int(images // options.val_every))
    during_s = (times - 1) * each_s  # the last one comes when minutes are over
    images = total or (training_s - during_s) * pace
    all_s = training_s + each_s + (during_s if total is not None else 0.0)
    return {
        "validation": f"{_times(times)}, about {each_s:.0f} s each: {times * each_s / all_s:.0%} of the time",
        "budget": f"{budget.words()}: about {images:,.0f} pictures, {all_s / 60:.1f} min with validation",
    }


def _times(count: int) -> str:
    return "once, at the end" if count == 1 else f"{count} times"
