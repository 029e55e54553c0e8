"""Untrained modules in files, and evaluations of small datasets with them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from unmask.model.checkpoints.checkpoint import save_checkpoint
from unmask.model.evaluation.options import EvalOptions
from unmask.model.networks.networks import build_network
from unmask.model.networks.spec import NetworkSpec


def write_module(
    folder: Path, kind: str, *, seed: int = 0, change: Callable[[dict[str, torch.Tensor]], None] | None = None
) -> Path:
    """Write a small network with drawn weights as a checkpoint; ``change`` may spoil them."""
    spec = NetworkSpec(kind, "compact", 8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        weights = dict(build_network(spec).state_dict())
    if change is not None:
        change(weights)
    folder.parent.mkdir(parents=True, exist_ok=True)
    card: Mapping[str, Any] = {"network": spec.to_dict(), "size": 64, "preset": "compact", "images": 0}
    save_checkpoint(folder, weights, card, None)
    return folder


@contextmanager
def no_bar(_: str) -> Iterator[Callable[[int, int, int], None]]:
    yield lambda done, total, before: None


def evaluate(options: EvalOptions, **changes: Any) -> Any:
    from unmask.model.evaluation import features
    from unmask.model.evaluation.run import run_evaluation

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            features, "_CHUNK", 4
        )  # the network fills its sixteen up, mostly in vain with a few pictures
        return run_evaluation(replace(options, **changes), "unmask-eval ...", no_bar)
