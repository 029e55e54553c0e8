import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor, nn
from train_support import (
    BATCH,
    EVERY_STEP,
    STEPS,
    Options,
    arguments,
    files,
    narrow_presets,
    outcome,
    rows,
    short,
    train,
    weights_of,
)

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_state
from unmask.model.networks import networks
from unmask.model.networks.paper import _ElevenBlocks
from unmask.model.training.folder import RunFolder
from unmask.model.training.seeds import step_seed
from unmask.model.training.validation import EditJudge

# Validated after the third step of four, so that neither an interruption nor the end comes right after a row.
APART = {"val_every": 3 * BATCH, "sample_every": 3 * BATCH}
THIN = (
    "network.width=16",
    "discriminator.width=16",
)  # the same steps with a fraction of the weights
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "compact map": ("map", {"tuning": THIN[:1]}),
    "paper map": ("map", {"preset": "paper"}),  # has dropout
    "fidelity": ("edit", {"preset": "fidelity", "tuning": THIN}),
    # Its discriminators join in the second and the third step.
    "perceptual": ("edit", {"preset": "perceptual", "tuning": THIN}),
    "projected": ("edit", {"preset": "projected", "tuning": THIN}),
}


class ThinPaperMapNet(nn.Module):
    """The paper's map network with a hundredth of its weights, whose checkpoints would take seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _ElevenBlocks(
            3,
            down=(8, 8, 16, 16, 16),
            strides=(1, 2, 2, 2, 2),
            middle=nn.Identity(),
            up=(16, 16, 8, 8, 8),
            dropouts=(0.5, 0.5, 0, 0, 0),
        )
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, picture: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(picture))
        return logits


@pytest.fixture(autouse=True)
def thin_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(networks._BUILDERS, ("map", "paper"), (lambda _: ThinPaperMapNet(), 0))


@pytest.fixture(scope="module")
def uninterrupted(
    tmp_path_factory: pytest.TempPathFactory, face_cache: Path
) -> Callable[[str], tuple[Options, dict[str, Any]]]:
    """Trains each kind once in one go: its options and its outcome."""
    known: dict[str, tuple[Options, dict[str, Any]]] = {}

    def of(kind: str) -> tuple[Options, dict[str, Any]]:
        if kind not in known:
            module, changes = KINDS[kind]
            options = short(module, tmp_path_factory.mktemp("whole") / "run", face_cache, **APART | changes)
            assert train(options).stopped == "finished"
            known[kind] = options, outcome(options.run)
        return known[kind]

    return of


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory: pytest.TempPathFactory, face_cache: Path) -> Options:
    options = short("map", tmp_path_factory.mktemp("finished") / "run", face_cache, **APART)
    with pytest.MonkeyPatch.context() as patch:
        narrow_presets(patch)
        train(options)
    return options


@pytest.fixture
def finished(narrow: None, finished_once: Options, tmp_path: Path) -> Options:
    """Options of a finished training of a small map network: a copy of one."""
    shutil.copytree(finished_once.run, tmp_path / "run")
    return replace(finished_once, run=tmp_path / "run")


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_interrupted_and_resumed_training_equals_one_in_one_go(
    kind: str,
    uninterrupted: Callable[[str], tuple[Options, dict[str, Any]]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
):
    options, wanted = uninterrupted(kind)
    options = replace(options, run=tmp_path / "run")
    assert options.images
    half = options.images // BATCH // 2
    stopped = train(options, stop_in=half)
    assert (stopped.stopped, stopped.signal, stopped.steps) == ("interrupted", signal.SIGTERM, half)
    assert load_card(options.run / "last")["step"] == half
    caplog.set_level(logging.INFO, "unmask")
    ended = train(options)
    assert (ended.stopped, ended.signal, ended.steps) == ("finished", None, 2 * half)
    assert any(f"going on with {options.run} at step {half}" in line for line in caplog.messages)
    assert outcome(options.run) == wanted
    assert wanted["log"][-1]["images"] == options.images


def test_dropout_differs_from_step_to_step_from_seed_to_seed_and_between_processes():
    # else the test above would pass with one dropout mask for all
    seeds = {step_seed(seed, rank, step) for seed in (0, 1) for rank in (0, 1) for step in (-1, 0, 1, 2)}
    assert len(seeds) == 16


def test_a_training_may_be_interrupted_in_every_step(narrow: None, tmp_path: Path, face_cache: Path):
    whole, pieces = (short("edit", tmp_path / name, face_cache, **APART) for name in ("whole", "pieces"))
    train(whole)
    for step in range(1, STEPS):
        assert train(pieces, stop_in=step).steps == step
    train(pieces)
    assert outcome(pieces.run) == outcome(whole.run)
    environment = json.loads((pieces.run / "environment.json").read_text())
    assert len(environment["sessions"]) == STEPS - 1


def test_a_signal_in_the_last_step_leaves_a_finished_training(narrow: None, tmp_path: Path, face_cache: Path):
    options = short("map", tmp_path / "run", face_cache)
    assert train(options, stop_in=STEPS).stopped == "finished"
    before = weights_of(options.run)
    assert train(options).metrics == load_card(options.run / "last")["metrics"]
    assert weights_of(options.run) == before


def test_the_same_command_on_a_finished_training_changes_nothing(finished: Options):
    before = outcome(finished.run)
    again = train(finished)
    assert (again.stopped, again.steps) == ("finished", STEPS)
    assert outcome(finished.run) == before


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(finished: Options):
    before = rows(finished.run)
    longer = train(replace(finished, images=7 * BATCH))
    assert (longer.stopped, longer.steps, longer.images) == ("finished", 7, 7 * BATCH)
    after = rows(finished.run)
    assert after[: len(before)] == before
    assert [row["step"] for row in after] == [3, 4, 6, 7]


def test_an_extended_training_is_validated_as_often_as_a_new_one(
    narrow: None, tmp_path: Path, face_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unmask.model.training.budget._MOST_JUDGING", 100.0)  # as in a long training
    options = short("map", tmp_path / "run", face_cache)
    train(options)
    train(replace(options, images=2 * STEPS * BATCH))
    validated = [row["step"] for row in rows(options.run) if row["val_iou"] is not None]
    assert validated == list(range(1, 2 * STEPS + 1))
    sheets = sorted(int(path.stem) // BATCH for path in (options.run / "samples").iterdir())
    assert sheets == list(range(1, 2 * STEPS + 1))


@pytest.mark.parametrize("step", [20, 21])  # a row is due every twenty steps without a validation, too
def test_the_last_step_is_always_validated(step: int, narrow: None, tmp_path: Path, face_cache: Path):
    options = short("map", tmp_path / "run", face_cache, images=step * BATCH, val_every=15 * BATCH)
    result = train(options)
    last = rows(options.run)[-1]
    assert last["step"] == step
    assert last["val_iou"] == pytest.approx(result.metrics["val_iou"])
    assert len({row["step"] for row in rows(options.run)}) == len(rows(options.run))


def test_overwrite_begins_anew(finished: Options, tmp_path: Path):
    changed = replace(finished, seed=5, images=2 * BATCH, val_every=None, sample_every=None)
    train(replace(changed, existing="overwrite"))
    train(replace(changed, run=tmp_path / "new"))
    assert outcome(finished.run) == outcome(tmp_path / "new")
    assert files(finished.run).keys() == files(tmp_path / "new").keys()


def test_overwriting_another_modules_run_leaves_nothing_of_it(narrow: None, tmp_path: Path, face_cache: Path):
    edit, map_ = (short(module, tmp_path / "run", face_cache, images=BATCH) for module in ("edit", "map"))
    train(edit)
    assert (edit.run / "floors.json").exists()
    train(replace(map_, existing="overwrite"))
    train(replace(map_, run=tmp_path / "new"))
    assert files(map_.run).keys() == files(tmp_path / "new").keys()


def test_existing_fail_refuses(finished: Options):
    before = files(finished.run)
    with pytest.raises(UserError, match="`existing` fail"):
        train(replace(finished, existing="fail"))
    assert files(finished.run) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "paper"}, "--preset was pretrained, now paper"),
        ({"seed": 1}, "--seed was 0, now 1"),
        ({"batch_size": 4}, "--batch-size was 2, now 4"),
        ({"size": 80}, "--size was 64, now 80"),
        ({"learning_rate": 1e-5}, "--learning-rate was unset, now 1e-05"),
        ({"families": ("cloth",)}, "--families was unset, now cloth"),
    ],
)
def test_another_training_in_the_same_folder_is_refused_with_the_key_named(
    changes: dict[str, Any],
    words: str,
    finished: Options,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    refused(replace(finished, **changes), words, tmp_path, capsys)


def test_another_dataset_in_the_same_folder_is_refused(
    finished: Options, built_once: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    refused(replace(finished, online=None, data=built_once), "dataset was ", tmp_path, capsys)


def test_the_other_module_in_the_same_folder_is_refused(
    finished: Options, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = short("edit", finished.run, finished.cache or tmp_path, **APART)
    refused(other, "module was map, now edit", tmp_path, capsys)


def refused(options: Options, words: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(options.run)
    assert main(arguments(options, folder)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"error: RUN {options.run}: holds a run of another configuration: ")
    assert words in last
    assert "--existing overwrite" in last
    assert files(options.run) == before


def test_a_training_killed_before_its_first_checkpoint_begins_anew(
    narrow: None, tmp_path: Path, face_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    options = short("edit", tmp_path / "run", face_cache, images=2 * BATCH)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(EditJudge, "write_baselines", interrupt)
        train(options)
    train(options)
    train(replace(options, run=tmp_path / "new"))
    assert outcome(options.run) == outcome(tmp_path / "new")
    assert files(options.run).keys() == files(tmp_path / "new").keys()


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


# `__` other processes `_____________________________________________________________________________________`

LIMIT_S = 300  # after which a process that does not end is killed

# unmask-train that waits before the checkpoint of a step gets its name, until somebody makes a file.
PROCESS = """
import sys, time
from pathlib import Path

