import itertools
import json
import logging
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from train_support import (
    AT_THE_END,
    BATCH,
    SIZE,
    STEPS,
    arguments,
    narrow_presets,
    outcome,
    rows,
    train,
    weights_of,
)

from unmask.cli.train import main
from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import load_card
from unmask.model.checkpoints.checkpoint import load_model, load_weights
from unmask.model.training import clock as clock_module
from unmask.model.training.engine import Engine
from unmask.model.training.log_file import read_log
from unmask.model.training.samples import GAP_PX, HEADER_PX
from unmask.model.training.session import open_session
from unmask.model.training.train import open_training
from unmask.model.training.train_map import MapTraining
from unmask.model.training.trained import bare
from unmask.model.training.validation import EditJudge, MapJudge

pytestmark = pytest.mark.usefixtures("narrow")

COUNTS = ["step", "images", "epoch", "seconds", "learning_rate", "images_per_s"]
MAP_SCORES = ["val_iou", "val_dice", "val_boundary_f", "val_raw_iou", "val_false_alarm", "val_straps_iou"]
SCORES = ["val_psnr", "val_ssim", "val_mask_psnr", "val_mask_ssim", "val_raw_psnr"]
GAN = ["whole", "mask", "whole_matching", "mask_matching"]
STEP_PX = SIZE + GAP_PX  # on a sheet
JUDGED = ["whole_discriminator", "mask_discriminator"]


@pytest.mark.parametrize(
    ("module", "preset", "losses", "scores"),
    [
        ("map", "compact", ["loss", "straps"], MAP_SCORES),
        ("edit", "fidelity", ["loss", "l1", "l2", "ssim"], SCORES),
        (
            "edit",
            "perceptual",
            ["loss", "l1", "ssim", "perceptual", *GAN, *JUDGED],
            [*SCORES, "val_perceptual"],
        ),
        (
            *("edit", "projected"),
            ["loss", "l1", "ssim", "perceptual", "whole", "mask", *JUDGED],
            [*SCORES, "val_perceptual"],
        ),
        (
            *("edit", "paper"),
            ["loss", "l1", "ssim", "perceptual", "whole", "mask", *JUDGED],
            [*SCORES, "val_perceptual"],
        ),
    ],
)
def test_the_log_has_every_loss_and_every_score(
    module: str, preset: str, losses: list[str], scores: list[str], short_run: Callable[..., Any]
):
    asked = short_run(module, preset=preset, val_every=2 * BATCH)
    result = train(asked)
    log = read_log(asked.run / "log.csv")
    assert list(log[0]) == [*COUNTS, *losses, *scores]
    assert [(row["step"], row["images"], row["epoch"]) for row in log] == [(2, 4, 0.5), (4, 8, 1)]
    assert all(math.isfinite(value) for value in log[-1].values())  # by now all discriminators are there
    assert {name: pytest.approx(result.metrics[name], rel=1e-8) for name in scores}.items() <= log[-1].items()
    assert list(result.metrics) == scores
    assert [name for name, value in log[0].items() if value is None] == [
        name for name in losses if name.startswith("mask")
    ]  # the mask-region discriminator is not there in the first two of four steps


def test_a_row_is_the_mean_of_the_steps_since_the_last_one(
    short_run: Callable[..., Any], steps_seen: list[tuple[float, dict[str, float]]]
):
    asked = short_run("edit", preset="perceptual", val_every=3 * BATCH)
    train(asked)
    first, last = rows(asked.run)
    for name in ("loss", "l1", "whole", "mask", "mask_discriminator"):
        values = [losses[name] for _, losses in steps_seen[:3] if name in losses]
        assert first[name] == pytest.approx(np.mean(values))
        assert last[name] == pytest.approx(steps_seen[3][1][name])


