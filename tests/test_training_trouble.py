import errno
import itertools
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor
from train_support import (
    AT_THE_END,
    BATCH,
    EVERY_STEP,
    SIZE,
    arguments,
    files,
    outcome,
    train,
)

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints import checkpoint
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_model, load_state
from unmask.model.data.batches import BatchStream
from unmask.model.data.triplets import open_triplets
from unmask.model.training import adversaries, samples, train_map, validation
from unmask.model.training.dry_run import dry_run
from unmask.model.training.train_map import MapTraining

pytestmark = pytest.mark.usefixtures("narrow")


def not_finite_in_step(step: int, what: str) -> Callable[..., Tensor]:
    """bce_dice whose loss, or only its gradient, is not finite in a step."""
    real, calls = train_map.bce_dice, itertools.count(1)

    def loss(logits: Tensor, truth: Tensor, **settings: Any) -> Tensor:
        value = real(logits, truth, **settings)
        if next(calls) != step:
            return value
        return value * math.nan if what == "loss" else value + (0 * logits.sum()).sqrt()

    return loss


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_a_loss_that_is_not_finite_stops_with_the_pictures_named(what: str, short_run: Callable[..., Any]):
    asked = short_run("map", checkpoint_minutes=EVERY_STEP, **AT_THE_END)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_map, "bce_dice", not_finite_in_step(3, what))
        with pytest.raises(UserError, match=r"step 3: .* not finite") as trouble:
            train(asked)
    train_triplets = open_triplets(asked).train
    keys = BatchStream(train_triplets, BATCH, seed=asked.seed).make_batch(2).keys
    assert all(key in str(trouble.value) for key in keys)
    assert str(asked.run / "last") in str(trouble.value)
    assert "`learning_rate`" in str(trouble.value)
    assert load_card(asked.run / "last")["step"] == 2
    network, _ = load_model(asked.run / "last", "map")
    assert all(bool(value.isfinite().all()) for value in network.state_dict().values())
    assert train(asked).stopped == "finished"
    whole = short_run("map", "whole", **AT_THE_END)
    train(whole)
    assert outcome(asked.run) == outcome(whole.run)


def test_a_discriminators_loss_that_is_not_finite_is_called_so(
    short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    real = adversaries.discriminator_loss
    monkeypatch.setattr(adversaries, "discriminator_loss", lambda *given: real(*given) * math.inf)
    asked = short_run("edit", preset="perceptual")
    with pytest.raises(UserError, match=r"step 2: the whole loss .* there is no checkpoint yet"):
        train(asked)


def allocate(*_: object) -> Tensor:
    return torch.empty(1 << 45)  # 128 TiB


def exhaust(*_: object) -> Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has ...")


def run_dry(*_: object) -> Tensor:
    raise MemoryError


@pytest.mark.parametrize("trouble", [allocate, exhaust, run_dry])
def test_out_of_memory_is_one_line_that_says_what_to_lower(
    trouble: Callable[..., Tensor],
    short_run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(MapTraining, "step", trouble)
    asked = short_run("map")
    assert main(arguments(asked, tmp_path)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: out of memory")
    assert "--batch-size (now 2)" in error
    assert f"--size (now {SIZE})" in error


def test_another_fault_is_no_want_of_memory(short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    def mistaken(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(MapTraining, "step", mistaken)
    with pytest.raises(RuntimeError, match="mat1"):
        train(short_run("map"))


def test_no_space_for_a_checkpoint_keeps_the_one_before(short_run: Callable[..., Any]):
    asked = short_run("map", checkpoint_minutes=EVERY_STEP, **AT_THE_END)
    write, files_written = checkpoint.write_synced, itertools.count(1)

    def full(path: Path, data: bytes) -> None:
        if next(files_written) == 2 * 4 + 3:  # the third of the third checkpoint's four files
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write_synced", full)
        with pytest.raises(UserError, match="no space for a checkpoint") as trouble:
            train(asked)
    assert str(asked.run) in str(trouble.value)
    assert sorted(path.name for path in asked.run.iterdir() if path.is_dir()) == ["last"]
    assert load_state(asked.run / "last")["count"]["step"] == 2
    train(asked)
    whole = short_run("map", "whole", **AT_THE_END)
    train(whole)
    assert outcome(asked.run) == outcome(whole.run)


@pytest.mark.parametrize("module", [samples, validation])  # the first sheet, the baselines
def test_no_space_for_another_file_is_one_line_too(
    module: ModuleType, short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_atomic", full)
    asked = short_run("edit")
    with pytest.raises(UserError, match="No space left on device") as trouble:
        train(asked)
    assert str(asked.run) in str(trouble.value)


def test_a_batch_larger_than_the_data_is_refused_before_run_is_touched(short_run: Callable[..., Any]):
    asked = short_run("map", batch_size=9)
    with pytest.raises(UserError, match="batch_size: a step takes 9 pictures and there are 8"):
        train(asked)
    assert not asked.run.exists()


# `__` dry run `______________________________________________________________________________________________`


@pytest.mark.parametrize(
    ("module", "preset", "parameters"),
    [("map", "compact", {"map"}), ("edit", "perceptual", {"generator", "whole", "mask"})],
)
def test_a_dry_run_says_what_it_takes_and_leaves_nothing(
    module: str,
    preset: str,
    parameters: set[str],
    short_run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked = short_run(module, preset=preset)
    told = dry_run(asked)
    assert not list(tmp_path.iterdir())
    assert {"data", "batch", "losses", "device", "images/s", "memory", "budget"} <= told.keys()
    assert {key.removeprefix("parameters ") for key in told if key.startswith("parameters")} == parameters
    assert told["data"] == "8 to train on, 3 to judge on"
    assert "(2, 3, 64, 64)" in told["batch"]
    assert "(2, 1, 64, 64)" in told["batch"]
    assert told["device"] == "cpu, precision fp32"
    assert told["budget"].startswith("8 images: about 8 pictures, ")
    assert told["validation"].startswith("once, at the end, about ")
    assert float(told["images/s"]) > 0
    assert all(f"{name}_discriminator " in told["losses"] for name in parameters - {"map", "generator"})
    assert main([*arguments(asked, tmp_path), "--dry-run"]) == 0
    assert "dry run: nothing was written to RUN" in capsys.readouterr().out
    assert not asked.run.exists()


def test_a_dry_run_of_a_run_that_is_there_leaves_it_alone(short_run: Callable[..., Any]):
    asked = short_run("map")
    train(asked)
    before = files(asked.run)
    dry_run(asked)
    assert files(asked.run) == before
