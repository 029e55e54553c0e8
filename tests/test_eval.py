import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from eval_support import evaluate, write_module
from picture_scores import psnr, ssim

from unmask.cli.eval import _print_result, main
from unmask.datagen.common.errors import UserError
from unmask.model.evaluation import evaluate as evaluate_module
from unmask.model.evaluation.items import open_eval_set
from unmask.model.evaluation.options import EvalOptions
from unmask.model.metrics.metrics import score_map

FILES = ("metrics.csv", "breakdown.csv", "summary.json", "report.html")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("modules")
    return str(write_module(folder / "map", "map")), str(write_module(folder / "edit", "edit"))


def without_slow_parts(data: Path, out: Path, modules: tuple[str, str]) -> EvalOptions:
    """Both modules on twelve triplets of drawn faces."""
    return EvalOptions(
        data, out, *modules, split="all", batch_size=5, device="cpu", identity=False, features=False
    )


@pytest.fixture
def options(built_once: Path, modules: tuple[str, str], tmp_path: Path) -> EvalOptions:
    return without_slow_parts(built_once, tmp_path / "report", modules)


@pytest.fixture(scope="module")
def first(built_once: Path, modules: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of `options`, made once; tests must not change it."""
    out = tmp_path_factory.mktemp("plain") / "first"
    evaluate(without_slow_parts(built_once, out, modules))
    return out


@pytest.fixture(scope="module")
def full(built_once: Path, modules: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything on four pictures; tests must not change it."""
    out = tmp_path_factory.mktemp("full") / "report"
    evaluate(
        EvalOptions(built_once, out, *modules, split="all", limit=4, device="cpu", by=(("Male", "worn"),))
    )
    return out


def table(report: Path) -> pd.DataFrame:
    return pd.read_csv(report / "metrics.csv", dtype={"key": str})


def test_scores_are_those_of_the_pictures_on_disk(first: Path, built_once: Path) -> None:
    row = table(first).iloc[0]
    read = {
        part: cv2.imread(str(built_once / part / name), cv2.IMREAD_COLOR_RGB)
        for part, name in (("masked", f"{row.key}.png"), ("map", f"{row.key}.png"))
    }
    clean_path = next((built_once / "clean").glob(f"{row.key[:-3]}.*"))
    clean = cv2.imread(str(clean_path), cv2.IMREAD_COLOR_RGB)
    mask = read["map"][..., 0] >= 128
    assert row.nothing_psnr == pytest.approx(psnr(read["masked"], clean), abs=1e-3)
    assert row.nothing_ssim == pytest.approx(ssim(read["masked"], clean), abs=1e-4)
    assert row.nothing_mask_psnr == pytest.approx(psnr(read["masked"], clean, mask), abs=1e-3)
    assert row.coverage == pytest.approx(mask.mean(), abs=1e-4)


def test_a_perfect_map_scores_one_and_another_size_is_what_the_networks_see(
    options: EvalOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = np.zeros((64, 64), np.uint8)
    truth[20:40, 20:40] = 255
    assert score_map(truth, truth).iou == 1
    evaluate(options, size=64, limit=3)
    rows = table(options.out)
    assert set(rows["width"]) == set(rows["height"]) == {64}


def test_every_file_is_there_and_knows_the_same_pictures(full: Path) -> None:
    assert all((full / name).stat().st_size > 0 for name in FILES)
    summary = json.loads((full / "summary.json").read_text(encoding="utf-8"))
    rows = table(full)
    assert summary["data"]["pictures"] == len(rows) == 4
    for column in ("edit_psnr", "pipe_mask_ssim", "map_iou", "nearest_psnr", "edit_mask_perceptual"):
        assert summary["means"][column]["mean"] == pytest.approx(rows[column].mean(), rel=1e-4)
    assert {system["id"] for system in summary["systems"]} >= {"edit", "pipe", "nothing", "nearest", "telea"}
    assert set(summary["kid"]["edit"]) == {"whole", "mask"}
    assert summary["kid"]["edit"]["whole"]["mean"] > 0
    assert rows["nothing_identity"].between(0, 2).all()
    assert "Male yes, worn" in (full / "breakdown.csv").read_text(encoding="utf-8") or "crossing" in (
        full / "breakdown.csv"
    ).read_text(encoding="utf-8")


def test_the_page_asks_nobody_for_anything(full: Path) -> None:
    page = (full / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/", "")
    assert "https://" not in page


@pytest.mark.parametrize("module", ["map", "edit"])
def test_either_module_is_judged_alone(options: EvalOptions, module: str) -> None:
    other = {"map": "edit_module", "edit": "map_module"}[module]
    evaluate(options, **{other: None}, limit=2)
    columns = set(table(options.out).columns)
    assert ("map_iou" in columns) == (module == "map")
    assert ("edit_psnr" in columns) == (module == "edit")
    assert "pipe_psnr" not in columns


def test_killed_and_started_again_it_gives_the_same_rows(
    options: EvalOptions, first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = []

    def stopping(evaluation: evaluate_module.Evaluation, start: int, pool: object) -> object:
        if len(batches) == 2:
            raise KeyboardInterrupt
        batches.append(start)
        return run_batch(evaluation, start, pool)  # type: ignore[arg-type]

    run_batch = evaluate_module.Evaluation.run_batch
    with monkeypatch.context() as patch:
        patch.setattr(evaluate_module.Evaluation, "run_batch", stopping)
        with pytest.raises(KeyboardInterrupt):
            evaluate(options)
    assert not (options.out / "metrics.csv").exists()
    done = []

    def noting(evaluation: evaluate_module.Evaluation, start: int, pool: object) -> object:
        done.append(start)
        return run_batch(evaluation, start, pool)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluate_module.Evaluation, "run_batch", noting)
    evaluate(options)
    assert done == [10]
    assert (options.out / "metrics.csv").read_bytes() == (first / "metrics.csv").read_bytes()


def test_the_same_command_again_does_no_picture_again_and_writes_the_same(
    options: EvalOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate(options, limit=3)
    before = {name: (options.out / name).read_bytes() for name in FILES}
    monkeypatch.setattr(evaluate_module.Evaluation, "run_batch", None)
    evaluate(options, limit=3)
    assert {name: (options.out / name).read_bytes() for name in FILES} == before


def test_identity_can_be_added_later(options: EvalOptions) -> None:
    evaluate(options, limit=2)
    assert "edit_identity" not in table(options.out)
    evaluate(options, limit=2, identity=True)
    assert table(options.out)["edit_identity"].between(0, 2).all()


def test_a_comparison_with_itself_has_no_difference(
    options: EvalOptions, first: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(first, options.out)
    result = evaluate(options, compare=first)
    page = (options.out / "report.html").read_text(encoding="utf-8")
    comparison = json.loads((options.out / "summary.json").read_text(encoding="utf-8"))["comparison"]
    count = len(comparison["rows"])
    verdict = f"better in 0 of {count} scores, worse in 0, no difference shown in {count} (12 pictures"
    assert comparison["verdict"].startswith(verdict)
    assert f"This one is {verdict}" in page
    assert {row["verdict"] for row in comparison["rows"]} == {"no difference shown"}
    _print_result(result)
    printed = capsys.readouterr().out
    assert "against first" in printed
    assert verdict in " ".join(printed.split())


def test_variants_of_a_face_and_pictures_of_a_person_are_counted_as_one(first: Path) -> None:
    summary = json.loads((first / "summary.json").read_text(encoding="utf-8"))
    rows = table(first)
    assert summary["data"]["clusters"] == rows["identity"].nunique() < len(rows)
    assert summary["data"]["clustered_by"] == "people"
    assert summary["means"]["map_iou"]["clusters"] == summary["data"]["clusters"]
    breakdown = pd.read_csv(first / "breakdown.csv")
    assert (breakdown["clusters"] <= breakdown["n"]).all()
    assert (breakdown["clusters"] < breakdown["n"]).any()


def test_pictures_of_another_size_have_no_mean_face(
    options: EvalOptions, built_once: Path, tmp_path: Path
) -> None:
    shutil.copytree(built_once, tmp_path / "data")
    options = replace(options, data=tmp_path / "data", limit=3, identity=True, features=True)
    stem = open_eval_set(options).items[0].key[:-3]
    for path in (tmp_path / "data").glob(f"[mc]*/{stem}*"):
        cv2.imwrite(str(path), cv2.resize(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), (96, 120)))
    evaluate(options)
    rows = table(options.out)
    assert rows["nearest_psnr"].notna().all()
    assert rows["edit_identity"].notna().all()
    assert set(rows["width"]) == {96, 178}


def test_photographs_with_maps_judge_a_map_module(modules: tuple[str, str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in ("images", "maps"):
        (tmp_path / "photos" / part).mkdir(parents=True)
    for name, shape in (("a", (90, 70)), ("b", (50, 120))):
        cv2.imwrite(str(tmp_path / f"photos/images/{name}.jpg"), rng.integers(0, 255, (*shape, 3), np.uint8))
        map_ = np.zeros(shape, np.uint8)
        map_[20:40, 20:50] = 255
        cv2.imwrite(str(tmp_path / f"photos/maps/{name}.png"), map_)
    evaluate(EvalOptions(tmp_path / "photos", tmp_path / "report", map_module=modules[0], device="cpu"))
    rows = table(tmp_path / "report")
    assert rows["map_iou"].between(0, 1).all()
    assert not [name for name in rows.columns if name.endswith("psnr")]


def test_a_report_of_other_weights_is_not_resumed(options: EvalOptions, tmp_path: Path) -> None:
    evaluate(options, limit=2)
    other = str(write_module(tmp_path / "other", "map", seed=5))
    with pytest.raises(UserError, match=r"^out .*a report of another configuration: another `map_module`;"):
        evaluate(options, limit=2, map_module=other)
    evaluate(options, limit=2, map_module=other, existing="overwrite")
    with pytest.raises(UserError, match="`existing` fail"):
        evaluate(options, limit=2, existing="fail")


def test_overwriting_a_report_spares_what_it_did_not_write(options: EvalOptions, tmp_path: Path) -> None:
    evaluate(options, limit=2)
    mine = (".parts/mine.npz", ".parts/scores.npz", "figures/a.png", "notes.csv")
    for name in mine:
        (options.out / name).parent.mkdir(exist_ok=True)
        (options.out / name).write_bytes(b"precious")
    evaluate(options, limit=1, existing="overwrite")
    assert all((options.out / name).read_bytes() == b"precious" for name in mine)
    assert len(table(options.out)) == 1
    (options.out / ".parts").rename(tmp_path / "elsewhere")
    (options.out / ".parts").symlink_to(tmp_path / "elsewhere")
    before = sorted(path.name for path in (tmp_path / "elsewhere").iterdir())
    for existing in ("resume", "overwrite"):
        with pytest.raises(UserError, match=r"^out .*: \.parts is a link that leads out"):
            evaluate(options, limit=1, existing=existing)
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == before


def test_a_folder_of_something_else_is_not_written_to(options: EvalOptions) -> None:
    options.out.mkdir()
    (options.out / "thesis.tex").write_text("all of it", encoding="utf-8")
    with pytest.raises(UserError, match="no report of this toolkit"):
        evaluate(options, existing="overwrite")
    assert [path.name for path in options.out.iterdir()] == ["thesis.tex"]


def test_a_model_that_gives_no_numbers_is_named(options: EvalOptions, tmp_path: Path) -> None:
    def spoil(weights: dict[str, torch.Tensor]) -> None:
        weights["head.bias"].fill_(float("nan"))

    bad = str(write_module(tmp_path / "bad", "edit", change=spoil))
    with pytest.raises(UserError, match="the Editing Module's output is not finite"):
        evaluate(options, edit_module=bad)


@pytest.mark.parametrize("below", [".", "masked/x", "clean/rep"])
def test_no_report_lies_in_the_dataset_that_it_judges(
    options: EvalOptions, tmp_path: Path, below: str
) -> None:
    replace(options, out=options.data.parent / "report").validate()
    with pytest.raises(UserError, match=r"^out .*: lies inside `data` .*; name a folder elsewhere"):
        replace(options, out=options.data / below).validate()
    replace(options, data=tmp_path, out=tmp_path / "report").validate()  # a plain folder of photographs


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument"),
        (["DATA"], "Missing option '--out'"),
        (["DATA", "--out", "r"], "give --map RUN, --edit RUN or both"),
        (["nowhere", "--out", "r", "--map", "MAP"], "DATA nowhere: no such file or folder"),
        (["DATA", "--out", "r", "--map", "nowhere"], "--map nowhere: nowhere: no such file or folder"),
        (["DATA", "--out", "r", "--map", "EDIT"], "expected a Map Module"),
        (["DATA", "--out", "r", "--edit", "MAP"], "--edit"),
        (["DATA", "--out", "r", "--map", "MAP", "--split", "best"], "--split best: expected one of"),
        (["DATA", "--out", "r", "--map", "MAP", "--batch-size", "0"], "--batch-size 0: expected at least 1"),
        (["DATA", "--out", "r", "--map", "MAP", "--split", "all", "--by", "Tall,Male"], "--by Tall: no such"),
        (
            ["DATA", "--out", "r", "--map", "MAP", "--split", "all", "--compare", "DATA"],
            "not a finished report",
        ),
        (["DATA", "--out", "r", "--map", "MAP", "--size", "50"], "--size 50: expected a multiple of 16"),
        (["DATA", "--out", "r", "--map", "MAP", "--device", "tpu"], "--device tpu: not available here"),
    ],
)
def test_what_a_person_can_mend_is_one_line_before_any_work(
    arguments: list[str],
    words: str,
    built_once: Path,
    modules: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"DATA": str(built_once), "MAP": modules[0], "EDIT": modules[1]}
    assert main([places.get(word, word) for word in arguments]) == 2
    printed = capsys.readouterr()
    lines = printed.err.strip().splitlines()
    assert words in lines[-1] or words in printed.out
    assert not (tmp_path / "r/metrics.csv").exists()


def test_the_command_prints_the_systems_and_where_the_page_is(
    built_once: Path,
    modules: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["unmask-eval", "..."])
    arguments = [str(built_once), "--map", modules[0], "--edit", modules[1], "--out", str(tmp_path / "r")]
    assert main([*arguments, "--split", "all", "--no-identity", "--no-features"]) == 0
    printed = capsys.readouterr()
    for words in ("both modules", "nearest pixel", "IoU of the maps", "report.html"):
        assert words in printed.out
    table_lines = [
        line for line in printed.out.splitlines() if line.startswith("\N{BOX DRAWINGS LIGHT VERTICAL}")
    ]
    assert max(map(len, table_lines)) <= 80
    assert any(re.search(r"\d\.\d - \d+\.\d ", line) for line in table_lines)  # in one piece
    assert "12/12 pictures" in printed.err


def test_ctrl_c_says_that_the_same_command_resumes(
    built_once: Path,
    modules: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unmask.model.evaluation.run.run_evaluation", stop)
    assert main([str(built_once), "--map", modules[0], "--out", str(tmp_path / "r")]) == 130
    assert capsys.readouterr().err == "stopped; the same command resumes\n"


def test_mean_faces_come_from_the_training_split_only(
    built_once: Path, drawn_celeba: Path, options: EvalOptions, tmp_path: Path
) -> None:
    result = evaluate(options, split="test" if "test" in splits(built_once) else "all", train=None, limit=2)
    assert any("mean face" in note for note in result.summary["notes"])
    shutil.copytree(drawn_celeba, tmp_path / "all_train")
    partition = tmp_path / "all_train/list_eval_partition.txt"
    lines = [line.rsplit(" ", 1)[0] + " 0" for line in partition.read_text(encoding="utf-8").splitlines()]
    partition.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if "test" in splits(built_once):
        with pytest.raises(UserError, match="is in its training split and among the evaluated"):
            evaluate(replace(options, out=tmp_path / "r2", split="test"), train=str(tmp_path / "all_train"))


def table_of_manifest(dataset: Path) -> pd.DataFrame:
    return pd.read_csv(dataset / "manifest.csv", dtype={"key": str})


def splits(dataset: Path) -> set[str]:
    return set(pd.read_csv(dataset / "manifest.csv", usecols=["split"])["split"].dropna())
