"""Files of an evaluation that cannot be used: a row with a reason each, counted, and the others are judged."""

import io
import json
import os
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from eval_support import evaluate, write_module

from unmask.cli.eval import main
from unmask.datagen.common import read_file
from unmask.datagen.common.errors import UserError
from unmask.model.evaluation.options import EvalOptions


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("modules")
    return str(write_module(folder / "map", "map")), str(write_module(folder / "edit", "edit"))


@pytest.fixture
def data(built_once: Path, tmp_path: Path) -> Path:
    """Twelve triplets of drawn faces, to be spoilt."""
    shutil.copytree(built_once, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def plain(data: Path) -> Path:
    """The same as a plain folder."""
    for path in data.iterdir():
        path.unlink() if path.is_file() else None
    for path in list((data / "clean").iterdir()):
        path.rename(path.with_name(f"{path.stem}_00{path.suffix}"))
    return data


def options(data: Path, modules: tuple[str, str], **changes: object) -> EvalOptions:
    given = {
        "out": data.parent / "report",
        "split": "all",
        "batch_size": 5,
        "device": "cpu",
        "workers": 1,
        "identity": False,
        "features": False,
    } | changes
    return EvalOptions(data, map_module=modules[0], edit_module=modules[1], **given)  # type: ignore[arg-type]


def table(report: Path) -> pd.DataFrame:
    return pd.read_csv(report / "metrics.csv", dtype={"key": str, "reason": str}).set_index("key")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def fill(path: Path) -> None:
    path.write_bytes(b"not a picture")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def shrink(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((40, 32, 3), np.uint8))


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("part", "status"), [("masked", "unreadable"), ("map", "bad_map"), ("clean", "unreadable")]
)
def test_a_damaged_file_is_a_row_with_a_reason_and_the_others_are_judged(
    data: Path, modules: tuple[str, str], part: str, status: str
) -> None:
    paths = sorted((data / part).iterdir())
    spoilt = dict(zip(paths[:-1], [cut, replace_by_pipe, empty, shrink, replace_by_folder], strict=False))
    for path, spoil in spoilt.items():
        spoil(path)
    summary = evaluate(options(data, modules)).summary
    rows = table(data.parent / "report")
    stems = {path.stem: spoil for path, spoil in spoilt.items()}
    spoils = {key: stems.get(key, stems.get(key[:-3])) for key in rows.index}
    bad = rows[rows["status"] != "ok"]
    assert bad.index.tolist() == [key for key, spoil in spoils.items() if spoil]
    assert 0 < len(bad) < len(rows) == 12
    for key, said in bad.iterrows():
        if (part, spoils[str(key)]) == ("masked", shrink):  # the clean one is said not to fit it
            assert "its picture" in said["reason"]
        else:
            assert (said["status"], said["reason"].split("/")[0]) == (status, part)
    assert bad.filter(regex="_(iou|psnr)$").isna().all(axis=None)
    assert rows.drop(bad.index).filter(regex="_psnr$").notna().all(axis=None)
    assert summary["data"]["pictures"] == summary["means"]["edit_psnr"]["n"] == 12 - len(bad)
    assert summary["data"]["failed"] == {status: len(bad)}
    assert any("not scored, first" in note for note in summary["notes"])
    page = (data.parent / "report/report.html").read_text(encoding="utf-8")
    assert f"not scored: {len(bad)} {status.replace('_', ' ')}" in page
    assert f"{12 - len(bad)} pictures" in page


def test_the_others_scores_are_those_without_the_damaged_one(
    data: Path, modules: tuple[str, str], tmp_path: Path
) -> None:
    judged = {"features": True, "identity": True, "limit": 6, "batch_size": 2, "size": 64}
    whole = evaluate(options(data, modules, out=tmp_path / "whole", **judged))
    names = sorted((data / "masked").iterdir())
    for path in (names[0], *names[2:4]):  # the first one of all, and a whole batch
        fill(path)
    evaluate(options(data, modules, **judged))
    before, after = table(whole.out), table(data.parent / "report")
    good = [key for key in before.index if after.loc[key, "status"] == "ok"]
    assert len(good) == 3
    columns = [name for name in before.columns if re.search("_(iou|psnr|perceptual|identity)$", name)]
    assert len(columns) > 20
    np.testing.assert_allclose(after.loc[good, columns], before.loc[good, columns], rtol=1e-3, atol=1e-4)


