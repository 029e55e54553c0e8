"""`--dry-run`: everything that a training does, for a few steps and without a trace in RUN."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

from unmask.datagen.dataset.worker import peak_rss_mb
from unmask.model.networks.networks import count_parameters

from .options import EditOptions, MapOptions
from .train import open_training
from .train_edit import EditTraining
from .train_map import MapTraining
from .trained import bare

_STEPS = 3  # the first one chooses kernels and is not timed


def dry_run(options: MapOptions | EditOptions) -> Mapping[str, str]:
    """Build data and networks, train a few steps, and say what a real training would be like.

    Returns
    -------
    mapping of str to str
        What to print: sizes, parameters, images per second, memory, how long the budget takes.
    """
    with tempfile.TemporaryDirectory(prefix="unmask-dry-run-") as folder:
        trial = replace(options, run=Path(folder) / "run")
        with open_training(trial) as training:
            return _measure(training)


def _measure(training: MapTraining | EditTraining) -> dict[str, str]:
    engine = training.engine
    session, options = engine.session, engine.session.options
    if isinstance(training, EditTraining):
        training.starts = dict.fromkeys(training.starts, 0.0)  # the time and memory of the later part
    started, timed = 0.0, -1
    for batch in islice(engine.batches(), _STEPS + 1):
        losses = training.step(batch)
        started, timed = started or time.monotonic(), timed + 1
    pace = timed * session.batch_images / (time.monotonic() - started)
    engine.count.images, engine.count.seconds = session.batch_images, session.batch_images / pace
    left = engine.budget.eta_s(engine.count.images, engine.count.seconds, len(session.splits.train))
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
        "budget": f"{options.budget().words()}, about {left / 60:.0f} min",
    }
