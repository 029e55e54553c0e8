"""Presets: what comes along, a person's own files, single values changed, and what a run keeps of them."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from train_support import BATCH, STEPS, outcome, rows, train

from unmask.cli.train import main
from unmask.datagen.common.errors import ArgumentError, UserError
from unmask.datagen.masks.recipe_config import _PALETTES, _PINS, LIMITS, WEIGHTED
from unmask.model.training.options import EditOptions, FrameOptions, MapOptions, config_fields
from unmask.model.training.preset_files import (
    flat_tables,
    is_tuning,
    load_preset,
    packaged_presets,
    summary_of,
    tables_of,
)
from unmask.model.training.presets import TABLES, EditPreset, FramePreset, MapPreset

WORKS = ["run", "--online", "demo", "--minutes", "2"]
SHARED = {"optimiser.beta2": 0.999, "optimiser.clip_norm": 1.0, "optimiser.ema": 0.999}
SHARED |= {"schedule.warmup_steps": 100, "schedule.floor": 0.01}
EDIT = {"batch.mirror": 0.5, "batch.dilate_px": [1, 4]}
# What the first version had in its code: these may not change, for its runs go on.
FIRST: dict[tuple[str, str], dict[str, Any]] = {
    ("map", "compact"): {
        "network.name": "compact", "network.width": 24, "optimiser.learning_rate": 2e-3, "optimiser.beta1": 0.9,
        "optimiser.weight_decay": 1e-2, "losses.dice": 1.0, "batch.bare_share": 0.1, "validation.best": "val_iou",
    },
    ("map", "paper"): {
        "network.name": "paper", "network.width": 0, "optimiser.learning_rate": 1e-3, "optimiser.beta1": 0.9,
        "optimiser.weight_decay": 0.0, "losses.dice": 0.0, "batch.bare_share": 0.0, "validation.best": "val_iou",
    },
    ("edit", "fidelity"): EDIT | {
        "network.name": "compact", "network.width": 48, "optimiser.learning_rate": 2e-3, "optimiser.beta1": 0.9,
        "losses.l1": 1.0, "losses.l2": 4.0, "losses.ssim": 0.25, "losses.perceptual": 0.0, "losses.whole": 0.0,
        "losses.mask": 0.0, "losses.matching": 0.0, "losses.hole": 10.0, "discriminator.loss": "hinge",
        "discriminator.whole_from": 0.0, "discriminator.width": 32, "validation.best": "val_psnr",
    },
    ("edit", "perceptual"): EDIT | {
        "network.name": "compact", "network.width": 48, "optimiser.learning_rate": 1e-3, "optimiser.beta1": 0.5,
        "losses.l1": 1.0, "losses.l2": 0.0, "losses.ssim": 0.25, "losses.perceptual": 1.0, "losses.whole": 0.02,
        "losses.mask": 0.05, "losses.matching": 0.5, "losses.hole": 10.0, "discriminator.loss": "hinge",
        "discriminator.whole_from": 0.2, "discriminator.width": 32, "validation.best": "val_perceptual",
    },
    ("edit", "paper"): EDIT | {
        "network.name": "paper", "network.width": 0, "optimiser.learning_rate": 2e-4, "optimiser.beta1": 0.5,
        "losses.l1": 100.0, "losses.l2": 0.0, "losses.ssim": 100.0, "losses.perceptual": 100.0,
        "losses.whole": 0.3, "losses.mask": 0.7, "losses.matching": 0.0, "losses.hole": 1.0,
        "discriminator.loss": "bce", "discriminator.whole_from": 0.0, "discriminator.width": 64,
        "validation.best": "val_perceptual",
    },
}  # fmt: skip


@pytest.mark.parametrize(("module", "name"), list(FIRST))
def test_a_preset_of_the_first_version_is_what_it_was(module: str, name: str):
    kind = MapPreset if module == "map" else EditPreset
    now = flat_tables(tables_of(load_preset(kind, name)))
    assert {key: now[key] for key in SHARED | FIRST[module, name]} == SHARED | FIRST[module, name]


@pytest.mark.parametrize(
    ("module", "kind"), [("map", MapPreset), ("edit", EditPreset), ("frame", FramePreset)]
)
def test_a_packaged_preset_says_what_it_is_and_leaves_nothing_out(module: str, kind: type[Any]):
    for name, path in packaged_presets(module).items():
        assert len(summary_of(path)) > 20
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        assert flat_tables(content) == flat_tables(tables_of(load_preset(kind, name)))


def test_set_knows_by_the_table_whose_a_key_is():
    recipes = {key.split(".")[0] for key in (*LIMITS, *WEIGHTED, *_PINS, _PALETTES)}
    assert not TABLES & recipes
    assert not TABLES & {
        key for kind in (MapOptions, EditOptions, FrameOptions) for key in config_fields(kind)
    }
    assert is_tuning("losses.ssim=2") and is_tuning("losses=2") and not is_tuning("shape.width=1")


@pytest.mark.parametrize(
    ("tuning", "words"),
    [
        ("losses.sim=2", "`tuning` losses.sim: no key of this preset; the nearest are losses.ssim"),
        ("losses.ssim", "`tuning`: expected TABLE.KEY=VALUE, got 'losses.ssim'"),
        ("losses.ssim=-1", "`tuning` losses.ssim = -1: expected a number from 0 to 1e+06"),
        ("losses.ssim=nan", "`tuning` losses.ssim = NaN: expected a number"),
        ("losses.ssim=true", "`tuning` losses.ssim = true: expected a number"),
        ("losses.ssim=much", '`tuning` losses.ssim = "much": expected a number'),
        ("network.width=8.0", "`tuning` network.width = 8.0: expected a whole number from 0 to 1024"),
        ("optimiser.ema=1", "`tuning` optimiser.ema = 1: expected a number from 0 to 0.999999"),
        ("discriminator.loss=wgan", '`tuning` discriminator.loss = "wgan": expected one of bce, hinge'),
        ("network.name=3", "`tuning` network.name = 3: expected a name"),
        ("batch.dilate_px=[4, 1]", "`tuning` batch.dilate_px = [4, 1]: expected two rising whole numbers"),
        (
            "validation.best=val_perceptual",
            "`preset`: validation.best = val_perceptual needs losses.perceptual above 0",
        ),
    ],
)
def test_a_wrong_value_is_one_line_before_work(tuning: str, words: str):
    with pytest.raises(UserError) as refused:
        EditOptions(Path("run"), online="demo", minutes=1, tuning=(tuning,)).validate()
    assert refused.value.marked.startswith(words) and "\n" not in str(refused.value)


def test_losses_of_no_weight_are_refused():
    with pytest.raises(ArgumentError, match=r"^preset: all of its losses have weight 0"):
        load_preset(EditPreset, "fidelity", ["losses.l1=0", "losses.l2=0", "losses.ssim=0"])


def test_an_own_file_takes_the_rest_from_its_base(tmp_path: Path):
    own = tmp_path / "my.toml"
    own.write_text("[losses]\nssim = 2\n[discriminator]\nloss = 'bce'\n")
    preset = load_preset(EditPreset, str(own), ["losses.l2=1"])
    fidelity = load_preset(EditPreset, "fidelity")
    assert preset.losses == replace(fidelity.losses, ssim=2.0, l2=1.0)
    assert preset.discriminator == replace(fidelity.discriminator, loss="bce")
    assert all(getattr(preset, one.name) == getattr(fidelity, one.name) for one in fields(preset)[:3])
    own.write_text("base = 'paper'\n[losses]\nssim = 2\n")
    assert load_preset(EditPreset, str(own)).losses.l1 == 100


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "base = 'compact'",
            "my.toml: base = 'compact': expected one of fidelity, perceptual, projected, paper",
        ),
        ("[losses]\nssmi = 2", "my.toml: losses.ssmi: no key of this preset; the nearest are losses.ssim"),
        ("losses = 2", "my.toml: losses: no key of this preset"),
        ("[losses]\nssim = '2'", 'my.toml: losses.ssim = "2": expected a number'),
        ("[losses", "my.toml: no TOML file"),
        (None, "my.toml: cannot be read"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(text: str | None, words: str, tmp_path: Path):
    own = tmp_path / "my.toml"
    if text is not None:
        own.write_text(text)
    with pytest.raises(UserError) as refused:
        load_preset(EditPreset, str(own))
    assert words in str(refused.value) and str(refused.value).startswith("preset ")


# ---- command line ------------------------------------------------------------------------------------------


@pytest.fixture
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("in_tmp")
def test_set_goes_to_the_recipe_or_to_the_preset(capsys: pytest.CaptureFixture[str]):
    asked = [*WORKS, "--set", "losses.ssim=2", "--set", "worn=proper", "--set", "network.name=paper"]
    asked += ["--set", "network.width=0", "--set", "network.deeper=0"]
    assert main(["edit", *asked, "--print-config"]) == 0
    text = capsys.readouterr().out
    printed = tomllib.loads(text)
    assert printed["set"] == ["worn=proper"]
    assert (printed["losses"]["ssim"], printed["losses"]["l2"]) == (2.0, 4.0)
    assert printed["network"] == {"name": "paper", "width": 0, "deeper": 0}
    Path("printed.toml").write_text(text)
    assert main(["edit", "run", "--config", "printed.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == text
    again = ["edit", "run", "--config", "printed.toml", "--set", "losses.ssim=3", "--print-config"]
    assert main(again) == 0
    assert tomllib.loads(capsys.readouterr().out)["losses"]["ssim"] == 3.0


@pytest.mark.usefixtures("in_tmp")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["map", *WORKS, "--set", "losses.ssim=2"],
            "--set losses.ssim: no key of this preset; the nearest are",
        ),
        (
            ["edit", *WORKS, "--preset", "mine"],
            "--preset mine: expected one of fidelity, perceptual, projected, paper, or a",
        ),
        (["edit", *WORKS, "--set", "network.width=-1"], "--set network.width = -1: expected"),
        (
            ["edit", *WORKS, "--set", "network.name=huge"],
            "--preset: network.width = 48: network edit/huge is not",
        ),
        (
            ["edit", *WORKS, "--set", "network.width=0"],
            "--preset: network.width = 0: network edit/compact has no",
        ),
        (
            ["map", *WORKS, "--preset", "paper", "--set", "network.width=8"],
            "--preset: network.width = 8: network",
        ),
    ],
)
def test_what_cannot_be_trained_is_said_before_run_is_touched(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error: {words}")
    assert not Path("run").exists()


def test_presets_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]):
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    listed = [tuple(line.split()[:2]) for line in lines]
    assert listed == [
        (module, name) for module in ("map", "edit", "frame") for name in packaged_presets(module)
    ]


# ---- trainings ---------------------------------------------------------------------------------------------


def config_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "config.json").read_text())["options"]


@pytest.mark.usefixtures("narrow")
def test_a_run_keeps_the_values_and_no_others_resume_it(short_run: Callable[..., Any], tmp_path: Path):
    asked = short_run("map", tuning=("losses.dice=0.5", "optimiser.ema=0.9"))
    train(asked, stop_in=2)
    kept = config_of(asked.run)
    assert kept["losses"] == {"dice": 0.5, "straps": 0.5}
    assert kept["optimiser"]["ema"] == 0.9
    own = tmp_path / "own.toml"
    own.write_text("[losses]\ndice = 0.5\n")
    with pytest.raises(UserError, match=r"configuration: `optimiser\.ema` was 0\.9, now 0\.999;"):
        train(replace(asked, tuning=("losses.dice=0.5",)))
    assert train(asked).steps == STEPS
    plain = short_run("map", "plain")
    train(plain)
    assert rows(plain.run) != rows(asked.run)


@pytest.mark.usefixtures("narrow")
def test_every_value_that_a_step_uses_changes_what_is_learned(short_run: Callable[..., Any]):
    train(short_run("edit", "plain"))
    plain = rows(short_run("edit", "plain").run)
    for tuning in (
        "batch.mirror=0",
        "batch.dilate_px=[9, 10]",
        "optimiser.beta1=0.1",
        "optimiser.clip_norm=1e-6",
    ):
        asked = short_run("edit", tuning.partition("=")[0], tuning=(tuning,))
        train(asked)
        assert rows(asked.run) != plain, tuning


@pytest.mark.usefixtures("narrow")
def test_a_run_that_kept_the_presets_name_alone_goes_on(short_run: Callable[..., Any]):
    whole, old = short_run("map", "whole"), short_run("map", "old")
    train(whole)
    train(old, stop_in=2)
    path = old.run / "config.json"
    content = json.loads(path.read_text())
    content["options"] = {key: value for key, value in content["options"].items() if key not in TABLES}
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"configuration: `losses\.dice` was unset, now 0\.5; give"):
        train(replace(old, tuning=("losses.dice=0.5",)))
    assert train(old).images == STEPS * BATCH
    assert outcome(old.run) == outcome(whole.run)
    assert config_of(old.run)["losses"] == {"dice": 1.0, "straps": 0.5}