def test_sheets_show_the_same_faces_every_time(short_run: Callable[..., Any]):
    asked = short_run("edit", sample_every=BATCH, learning_rate=0.01)
    train(asked)
    paths = sorted((asked.run / "samples").iterdir())
    assert [path.name for path in paths] == [f"{BATCH * step:09d}.png" for step in range(1, STEPS + 1)]
    first, *others = (cv2.imread(str(path)) for path in paths)
    assert first.shape == (HEADER_PX + 3 * STEP_PX, 5 * STEP_PX - GAP_PX, 3)
    column = {
        name: np.s_[HEADER_PX:, index * STEP_PX : index * STEP_PX + SIZE]
        for index, name in enumerate(("masked", "map", "raw", "composited", "clean"))
    }
    assert (first[column["masked"]] != first[column["clean"]]).any()
    for sheet in others:
        for name in ("masked", "map", "clean"):
            assert np.array_equal(sheet[column[name]], first[column[name]])
        for name in ("raw", "composited"):
            assert (sheet[column[name]] != first[column[name]]).any()
        same = (sheet[column["composited"]] == sheet[column["masked"]]).all(-1)
        assert same[first[column["map"]].max(-1) == 0].mean() > 0.9  # but for the dilated, feathered rim
        assert same.mean() < 0.98


def test_a_map_modules_sheet_shows_chance_and_cleaned_map(short_run: Callable[..., Any]):
    asked = short_run("map", images=BATCH)
    train(asked)
    (path,) = (asked.run / "samples").iterdir()
    sheet = cv2.imread(str(path))
    assert sheet.shape[1] == 4 * STEP_PX - GAP_PX


def test_a_run_says_where_it_was_trained_and_with_what(short_run: Callable[..., Any]):
    asked = short_run("edit", images=BATCH)
    train(asked)
    environment = json.loads((asked.run / "environment.json").read_text())
    assert environment["sessions"] == []
    assert environment["versions"]["torch"] == torch.__version__
    assert {"started", "command", "python", "git", "cpu", "threads", "gpus"} <= environment.keys()
    config = json.loads((asked.run / "config.json").read_text())["options"]
    assert config["module"] == "edit"
    assert config["preset"] == "fidelity"
    assert config["dataset"] == load_card(asked.run / "last")["dataset"]


def test_floors_are_scored_beside_an_editing_module(
    short_run: Callable[..., Any], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "unmask")
    asked = short_run("edit", images=BATCH)
    train(asked)
    report = json.loads((asked.run / "floors.json").read_text())
    assert report["pictures"] == 3
    assert 0.02 < report["coverage"] < 0.5
    assert list(report["floors"]) == ["do nothing", "nearest pixel", "mean face", "ceiling"]
    assert all(list(values) == SCORES for values in report["floors"].values())
    floors = report["floors"]
    assert floors["do nothing"]["val_raw_psnr"] == pytest.approx(floors["do nothing"]["val_psnr"])
    for name in ("do nothing", "nearest pixel", "mean face"):
        assert floors[name]["val_mask_psnr"] < 25 < floors["ceiling"]["val_mask_psnr"]
    assert floors["ceiling"]["val_psnr"] > 40
    assert any(line.startswith("mean face: val_psnr") for line in caplog.messages)
    assert any("coverage" in line and f"{report['coverage']:.1%}" in line for line in caplog.messages)


def test_a_model_can_be_loaded_and_does_what_the_last_validation_said(short_run: Callable[..., Any]):
    asked = short_run("map", **AT_THE_END)
    train(asked)
    network, card = load_model(asked.run, "map")
    assert card["step"] == STEPS
    assert card["network"] == {"kind": "map", "name": "compact", "width": 8, "straps": True}
    with open_session(replace(asked, run=asked.run.parent / "other"), "map") as session:
        found = MapJudge(session, straps=True).validate(network)
    assert found == pytest.approx(card["metrics"])


@pytest.mark.parametrize(
    ("module", "preset", "column", "values", "best"),
    [
        ("map", "compact", "val_iou", [0.2, 0.5, 0.4, 0.5], 2),  # an equal one is no better
        ("edit", "fidelity", "val_psnr", [20.0, 19.0, 18.0, 21.0], 4),
        ("edit", "perceptual", "val_perceptual", [0.5, 0.4, 0.3, 0.6], 3),  # less is better
        ("edit", "paper", "val_perceptual", [0.1, 0.4, 0.3, 0.2], 1),
    ],
)
def test_best_follows_the_judges_column(
    module: str,
    preset: str,
    column: str,
    values: list[float],
    best: int,
    short_run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
):
    told = iter(values)
    judge = {"map": MapJudge, "edit": EditJudge}[module]
    monkeypatch.setattr(judge, "validate", lambda *_: {column: next(told)})
    asked = short_run(module, preset=preset, val_every=BATCH, sample_every=10**6)
    train(asked, stop_in=2)
    train(asked)  # what was best before is remembered
    card = load_card(asked.run / "best")
    assert card["step"] == best
    assert card["metrics"] == {column: values[best - 1]}
    assert load_card(asked.run / "last")["step"] == STEPS