def test_resumed_with_the_file_still_damaged_it_gives_the_same_and_mended_it_is_other_data(
    data: Path, modules: tuple[str, str]
) -> None:
    path = sorted((data / "clean").iterdir())[3]
    content = path.read_bytes()
    fill(path)
    evaluate(options(data, modules))
    first = (data.parent / "report/metrics.csv").read_bytes()
    evaluate(options(data, modules), by=(("Male",),))
    assert (data.parent / "report/metrics.csv").read_bytes() == first
    path.write_bytes(content)
    with pytest.raises(UserError, match="another configuration"):
        evaluate(options(data, modules))


def test_a_file_that_may_not_be_read_is_a_row(
    data: Path, modules: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = sorted((data / "map").iterdir())[2], read_file.open_file

    def refusing(given: Path) -> io.BufferedReader:
        if given == path:
            raise PermissionError(13, "Permission denied", str(given))
        return opened(given)

    monkeypatch.setattr(read_file, "open_file", refusing)
    evaluate(options(data, modules))
    bad = table(data.parent / "report").query("status != 'ok'")
    assert bad["reason"].tolist() == [f"map/{path.name}: cannot be read (Permission denied)"]


def test_maps_of_one_s_own_that_are_none_are_rows(plain: Path, modules: tuple[str, str]) -> None:
    names = sorted(path.stem for path in (plain / "clean").iterdir())[:3]
    first, second, third = (plain / f"map/{name}.png" for name in names)
    height, width = cv2.imread(str(first)).shape[:2]
    cv2.imwrite(str(first), np.zeros((height, width), np.uint8))
    cv2.imwrite(str(second), np.full((height, width), 255, np.uint8))
    ramp = np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1))
    cv2.imwrite(str(third), ramp)
    summary = evaluate(options(plain, modules)).summary
    rows = table(plain.parent / "report")
    assert rows.loc[names, "status"].tolist() == ["bad_map"] * 3
    assert summary["data"]["failed"] == {"bad_map": 3}
    assert summary["means"]["map_iou"]["n"] == len(rows) - 3


def test_where_nothing_can_be_used_one_line_says_why(
    data: Path, modules: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (data / "clean").iterdir():
        fill(path)
    arguments = [str(data), "--split", "all", "--map", modules[0], "--edit", modules[1], "--device", "cpu"]
    assert main([*arguments, "--out", str(data.parent / "report"), "--no-features", "--no-identity"]) == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert re.match(r"error: .*data: no picture can be used; first: .*clean/.*", last)
    maps_only = [str(data), "--split", "all", "--map", modules[0], "--device", "cpu", "--no-features"]
    for path in (data / "masked").iterdir():
        fill(path)
    assert main([*maps_only, "--out", str(data.parent / "other"), "--no-identity"]) == 2
    *_, last = capsys.readouterr().err.strip().splitlines()
    assert re.match(r"error: .*data: no picture can be used; first: masked/", last)


def test_a_damaged_photograph_counts_for_no_share(
    data: Path, modules: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("unmask.model.inference.face_finder.FaceFinder.find", lambda *_, **__: [])
    fill(sorted((data / "masked").iterdir())[0])
    bare = [str(data / "masked"), "--bare", "--map", modules[0], "--device", "cpu"]
    assert main([*bare, "--out", str(data.parent / "report")]) == 0
    summary = json.loads((data.parent / "report/summary.json").read_text(encoding="utf-8"))
    assert summary["pipeline"]["statuses"]["no_face"] == 11
    assert summary["pipeline"]["taken_off"]["n"] == 11
    assert "not scored    unreadable 1" in capsys.readouterr().out