from unmask.cli.train import main
from unmask.model.checkpoints import checkpoint

put_in_place = checkpoint._put_in_place
step, go = int(sys.argv[1]), Path(sys.argv[2])


def waiting(new, folder):
    if folder.name == "last" and checkpoint.load_card(new)["step"] == step:
        print("waiting", flush=True)
        while not go.exists():
            time.sleep(0.01)
    put_in_place(new, folder)


if __name__ == "__main__":
    checkpoint._put_in_place = waiting
    sys.exit(main(sys.argv[3:]))
"""


def signalled(options: Options, number: signal.Signals, step: int, folder: Path) -> tuple[int, str]:
    """Train in another process that gets a signal while it saves a step; its exit code and last words."""
    script, go = folder / "training.py", folder / "go"
    script.write_text(PROCESS)
    command = [sys.executable, "-W", "error", str(script), str(step), str(go), *arguments(options, folder)]
    with (folder / "err").open("w") as err:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True
        )
    watchdog = threading.Timer(LIMIT_S, os.killpg, (process.pid, signal.SIGKILL))
    watchdog.start()
    try:
        assert process.stdout
        first = process.stdout.readline()
        assert first == "waiting\n", (folder / "err").read_text()
        os.killpg(process.pid, number)  # as Ctrl-C does: its helpers get it, too
        go.touch()
        out, _ = process.communicate()
        assert out == ""
    finally:
        watchdog.cancel()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, (folder / "err").read_text()


needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="no such signals")


@needs_signals
def test_a_training_killed_while_it_saves_goes_on_from_the_checkpoint_before(
    uninterrupted: Callable[[str], tuple[Options, dict[str, Any]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    options, wanted = uninterrupted("perceptual")
    options = replace(options, run=tmp_path / "run", checkpoint_minutes=EVERY_STEP)
    code, _ = signalled(options, signal.SIGKILL, 3, tmp_path)
    assert code == -signal.SIGKILL
    assert load_card(options.run / "last")["step"] == 2
    assert (options.run / ".last.new").exists()
    assert [row["step"] for row in RunFolder(options.run).read_log()] == [3]  # ahead of the checkpoint
    assert main(arguments(options, tmp_path)) == 0
    assert f"finished: {options.images} images in {STEPS} steps" in capsys.readouterr().out
    assert outcome(options.run) == wanted
    assert not (options.run / ".last.new").exists()


@needs_signals
@pytest.mark.parametrize(
    ("number", "kind", "workers"),
    [(signal.SIGTERM, "fidelity", 0), (signal.SIGINT, "compact map", 1)],
)
def test_a_signal_ends_with_a_checkpoint_of_that_step(
    number: signal.Signals,
    kind: str,
    workers: int,
    uninterrupted: Callable[[str], tuple[Options, dict[str, Any]]],
    tmp_path: Path,
):
    options, wanted = uninterrupted(kind)
    options = replace(options, run=tmp_path / "run", workers=workers, checkpoint_minutes=EVERY_STEP)
    code, err = signalled(options, number, 2, tmp_path)
    assert code == 128 + number, err
    told = re.search(r"stopped after (\d+) images in (\d+) steps", err.splitlines()[-1])
    assert told, err
    images, step = map(int, told.groups())
    assert 2 <= step < STEPS
    assert images == step * BATCH
    assert load_card(options.run / "last")["step"] == step
    assert load_state(options.run / "last")["count"]["images"] == images
    train(replace(options, workers=0))
    assert outcome(options.run) == wanted


def test_a_training_in_use_is_not_trained_twice(narrow: None, tmp_path: Path, face_cache: Path):
    options = short("map", tmp_path / "run", face_cache, images=BATCH)
    with RunFolder(options.run).lock(), pytest.raises(UserError, match="another training"):
        train(options)
    assert train(options).steps == 1
