"""What the toolkit reads of itself and cannot be: cards of models, coverage, seeds, columns, devices."""

import json
import shutil
from pathlib import Path

import pytest
from eval_support import evaluate, write_module

from unmask.cli import data, train
from unmask.cli import eval as eval_cli
from unmask.datagen.common.errors import UserError
from unmask.datagen.dataset.manifest import iterate_manifest
from unmask.datagen.dataset.verify import verify
from unmask.model.checkpoints.checkpoint import load_model
from unmask.model.evaluation import items
from unmask.model.evaluation.options import EvalOptions
from unmask.model.evaluation.systems import SYSTEM_NAMES


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_module(tmp_path_factory.mktemp("modules") / "map", "map")


@pytest.mark.parametrize("size", [0, -16, 1, 17, 48, 1 << 20, "64", 64.0, None, True, [64]])
def test_a_card_of_an_impossible_size_is_one_line(module: Path, tmp_path: Path, size: object):
    refused(module, tmp_path, lambda card: card.update(size=size))


@pytest.mark.parametrize("width", [-1, 7, 10**9, "8", 8.0, None, [8]])
def test_a_card_of_an_impossible_width_is_one_line_before_the_network_is_built(
    module: Path, tmp_path: Path, width: object
):
    refused(module, tmp_path, lambda card: card["network"].update(width=width))


@pytest.mark.parametrize("deeper", [-1, 33, 10**9, "2", 1.5, None])
def test_a_card_of_an_impossible_depth_is_one_line_before_the_network_is_built(
    module: Path, tmp_path: Path, deeper: object
) -> None:
    refused(module, tmp_path, lambda card: card["network"].update(deeper=deeper))


@pytest.mark.parametrize("name", ["kind", "name", "width"])
def test_a_card_without_part_of_its_network_is_one_line(module: Path, tmp_path: Path, name: str):
    refused(module, tmp_path, lambda card: card["network"].pop(name))


def refused(module: Path, tmp_path: Path, change) -> None:
    shutil.copytree(module, tmp_path / "map")
    path = tmp_path / "map" / "model.json"
    card = json.loads(path.read_bytes())
    change(card)
    path.write_text(json.dumps(card))
    with pytest.raises(UserError, match=r"model\.(json|safetensors): not "):
        load_model(tmp_path / "map", "map")


@pytest.mark.parametrize("coverage", ["nan", "inf", "-inf"])
def test_a_coverage_that_is_no_number_is_a_problem(built_once: Path, tmp_path: Path, coverage: str):
    out = tmp_path / "out"
    shutil.copytree(built_once, out)
    row = next(iterate_manifest(out / "manifest.csv"))
    table = out / "manifest.csv"
    table.write_text(table.read_text().replace(f",{row.coverage:.5f},", f",{coverage},", 1))
    problems = verify(out)
    assert [problem.where for problem in problems] == ["manifest.csv"]
    assert f"line 2: coverage: {coverage!r} is no number" in problems[0].message


def test_a_column_that_is_twice_in_a_manifest_is_named(built_once: Path, tmp_path: Path):
    table = tmp_path / "manifest.csv"
    text = (built_once / "manifest.csv").read_text()
    table.write_text(text.replace("attr_Arched_Eyebrows", "attr_5_o_Clock_Shadow", 1))
    with pytest.raises(UserError, match="two columns are called 'attr_5_o_Clock_Shadow'"):
        list(iterate_manifest(table))


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "new", "--seed", "-1"],
        ["preview", "{built}", "--seed", "-1", "--out", "sheet.png"],
        ["stats", "{built}", "--out", "new", "--seed", "-1"],
    ],
)
def test_a_seed_below_zero_is_refused_everywhere(
    built_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, arguments: list[str]
):
    monkeypatch.chdir(tmp_path)
    assert data.main([argument.format(built=built_once) for argument in arguments]) == 2
    assert "error: --seed -1: expected at least 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("by", ["", ",", " "])
def test_by_that_names_nothing_is_one_line(built_once: Path, tmp_path: Path, capsys, by: str):
    arguments = [str(built_once), "--map", "shipped", "--out", str(tmp_path / "r"), "--by", by]
    assert eval_cli.main(arguments) == 2
    assert "error: --by: names nothing" in capsys.readouterr().err


@pytest.mark.parametrize("column", ["pipe_psnr", "map_iou", "mean_face_mask_ssim", "width", "lightness"])
def test_a_column_of_tags_that_is_called_as_one_of_the_report_is_refused(
    built_once: Path, tmp_path: Path, module: Path, column: str
):
    tags = tmp_path / "tags.csv"
    tags.write_text(f"key,{column}\n000001_00,long\n")
    options = EvalOptions(data=built_once, out=tmp_path / "r", map_module=str(module), tags=tags, split="all")
    with pytest.raises(UserError, match=rf"tags .*: the column {column} has the name"):
        evaluate(options)
    assert not (tmp_path / "r").exists()


def test_the_names_of_the_reports_own_columns_are_those_of_its_systems():
    assert set(items.SCORED) == {"map", *SYSTEM_NAMES}


@pytest.mark.parametrize("device", ["mps", "cuda:99"])
def test_a_device_that_is_not_here_is_one_line(tmp_path: Path, capsys, device: str):
    arguments = ["map", str(tmp_path / "run"), "--online", "demo", "--images", "8", "--device", device]
    assert train.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --device ")
    assert not (tmp_path / "run").exists()


def test_a_torn_part_of_a_report_is_made_again(built_once: Path, tmp_path: Path, module: Path):
    options = EvalOptions(
        data=built_once,
        out=tmp_path / "r",
        map_module=str(module),
        split="all",
        limit=2,
        identity=False,
        features=False,
    )
    whole = evaluate(options).summary["means"]
    part = next((tmp_path / "r" / ".parts").iterdir())
    part.write_bytes(part.read_bytes()[:500])
    assert evaluate(options).summary["means"] == whole
