"""Short trainings on drawn faces, and everything that one leaves behind in a form that can be compared."""

import hashlib
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from unmask.cli.train_config import write_config
from unmask.model.checkpoints.card import BEST, LAST, load_card
from unmask.model.checkpoints.checkpoint import load_state, load_weights
from unmask.model.training import preset_files
from unmask.model.training import train as training
from unmask.model.training.engine import Engine
from unmask.model.training.log_file import read_log
from unmask.model.training.options import EditOptions, FrameOptions, MapOptions
from unmask.model.training.progress import TrainResult

BATCH, STEPS, SIZE = 2, 4, 64
EVERY_STEP = 1e-9  # minutes between two checkpoints
AT_THE_END = {"val_every": 10**6, "sample_every": 10**6}  # validated and drawn once
CLOCK = {"seconds", "images_per_s", "from_s"}  # what differs between equal trainings

Options = MapOptions | EditOptions | FrameOptions


def short(module: str, run: Path, cache: Path, **changes: Any) -> Options:
    """Options of four steps on eight drawn faces; keywords change them."""
    kind = {"map": MapOptions, "edit": EditOptions, "frame": FrameOptions}[module]
    base = kind(
        run=run, online="demo", limit=8, val_pictures=3, images=STEPS * BATCH, batch_size=BATCH, size=SIZE,
        cache=cache, workers=0, device="cpu", precision="fp32",
    )  # fmt: skip
    return replace(base, **changes)


def train(options: Options, stop_in: int | None = None) -> TrainResult:
    """Train; a SIGTERM seems to come in the step of that number."""
    with stopping_in(stop_in) if stop_in else nullcontext():
        return training.train(options)


@contextmanager
def stopping_in(step: int) -> Iterator[None]:
    finish_step = Engine.finish_step

    def stopping(engine: Engine, losses: Mapping[str, Tensor | float]) -> None:
        if engine.count.step == step - 1:
            engine.session.stop.received = signal.SIGTERM
        finish_step(engine, losses)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Engine, "finish_step", stopping)
        yield


def arguments(options: Options, folder: Path) -> list[str]:
    """The command line that gives these options, by a file in ``folder``."""
    module = {MapOptions: "map", EditOptions: "edit", FrameOptions: "frame"}[type(options)]
    file = folder / f"{module}.toml"
    file.write_text(write_config(options, f"unmask-train {module}"), encoding="utf-8")
    return [module, str(options.run), "--config", str(file)]


def narrow_presets(patch: pytest.MonkeyPatch, width: int = 8) -> None:
    """Give every preset a small compact network; losses, optimisers and weights stay the preset's."""
    read = preset_files._read

    def narrow(path: Path) -> dict[str, Any]:
        changes = {"network.name": "compact", "network.width": width, "discriminator.width": width}
        content = read(path)
        return content | {key: value for key, value in changes.items() if key in content}

    patch.setattr(preset_files, "_read", narrow)


def outcome(run: Path) -> dict[str, Any]:
    """Return all that a run has, without the clock: equal where two trainings are, bit for bit."""
    return {
        "log": rows(run),
        "sheets": {path.name: digest(path.read_bytes()) for path in sorted((run / "samples").iterdir())},
        **{f"{name} weights": timeless(load_weights(run / name)) for name in (BEST, LAST)},
        **{f"{name} card": timeless(load_card(run / name)) for name in (BEST, LAST)},
        "state": timeless(load_state(run / LAST)),
    }


def weights_of(run: Path) -> dict[str, Any]:
    """Return best and last weights, the optimisers' means and all raw weights."""
    kept = outcome(run)
    return {name: kept[f"{name} weights"] for name in (BEST, LAST)} | {"state": kept["state"]["trained"]}


def rows(run: Path) -> list[dict[str, Any]]:
    """Rows of log.csv without the clock."""
    return [timeless(row) for row in read_log(run / "log.csv")]


def timeless(value: Any) -> Any:
    """A nested value without the clock, tensors as hashes of shape and bytes."""
    if isinstance(value, Mapping):
        return {key: timeless(below) for key, below in value.items() if key not in CLOCK}
    if isinstance(value, list | tuple):
        return [timeless(below) for below in value]
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)} {value.dtype} {digest(value.contiguous().numpy().tobytes())}"
    return value


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files(run: Path) -> dict[str, str]:
    """Every file of a run by its hash, without the lock, which is nobody's business."""
    paths = [path for path in run.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(run).as_posix(): digest(path.read_bytes()) for path in paths}
