"""Photographs whose faces are looked for, and photographs of bare faces."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from eval_support import evaluate, write_module

from unmask.cli.eval import main
from unmask.datagen.common.errors import UserError
from unmask.datagen.pictures.arrays import U8
from unmask.model.evaluation import systems
from unmask.model.evaluation.options import EvalOptions
from unmask.model.inference.face_finder import FaceFinder
from unmask.model.inference.photo import NO_FACE, NO_MASK, OK, PhotoFace, Restored
from unmask.model.metrics.intervals import share_interval

SHAPE = (60, 48)
TRUTH = np.zeros(SHAPE, np.uint8)
TRUTH[30:50, 10:30] = 255
STATUSES = {"a": OK, "b": NO_MASK, "c": NO_FACE, "d": OK}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("modules")
    return str(write_module(folder / "map", "map")), str(write_module(folder / "edit", "edit"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four photographs, each of one grey level of its own, with maps and clean pictures."""
    for part in ("images", "maps", "clean"):
        (tmp_path / "photos" / part).mkdir(parents=True)
    for number, name in enumerate(STATUSES):
        clean = np.full((*SHAPE, 3), 40 * (number + 1), np.uint8)
        masked = np.where(TRUTH[..., None] > 0, np.uint8(255), clean)
        for part, image in (("images", masked), ("maps", TRUTH), ("clean", clean)):
            cv2.imwrite(str(tmp_path / f"photos/{part}/{name}.png"), image)
    return tmp_path / "photos"


@pytest.fixture
def whole_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of networks: finds three quarters of a mask in the first and last picture, and takes it off."""

    def restore(_: object, image: U8, map_: U8 | None = None) -> Restored:
        status = list(STATUSES.values())[int(image[0, 0, 0]) // 40 - 1]
        found = TRUTH.copy() if map_ is not None else np.zeros_like(TRUTH)
        if map_ is None and status == OK:
            found[30:45, 10:30] = 255
        done = np.where(found[..., None] > 0, image[0, 0], image).astype(np.uint8)
        faces = () if status == NO_FACE else (PhotoFace(np.eye(2, 3), 5.0, status),)
        return Restored(done, found, np.zeros_like(found), faces)

    monkeypatch.setattr(systems, "restore_photo", restore)


def options(photos: Path, modules: tuple[str, str], **changes: object) -> EvalOptions:
    given = {"device": "cpu", "features": False, "identity": False, **changes}
    return EvalOptions(photos, photos.parent / "report", *modules, **given)  # type: ignore[arg-type]


def table(report: Path) -> pd.DataFrame:
    return pd.read_csv(report / "metrics.csv", dtype={"key": str}).set_index("key")


@pytest.mark.usefixtures("whole_pipeline")
def test_a_photograph_without_a_face_is_a_row_with_a_status_and_counts_as_0(
    photos: Path, modules: tuple[str, str]
) -> None:
    summary = evaluate(options(photos, modules, frame=True)).summary
    rows = table(photos.parent / "report")
    assert rows["status"].to_dict() == STATUSES
    assert rows["map_iou"].tolist() == pytest.approx([0.75, np.nan, np.nan, 0.75], nan_ok=True)
    assert rows["map_pipeline_iou"].tolist() == [0.75, 0, 0, 0.75]
    assert summary["means"]["map_pipeline_iou"]["mean"] == 0.375
    assert summary["means"]["map_iou"]["mean"] == 0.75
    assert summary["pipeline"]["statuses"] == {
        OK: 2,
        NO_MASK: 1,
        "too_small": 0,
        "turned_away": 0,
        NO_FACE: 1,
    }
    assert (rows["edit_psnr"] == 100).all()
    assert rows["pipe_psnr"]["b"] == rows["nothing_psnr"]["b"] < rows["pipe_psnr"]["a"] < 100
    page = (photos.parent / "report/report.html").read_text(encoding="utf-8")
    assert "on 2 of 4 photographs (50.0 %, 15.0 to 85.0 %) a mask was found and taken off" in page
    assert "those without a map counted as 0, IoU is 0.375" in page


@pytest.mark.usefixtures("whole_pipeline")
def test_bare_faces_give_a_share_of_false_alarms(
    photos: Path, modules: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = photos.parent / "report"
    arguments = [str(photos / "clean"), "--bare", "--map", modules[0], "--device", "cpu", "--out", str(out)]
    assert main(arguments) == 0
    assert "false alarms  50.0% [15.0%, 85.0%] of the pictures" in capsys.readouterr().out
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["pipeline"]["bare"] is True
    assert summary["pipeline"]["taken_off"] == summary["means"]["map_false_alarm"]
    assert table(out)["map_false_alarm"].tolist() == [1, 0, 0, 1]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "on 2 of 4 photographs of bare faces (50.0 %, 15.0 to 85.0 %) a mask is taken off" in page
    assert page.count('alt="a: map on it"') == 2  # on the first screen, and among all alarms


def test_faces_are_looked_for_only_when_asked(
    photos: Path, modules: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FaceFinder, "find", None)
    evaluate(options(photos, (modules[0], None)))  # type: ignore[arg-type]
    assert "status" not in table(photos.parent / "report")
    with pytest.raises(TypeError):
        evaluate(options(photos, (modules[0], None), frame=True, existing="overwrite"))  # type: ignore[arg-type]


def test_a_report_of_framed_faces_is_another_one(photos: Path, modules: tuple[str, str]) -> None:
    evaluate(options(photos, modules))
    with pytest.raises(UserError, match="another configuration"):
        evaluate(options(photos, modules, frame=True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"map_module": None, "frame": True}, "map_module.*`frame` needs a Map Module"),
        ({"size": 64, "frame": True}, "size 64: pictures keep their size with `frame`"),
        ({"maps": Path(), "bare": True}, "maps.* does not go with `bare`"),
        ({"compare": Path(), "bare": True}, "compare.* does not go with `bare`"),
    ],
)
def test_what_does_not_go_with_photographs_is_said_before_work(
    photos: Path, modules: tuple[str, str], changes: dict[str, object], words: str
) -> None:
    given = {"map_module": modules[0], "edit_module": modules[1], **changes}
    with pytest.raises(UserError, match=words):
        EvalOptions(photos, photos.parent / "report", **given).validate()  # type: ignore[arg-type]


def test_a_dataset_of_masked_faces_is_not_taken_for_bare_ones(
    built_once: Path, modules: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="is a dataset of masked faces; its bare ones are in"):
        evaluate(EvalOptions(built_once, tmp_path / "report", modules[0], bare=True, device="cpu"))


def test_the_interval_of_a_share_is_wilsons_and_that_of_clusters_is_wider() -> None:
    hits = np.arange(316) < 16  # Wilson 1927, as of statsmodels and scipy
    found = share_interval(hits)
    assert (found.low, found.high) == pytest.approx((0.0314, 0.0806), abs=2e-4)
    none = share_interval(np.zeros(100, bool))
    assert none.low == 0
    assert none.high == pytest.approx(0.037, abs=0.001)
    people = np.repeat(np.arange(79), 4)
    by_person = share_interval(np.repeat(np.arange(79) < 4, 4), people)
    assert by_person.high - by_person.low > 1.8 * (found.high - found.low)
    assert share_interval(np.zeros(100, bool), people[:100]).high > 3 * none.high