def test_pictures_from_a_dataset_are_trained_on(
    short_run: Callable[..., Any], built_once: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = short_run("map", online=None, data=built_once, images=2 * BATCH, limit=None)
    assert train(asked).stopped == "finished"
    assert rows(asked.run)[-1]["images"] == 2 * BATCH


# `__` budget, randomness, first weights `____________________________________________________________________`


def test_a_budget_in_minutes_ends_in_time_with_a_falling_rate(
    short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    asked = short_run("map", images=None, minutes=0.02, val_every=BATCH, sample_every=10**6)
    clock = itertools.count(1)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(monotonic=lambda: next(clock) * 0.05))
    stopped = train(asked, stop_in=5)
    result = train(asked)
    assert result.stopped == "finished"
    assert stopped.seconds < 1.2 <= result.seconds < 1.4  # of both sessions together
    log = read_log(asked.run / "log.csv")
    assert len(log) == result.steps > 5
    assert log[-1]["seconds"] == pytest.approx(result.seconds, abs=0.01)
    rates = [row["learning_rate"] for row in log]
    assert rates[-1] < 0.5 * max(rates)
    assert train(asked).steps == result.steps


@pytest.mark.parametrize(("takes_s", "validations"), [(0.001, 20), (0.05, 2), (9.0, 1)])
def test_validations_get_a_tenth_of_the_minutes_and_the_warm_up_ends_in_time(
    takes_s: float,
    validations: int,
    short_run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
):
    asked = short_run("map", images=None, minutes=0.02, sample_every=10**6, learning_rate=0.01)
    clock = itertools.count(1)
    monkeypatch.setattr(clock_module, "time", SimpleNamespace(monotonic=lambda: next(clock) * 0.02))
    monkeypatch.setattr(MapJudge, "estimate_s", lambda *_: takes_s)
    rates: list[float] = []
    prepare = Engine._prepare_step
    monkeypatch.setattr(Engine, "_prepare_step", lambda engine: (prepare(engine), rates.append(engine.rate)))
    train(asked)
    validated = [row for row in read_log(asked.run / "log.csv") if row["val_iou"] is not None]
    assert len(validated) == validations
    assert len(rates) < 100  # the steps of the preset's warm-up
    assert max(rates) > 0.009 and rates.index(max(rates)) <= len(rates) // 8


def test_few_pictures_are_validated_on_less_often_and_always_at_the_end(short_run: Callable[..., Any]):
    asked = short_run("map", images=30 * BATCH, sample_every=10**6)  # 60 pictures, 3 to judge on
    train(asked)
    log = read_log(asked.run / "log.csv")
    assert [row["images"] for row in log if row["val_iou"] is not None] == [30, 60]


def test_how_long_a_validation_takes_is_measured_on_some_of_its_pictures(short_run: Callable[..., Any]):
    with open_training(short_run("edit", images=BATCH)) as training:
        judge = training.engine.judge
        assert judge.pictures == 3
        assert 0 < training.engine.validation_s() < 60
        assert judge.pictures == 3


def test_a_budget_in_epochs_shows_every_picture_once_in_each(
    short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    seen: list[str] = []
    step = MapTraining.step

    def noting(training: MapTraining, batch: Any) -> dict[str, Tensor]:
        seen.extend(batch.keys)
        return step(training, batch)

    monkeypatch.setattr(MapTraining, "step", noting)
    train(short_run("map", images=None, epochs=2, **AT_THE_END))
    assert len(seen) == 16
    assert sorted(seen[:8]) == sorted(seen[8:]) == sorted(set(seen))
    assert seen[:8] != seen[8:]


@pytest.mark.parametrize(("module", "preset"), [("map", "compact"), ("edit", "perceptual")])
def test_global_generators_have_no_say(
    module: str, preset: str, short_run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    first, second = (short_run(module, name, preset=preset, **AT_THE_END) for name in ("first", "second"))
    poison(1)
    train(first)
    finish_step = Engine.finish_step

    def poisoning(engine: Engine, losses: Mapping[str, Tensor | float]) -> None:
        finish_step(engine, losses)
        poison(engine.count.step)

    monkeypatch.setattr(Engine, "finish_step", poisoning)
    poison(2)
    train(second)
    assert outcome(second.run) == outcome(first.run)


def poison(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global one is the point
    random.seed(seed)


def test_another_seed_gives_another_training(short_run: Callable[..., Any]):
    first, second = (short_run("map", f"seed{seed}", seed=seed, images=BATCH) for seed in (0, 1))
    train(first)
    train(second)
    assert weights_of(first.run)["last"] != weights_of(second.run)["last"]


def test_init_from_begins_with_the_weights_of_another_run(short_run: Callable[..., Any]):
    source = short_run("map", "source", seed=7, images=2 * BATCH)
    train(source)
    wanted = load_weights(source.run / "best")
    asked = short_run("map", init_from=source.run)
    with open_session(asked, "map") as session:
        engine = MapTraining(session, asked).engine
        begun = bare(engine.trained.networks["map"]).state_dict()
        assert engine.count.step == 0
        assert begun.keys() == wanted.keys()
        for name, value in wanted.items():
            assert torch.equal(begun[name], value)
            assert torch.equal(engine.trained.ema.weights()[name], value)
        assert not engine.trained.optimisers["map"].state_dict()["state"]


def test_a_run_with_first_weights_resumes_from_its_own(short_run: Callable[..., Any]):
    source = short_run("map", "source", seed=7, images=2 * BATCH)
    train(source)
    whole, halves = (
        short_run("map", name, init_from=source.run, **AT_THE_END) for name in ("whole", "halves")
    )
    train(whole)
    train(halves, stop_in=2)
    train(halves)
    assert outcome(halves.run) == outcome(whole.run)
    train(short_run("map", "plain", **AT_THE_END))
    assert rows(whole.run) != rows(whole.run.parent / "plain")


def test_a_run_that_wrote_a_name_of_weights_down_as_a_path_goes_on_and_another_name_is_refused(
    short_run: Callable[..., Any],
):
    asked = short_run("edit", map_run=Path("shipped"))
    config = asked.run / "config.json"
    with open_session(asked, "edit") as session:
        assert not session.resumed
    assert read_map(config) == "shipped"
    config.write_text(config.read_text().replace('"shipped"', json.dumps(str(Path("shipped").absolute()))))
    with pytest.raises(UserError, match=r"`map` was .*shipped, now compact"):
        train(replace(asked, map_run=Path("compact")))
    with open_session(asked, "edit") as session:
        assert session.resumed
    assert read_map(config) == "shipped"


def read_map(config: Path) -> str:
    return str(json.loads(config.read_text())["options"]["map"])


@pytest.mark.parametrize(("module", "width"), [("edit", 8), ("map", 16)])
def test_first_weights_of_another_network_are_refused_before_run_is_touched(
    module: str, width: int, short_run: Callable[..., Any], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    source = short_run(module, "source", images=BATCH)
    with pytest.MonkeyPatch.context() as patch:
        narrow_presets(patch, width)
        train(source)
    asked = short_run("map", init_from=source.run)
    assert main(arguments(asked, tmp_path)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    words = "expected a Map Module" if module == "edit" else "--init-from"
    assert words in error
    assert str(source.run) in error
    assert not asked.run.exists()


def test_maps_of_the_other_module_are_refused_before_run_is_touched(short_run: Callable[..., Any]):
    source = short_run("edit", "source", images=BATCH)
    train(source)
    asked = short_run("edit", map_run=source.run)
    with pytest.raises(UserError, match="expected a Map Module"):
        train(asked)
    assert not asked.run.exists()


def test_a_perceptual_network_that_is_none_is_refused_before_run_is_touched(
    short_run: Callable[..., Any], tmp_path: Path
):
    (tmp_path / "vgg19.pth").write_bytes(b"no weights")
    asked = short_run("edit", preset="perceptual", vgg19=tmp_path / "vgg19.pth")
    with pytest.raises(UserError, match=r"^vgg19"):
        train(asked)
    assert not asked.run.exists()
