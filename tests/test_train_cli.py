import logging
import os
import signal
import sys
import tomllib
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from unmask.cli.train import main
from unmask.cli.train_config import read_config, write_config
from unmask.datagen.common.errors import UserError
from unmask.model.training.options import EditOptions, FrameOptions, MapOptions, TrainOptions

WORKS = ["run", "--online", "demo", "--minutes", "2"]


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("RANK", raising=False)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TrainOptions]:
    """Options that the training functions got; they end at once."""
    got: list[TrainOptions] = []

    def ending(options: TrainOptions) -> SimpleNamespace:
        got.append(options)
        logging.getLogger("unmask.model.training").info("one line about `batch_size`")
        return SimpleNamespace(
            stopped="finished", signal=None, steps=3, images=96, seconds=60.0, metrics={"val_iou": 0.5}
        )

    stub_modules(monkeypatch, train=ending)
    return got


def stub_modules(monkeypatch: pytest.MonkeyPatch, **functions: Any) -> None:
    for name, function in functions.items():
        monkeypatch.setitem(sys.modules, f"unmask.model.training.{name}", SimpleNamespace(**{name: function}))


def printed_config(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main([*arguments, "--print-config"]) == 0
    return tomllib.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["map"], "Missing argument"),
        (["map", "run"], "--images, --epochs and --minutes"),
        (["map", "run", "--minutes", "1"], "--data DATASET or --online SOURCE"),
        (["map", *WORKS, "--data", "built"], "not both"),
        (["map", *WORKS, "--images", "5"], "--images and --minutes"),
        (["map", *WORKS, "--size", "100"], "--size 100"),
        (["map", *WORKS, "--batch-size", "many"], "--batch-size"),
        (["map", *WORKS, "--preset", "fidelity"], "--preset fidelity"),
        (["map", *WORKS, "--map", "other"], "--map"),
        (["map", *WORKS, "--families", ","], "--families"),
        (["map", *WORKS, "--colour", "red"], "--colour"),
        (["map", *WORKS, "--config", "no.toml"], "--config no.toml: cannot be read"),
        (["map", *WORKS, "--config", "."], "--config .: cannot be read"),
        (["edit", *WORKS, "--predicted-share", "2"], "--predicted-share 2"),
        (["edit", *WORKS, "--predicted-share", "0.5"], "--predicted-share 0.5: goes with --map RUN"),
        (["edit", *WORKS, "--predicted-share", "0.3"], "--predicted-share 0.3: goes with --map RUN"),
        (["edit", *WORKS, "--vgg19", "no.pth"], "--vgg19 no.pth"),
        (["edit", *WORKS, "--map", "no"], "--map no"),
        (["edit", *WORKS, "--dry-run", "--device", "abacus"], "--device abacus"),
        (["edit", *WORKS, "--print-config", "--seed", "-1"], "--seed -1"),
        (["export", "run"], "OUT.onnx"),
        (
            ["export", "shipped", "net.pth"],
            "OUT.onnx net.pth: its name has to end in .onnx (ONNX file) or .saf",
        ),
        (
            ["export", "shipped", "net"],
            "OUT.onnx net: its name has to end in .onnx (ONNX file) or .safetensors",
        ),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(
    arguments: list[str], words: str, asked: list[TrainOptions], capsys: pytest.CaptureFixture[str]
):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert not asked
    assert not Path("run").exists()


