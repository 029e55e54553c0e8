"""Who judges a report: its networks' names and hashes, LPIPS on demand, and reports that another one judged."""

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from eval_support import evaluate, write_module
from lpips_support import made_up, saved

from unmask.cli.eval import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.open_picture import open_file
from unmask.datagen.pictures.picture import fit_picture
from unmask.model.evaluation.options import EvalOptions
from unmask.model.networks.lpips import load_lpips
from unmask.model.networks.perceptual import load_perceptual


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("lpips"), made_up())


@pytest.fixture(scope="module")
def judged(built_once: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> EvalOptions:
    """The options of a finished report on two small pictures, which tests must not change."""
    folder = tmp_path_factory.mktemp("judged")
    options = EvalOptions(
        built_once, folder / "report", None, str(write_module(folder / "edit", "edit")),
        split="all", limit=2, size=64, device="cpu", identity=False, lpips=weights,
    )  # fmt: skip
    evaluate(options)
    return options


def test_lpips_is_that_of_the_pictures_on_disk(judged: EvalOptions, weights: Path):
    rows = pd.read_csv(judged.out / "metrics.csv", dtype={"key": str})
    row = rows.iloc[0]
    network = load_lpips(weights)
    clean = next((judged.data / "clean").glob(f"{row.key[:-3]}.*"))
    a, b = (
        torch.from_numpy(fit_picture(open_file(path), (64, 64))).permute(2, 0, 1)[None].float() / 127.5 - 1
        for path in (judged.data / "masked" / f"{row.key}.png", clean)
    )
    assert row.nothing_lpips == pytest.approx(float(network(a, b)), rel=1e-4)
    mask = fit_picture(open_file(judged.data / "map" / f"{row.key}.png"), (64, 64))[..., 0] >= 128
    inside = torch.from_numpy(mask.astype(np.float32))[None, None]
    assert row.nothing_mask_lpips == pytest.approx(float(network(a, b, inside)), rel=1e-4)


def test_a_report_names_its_judges_which_are_not_what_trainings_look_through(judged: EvalOptions):
    settings = json.loads((judged.out / "summary.json").read_text())["settings"]
    assert settings["perceptual"].startswith("EfficientNet-lite2")
    assert settings["perceptual"] != load_perceptual(None).name
    assert settings["lpips"].startswith("LPIPS 0.1 on AlexNet (lpips.pth")
    page = (judged.out / "report.html").read_text(encoding="utf-8")
    assert settings["perceptual"] in page and "LPIPS" in page


def test_distances_of_another_judge_are_not_compared(
    judged: EvalOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    other = tmp_path / "older"
    other.mkdir()
    (other / "metrics.csv").write_bytes((judged.out / "metrics.csv").read_bytes())
    summary = json.loads((judged.out / "summary.json").read_text())
    del summary["settings"]["perceptual"]  # as the first versions wrote it
    (other / "summary.json").write_text(json.dumps(summary))
    with caplog.at_level(logging.INFO, "unmask"):
        evaluate(replace(judged, out=tmp_path / "report", compare=other))
    assert "older: perceptual distance was measured in another network: not compared" in caplog.text
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    compared = page[page.index('id="comparison"') :]
    table = compared[: compared.index("</table>")]
    assert "LPIPS" in table and "erceptual distance" not in table


def test_a_report_of_another_judge_is_not_gone_on_with(judged: EvalOptions, tmp_path: Path):
    options = replace(judged, out=tmp_path / "report", limit=1)
    evaluate(options)
    card = json.loads((options.out / ".eval.json").read_text())
    (options.out / ".eval.json").write_text(json.dumps(card | {"judge": "other"}))
    with pytest.raises(UserError, match=r"holds a report of another configuration: .*judging network"):
        evaluate(options)
    with pytest.raises(UserError, match="lpips"):
        evaluate(replace(options, lpips=None))


def test_weights_of_another_network_are_one_line_before_any_picture(
    judged: EvalOptions, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    torch.save({"a": torch.zeros(1)}, tmp_path / "other.pth")
    command = [str(judged.data), "--edit", str(judged.edit_module), "--out", str(tmp_path / "report")]
    assert main([*command, "--lpips", str(tmp_path / "other.pth")]) == 2
    assert capsys.readouterr().err.startswith(
        f"error: --lpips {tmp_path / 'other.pth'}: no tensor lin0.model.1.weight"
    )
    assert main([*command, "--lpips", str(tmp_path / "none.pth")]) == 2
    assert main([*command, "--lpips", str(tmp_path / "other.pth"), "--no-features"]) == 2
    assert "goes with --features" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
