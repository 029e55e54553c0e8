"""The chain of trainings by a plan: done once, gone on with after any end, exported, judged, written down."""

import importlib
import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from train_support import narrow_presets, stopping_in

from unmask.cli import train as train_cli
from unmask.model.checkpoints.checkpoint import load_model

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
PLAN = """
[all]
precision = "fp32"
device = "cpu"
size = 64
batch_size = 2
workers = 0
limit = 8
val_pictures = 3
cache = "CACHE"

[find]
module = "map"
images = 8
seed = 5

[plain]
module = "edit"
images = 8
map = "find"

[sharp]
module = "edit"
preset = "perceptual"
images = 4
init_from = "plain"
map = "find"
export = "last"
average = ["plain"]

[sharp.losses]
ssim = 2.0

[evaluation]
size = 64
limit = 3
identity = false
features = false
"""


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        narrow_presets(patch)
        yield importlib.import_module("train_weights")
    sys.modules.pop("train_weights", None)


@pytest.fixture(scope="module")
def plan(face_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN.replace("CACHE", face_cache.as_posix()))
    return path


@pytest.fixture(scope="module")
def done(script: ModuleType, plan: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a whole chain leaves; tests must not change it."""
    out = tmp_path_factory.mktemp("chain") / "out"
    assert script.main([str(plan), "demo", str(out)]) == 0
    return out


def weights(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((out / "weights").glob("*.safetensors"))}


def test_every_training_is_exported_and_can_be_used(done: Path):
    assert list(weights(done)) == ["find.safetensors", "plain.safetensors", "sharp.safetensors"]
    for name, kind, images in (("find", "map", 8), ("plain", "edit", 8), ("sharp", "edit", 4)):
        _, card = load_model(done / "weights" / f"{name}.safetensors", kind)
        assert card["images"] == images
    assert [part["images"] for part in card["average_of"]] == [4, 8]
    config = json.loads((done / "sharp" / "config.json").read_text())["options"]
    assert config["init_from"] == str(done / "weights" / "plain.safetensors")
    assert config["losses"]["ssim"] == 2.0


def test_the_card_has_a_row_for_every_training_and_every_system(done: Path):
    card = (done / "card.md").read_text()
    assert "| find | map compact | 8 | 0.0 | 5 |" in card
    for row in ("`plain`, true maps", "`sharp`, predicted maps", "nearest pixel", "Map Module | IoU "):
        assert f"| {row}" in card
    widths = {line.count("|") for line in card.split("\n\n")[1].splitlines()}
    assert len(widths) == 1
    command = json.loads((done / "report-plain" / "summary.json").read_text())["command"]
    assert command.startswith("unmask-eval ") and "--edit" in command


def test_what_is_done_is_not_done_again(
    script: ModuleType,
    plan: Path,
    done: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    before = weights(done), (done / "card.md").read_text()
    monkeypatch.setattr(train_cli, "main", None)
    assert script.main([str(plan), "demo", str(done)]) == 0
    assert (weights(done), (done / "card.md").read_text()) == before
    printed = capsys.readouterr().out
    assert all(f"{name}: done before" in printed for name in ("find", "plain", "sharp"))
    assert printed.endswith(f"table: {done / 'card.md'}\n")


def test_stopped_in_the_middle_and_started_again_it_ends_with_the_same_weights(
    script: ModuleType, plan: Path, done: Path, tmp_path: Path
):
    text = plan.read_text()
    shorter = tmp_path / "plan.toml"
    shorter.write_text(text[: text.index("[plain]")] + text[text.index("[evaluation]") :])
    command = [str(shorter), "demo", str(tmp_path / "out")]
    with stopping_in(3):
        assert script.main(command) == 143
    assert not (tmp_path / "out" / "weights").exists()
    assert script.main(command) == 0
    assert weights(tmp_path / "out") == {"find.safetensors": weights(done)["find.safetensors"]}
    assert "| Map Module | IoU " in (tmp_path / "out" / "card.md").read_text()


def test_a_training_that_began_with_other_weights_is_said(
    script: ModuleType,
    plan: Path,
    done: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    shutil.copytree(done, tmp_path / "out")
    chain = script.Chain(script.read_plan(plan), "demo", None, tmp_path / "out")
    card = chain.weights("find").with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"sha256": "other"}))
    monkeypatch.setattr(train_cli, "main", None)
    assert chain.train("plain") == 0
    printed = capsys.readouterr().out
    assert (
        "note: plain began with other weights of find; remove" in printed and "plain: done before" in printed
    )
    shutil.rmtree(tmp_path / "out" / "plain")
    asked: list[list[str]] = []
    monkeypatch.setattr(train_cli, "main", lambda arguments: asked.append(arguments) or 130)
    assert chain.train("plain") == 130
    assert asked[0][:2] == ["edit", str(tmp_path / "out" / "plain")]


def test_when_the_hours_are_over_it_ends_well_and_says_how_to_go_on(
    script: ModuleType, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert script.main([str(plan), "demo", str(tmp_path / "out"), "--hours", "1e-9"]) == 0
    assert capsys.readouterr().out == "1e-09 hours are over (training find); the same command goes on\n"
    assert not (tmp_path / "out" / "find").exists()


def test_the_end_of_the_hours_reaches_a_training_at_work(
    script: ModuleType, plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def working(_: list[str]) -> int:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            return 130

    monkeypatch.setattr(train_cli, "main", working)
    kept = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert script.main([str(plan), "demo", str(tmp_path / "out"), "--hours", "1e-4"]) == 0
    finally:
        signal.signal(signal.SIGINT, kept)
    assert not list((tmp_path / "out").glob("*.done.json"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a]\nmodule = 'mop'\n", "[a]: module = 'mop': map or edit is needed"),
        ("[a]\nmodule = 'map'\nonline = 'x'\n", "[a]: online: not for a plan"),
        ("[a]\nmodule = 'map'\nimages = 8\nimage = 4\n", "unknown key image"),
        ("[a]\nmodule = 'edit'\nmap = 'b'\n[b]\nmodule = 'map'\n", "[a]: b is trained later"),
        ("[a]\nmodule = 'edit'\ninit_from = 'nobody'\n", "[a]: nobody: no training of the plan"),
        ("[a]\nmodule = 'map'\npreset = 'none'\n", "preset"),
        ("[evaluation]\nlimit = 3\n", "no table of a training"),
        ("[evaluation]\nlimits = 3\n", "[evaluation]: limits: not for a plan"),
        ("a = ", "cannot be read"),
    ],
)
def test_a_plan_that_makes_no_sense_is_one_line_before_any_work(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
):
    (tmp_path / "plan.toml").write_text(text)
    assert script.main([str(tmp_path / "plan.toml"), "demo", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and says in error and error.count("\n") == 1


@pytest.mark.parametrize("path", sorted((BENCHMARKS / "weights").glob("*.toml")), ids=lambda path: path.stem)
def test_the_plans_that_come_along_are_understood(script: ModuleType, path: Path, tmp_path: Path):
    chain = script.Chain(script.read_plan(path), "demo", None, tmp_path)
    script.check_flags(chain)
    assert chain.map_module() == "map" and chain.editing_modules() == ["fidelity", "perceptual"]