def test_a_pipe_as_configuration_is_one_line(capsys: pytest.CaptureFixture[str]):
    os.mkfifo("pipe.toml")
    assert main(["map", *WORKS, "--config", "pipe.toml"]) == 2
    assert "--config pipe.toml: cannot be read (not a regular file)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("batchsize = 8", "unknown key batchsize; the nearest known one is batch_size"),
        ("map = 'run'", "unknown key map; the nearest known one is"),
        ("run = 'there'", "RUN is given on the command line only"),
        ("batch_size = 8.5", "batch_size = 8.5: expected a whole number"),
        ("batch_size = true", "batch_size = true: expected a whole number"),
        ("batch_size = '8'", 'batch_size = "8": expected a whole number'),
        ("learning-rate = '1e-3'", 'learning-rate = "1e-3": expected a number'),
        ("compile = 1", "compile = 1: expected true or false"),
        ("cache = 3", "cache = 3: expected a path"),
        ("families = 'cloth'", 'families = "cloth": expected a list, as [a text, ...]'),
        ("templates = [1]", "templates = 1: expected a path"),
        ("[preset]\nname = 'paper'", "preset = {...}: expected a text"),
        ("size = 100", "--size 100"),
        ("broken = [", "no TOML file"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_the_key(
    text: str, words: str, asked: list[TrainOptions], capsys: pytest.CaptureFixture[str]
):
    Path("my.toml").write_text(text)
    assert main(["map", *WORKS, "--config", "my.toml"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert words in err
    assert "my.toml" in err or "--size" in err
    assert not asked


def test_a_file_that_is_no_text_is_one_line(capsys: pytest.CaptureFixture[str]):
    Path("my.toml").write_bytes(b"\xff\xfe\x00")
    assert main(["map", *WORKS, "--config", "my.toml"]) == 2
    assert capsys.readouterr().err.startswith("error: --config my.toml: no TOML file")


def test_every_flag_reaches_its_option(asked: list[TrainOptions]):
    for name in ("known.csv", "net.pth"):
        Path(name).touch()
    for name in ("own", "more", "cloth", "mapper", "start"):
        Path(name).mkdir()
    flags = (
        "--online faces --epochs 1.5 --preset paper --size 64 --batch-size 4 --learning-rate 1e-3 --seed 7"
    )
    flags += " --map mapper --predicted-share 0.1 --vgg19 net.pth --mask-discriminator-from 0.6"
    flags += " --families cloth,kn95 --holdout-families gaiter,scarf --limit 9 --val-pictures 5 --recipe wild"
    flags += " --set worn=proper --set losses.ssim=2 --set family=cloth --templates own --templates more"
    flags += " --textures cloth --occluders --balance No_Beard,Young --balance-strength 0.5"
    flags += (
        " --landmarks known.csv --no-jitter --cache kept --workers 3 --device cpu --precision fp32 --compile"
    )
    flags += " --val-every 100 --sample-every 200 --checkpoint-minutes 0.5 --init-from start --existing fail"
    assert main(["edit", "run", *flags.split()]) == 0
    wanted = EditOptions(
        run=Path("run"), online="faces", epochs=1.5, preset="paper", size=64, batch_size=4, learning_rate=1e-3,
        seed=7, map_run=Path("mapper"), predicted_share=0.1, vgg19=Path("net.pth"), mask_discriminator_from=0.6,
        families=("cloth", "kn95"), holdout_families=("gaiter", "scarf"), limit=9, val_pictures=5, recipe="wild",
        pins=("worn=proper", "family=cloth"), tuning=("losses.ssim=2.0",), templates=(Path("own"), Path("more")),
        textures=Path("cloth"), occluders=True, balance=("No_Beard", "Young"),
        balance_strength=0.5,
        landmarks=Path("known.csv"), jitter=False, cache=Path("kept"), workers=3, device="cpu", precision="fp32",
        compile=True, val_every=100, sample_every=200, checkpoint_minutes=0.5, init_from=Path("start"),
        existing="fail",
    )  # fmt: skip
    assert asked == [wanted]
    unchanged = {field.name for field in fields(wanted) if getattr(wanted, field.name) == field.default}
    assert unchanged == {"data", "images", "minutes", "tensorboard"}  # and the other two budgets and sources:
    assert main(["map", "run", "--data", "built", "--images", "64"]) == 0
    assert asked[1] == MapOptions(run=Path("run"), data=Path("built"), images=64)


@pytest.mark.parametrize("module", ["map", "edit", "frame"])
def test_without_flags_the_options_are_the_defaults(module: str, asked: list[TrainOptions]):
    assert main([module, *WORKS]) == 0
    kind = {"map": MapOptions, "edit": EditOptions, "frame": FrameOptions}[module]
    assert asked == [kind(run=Path("run"), online="demo", minutes=2.0)]


def test_flags_beat_the_file_and_the_file_beats_defaults(asked: list[TrainOptions]):
    Path("my.toml").write_text(
        "batch-size = 8\nsize = 64\nminutes = 3\nonline = 'demo'\ncompile = true\nfamilies = ['cloth']"
    )
    assert main(["map", "run", "--config", "my.toml", "--size", "128", "--no-compile"]) == 0
    assert asked == [
        MapOptions(run=Path("run"), online="demo", minutes=3.0, batch_size=8, size=128, families=("cloth",))
    ]  # --size 128 is the default's value, and given all the same


def test_a_budget_on_the_command_line_takes_the_place_of_the_files(asked: list[TrainOptions]):
    Path("my.toml").write_text("minutes = 3\nonline = 'demo'")
    assert main(["map", "run", "--config", "my.toml", "--images", "64", "--data", "built"]) == 0
    assert asked == [MapOptions(run=Path("run"), data=Path("built"), images=64)]


def test_two_budgets_in_a_file_are_refused(capsys: pytest.CaptureFixture[str]):
    Path("my.toml").write_text("minutes = 3\nimages = 64\nonline = 'demo'")
    assert main(["map", "run", "--config", "my.toml"]) == 2
    assert "--images and --minutes" in capsys.readouterr().err


def test_a_printed_configuration_gives_the_same_run_again(
    asked: list[TrainOptions], capsys: pytest.CaptureFixture[str]
):
    Path('a "quoted" näme').mkdir()
    given = [
        *("edit", "run", "--online", "demo", "--epochs", "0.5", "--set", "worn=proper", "--jitter"),
        *("--holdout-families", "gaiter", "--templates", 'a "quoted" näme', "--learning-rate", "2e-05"),
    ]
    assert main([*given, "--print-config"]) == 0
    text = capsys.readouterr().out
    assert not asked
    Path("printed.toml").write_text(text)
    assert main(["edit", "run", "--config", "printed.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == text
    assert main(given) == main(["edit", "run", "--config", "printed.toml"]) == 0
    first, again = asked
    assert first == replace(again, templates=first.templates)
    assert again.templates == (Path('a "quoted" näme').absolute(),)


def test_a_printed_configuration_names_what_is_unset(capsys: pytest.CaptureFixture[str]):
    assert main(["map", *WORKS, "--print-config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# unmask-train map RUN --config FILE"
    assert "# learning_rate =" in lines
    assert "minutes = 2.0" in lines
    assert printed_config(["map", *WORKS], capsys)["preset"] == "pretrained"


@pytest.mark.parametrize("text", ["", "a\nb", "\x7f", "\\", '"', "'", "Æ😀", "#"])
def test_any_text_survives_the_file(text: str):
    options = MapOptions(Path("run"), online=text, minutes=1.0)
    Path("my.toml").write_text(write_config(options, "unmask-train map"), encoding="utf-8")
    assert read_config(Path("my.toml"), MapOptions)["online"] == text


def test_the_end_is_told_with_the_next_command(asked: list[TrainOptions], capsys: pytest.CaptureFixture[str]):
    assert main(["map", "my run", *WORKS[1:]]) == 0
    out, err = capsys.readouterr()
    assert "finished: 96 images in 3 steps, 1.0 minutes" in out
    assert "val_iou  0.5000" in out
    assert "unmask-train export 'my run' OUT.onnx" in out
    assert err == "one line about --batch-size\n"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_where_it_resumes(
    number: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    stopped = SimpleNamespace(
        stopped="interrupted", signal=number, steps=3, images=96, seconds=60.0, metrics={}
    )
    stub_modules(monkeypatch, train=lambda options: stopped)
    assert main(["edit", *WORKS]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "stopped after 96 images in 3 steps, 1.0 minutes; the same command resumes from run/last\n"


def test_only_the_first_process_of_torchrun_speaks(
    asked: list[TrainOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("RANK", "1")
    assert main(["map", *WORKS]) == 0
    assert capsys.readouterr().out == ""


def test_dry_run_prints_what_it_found_and_trains_nothing(
    asked: list[TrainOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    seen: list[TrainOptions] = []

    def found(options: TrainOptions) -> dict[str, str]:
        seen.append(options)
        return {"images/s": "12.5"}

    stub_modules(monkeypatch, dry_run=found)
    assert main(["edit", *WORKS, "--dry-run"]) == 0
    assert capsys.readouterr().out.splitlines() == ["images/s  12.5", "dry run: nothing was written to RUN"]
    assert seen == [EditOptions(run=Path("run"), online="demo", minutes=2.0)]
    assert not asked


def test_export_gets_run_file_and_size(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    got = []

    def exported(*given: object) -> float:
        got.append(given)
        return 0.25

    module = SimpleNamespace(export_onnx=exported)
    monkeypatch.setitem(sys.modules, "unmask.model.export.onnx_file", module)
    assert main(["export", "run", "out.onnx", "--size", "64"]) == 0
    assert got == [("run", Path("out.onnx"), 64, None)]
    assert capsys.readouterr().out.splitlines() == [
        "run -> out.onnx",
        "beside torch on portraits of 64x64 and 178x218: largest difference 0.250/255",
    ]
    assert main(["export", "run", "out.onnx", "--int8", "dataset"]) == 0
    assert got[1] == ("run", Path("out.onnx"), 128, Path("dataset"))
    assert capsys.readouterr().out.splitlines()[1] == (
        "beside torch on other pictures of dataset: mean difference 0.25/255"
    )
    assert main(["export", "run", "out.safetensors", "--int8", "dataset"]) == 2
    assert "--int8: out.safetensors is no .onnx" in capsys.readouterr().err


def test_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    stub_modules(monkeypatch, train=broken)
    with pytest.raises(ZeroDivisionError):
        main(["map", *WORKS])


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]):
    assert main([]) == 2
    assert "Commands:\n" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["map"], ["edit"], ["export"]])
def test_help_is_there(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main([*arguments, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: unmask-train")
    assert ("[default: 128]" in out) and ("--init-from" in out or arguments == ["export"])
    assert "Traceback" not in out


def test_read_config_wants_the_kind_that_a_key_belongs_to():
    Path("my.toml").write_text("map = 'mapper'\npredicted_share = 1")
    assert read_config(Path("my.toml"), EditOptions) == {"map_run": Path("mapper"), "predicted_share": 1.0}
    with pytest.raises(UserError, match="unknown key map;"):
        read_config(Path("my.toml"), MapOptions)
