from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from train_support import BATCH, read_log, short, train

from unmask.datagen.common.errors import UserError
from unmask.model.checkpoints.card import load_card
from unmask.model.training.options import MapOptions
from unmask.model.training.photo_judge import PhotoJudge, words_on_parting

SIDE = 32


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four photographs of one size and one of another; the mask is what is bright. One has no map."""
    for number, shape in enumerate([(32, 32), (32, 32), (48, 64), (32, 32)]):
        image = np.full((*shape, 3), 20, np.uint8)
        image[shape[0] // 2 :, 8:-8] = 230
        write(tmp_path / "judge" / "images" / f"{number}.png", image)
        if number < 3:
            write(tmp_path / "judge" / "maps" / f"{number}.png", np.where(image[..., 0] > 128, 255, 0))
    return tmp_path / "judge"


def bright(picture: torch.Tensor) -> torch.Tensor:
    return torch.where(picture.mean(1, keepdim=True) > 0, 4.0, -4.0)


def test_photographs_of_any_size_are_scored_at_their_own_framing(folder: Path):
    judge = PhotoJudge(folder, SIDE, torch.device("cpu"))
    good = judge.validate(bright, 0.5)
    assert tuple(good) == judge.columns
    assert good["judge_iou"] > 0.95
    assert good["judge_below_80"] == 0
    blind = judge.validate(lambda picture: torch.full_like(picture[:, :1], -4.0), 0.5)
    assert blind == {"judge_iou": 0, "judge_below_80": 3}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "maps").rename(folder / "other"), "no subfolder map or maps"),
        (lambda folder: (folder / "images" / "1.png").write_bytes(b"no"), r"images/1\.png"),
        (
            lambda folder: write(folder / "maps" / "1.png", np.zeros((9, 9), np.uint8)),
            r"maps/1\.png: 9x9 pixels",
        ),
        (lambda folder: [path.unlink() for path in (folder / "maps").iterdir()], "no picture has a map"),
    ],
)
def test_a_folder_that_cannot_judge_is_refused_with_its_flag(
    folder: Path, damage: Callable[[Path], object], words: str
):
    damage(folder)
    with pytest.raises(UserError, match=f"^judge .*{words}"):
        PhotoJudge(folder, SIDE, torch.device("cpu"))


@pytest.mark.parametrize(
    ("drawn", "photos", "said"),
    [
        ([0.80, 0.85, 0.88, 0.90], [0.80, 0.78, 0.76, 0.75], True),
        ([0.10, 0.80, 0.85, 0.88, 0.90], [0.10, 0.80, 0.78, 0.76, 0.75], True),  # only the latest count
        ([0.80, 0.85, 0.88, 0.90], [0.70, 0.75, 0.80, 0.81], False),
        ([0.90, 0.88, 0.85, 0.80], [0.80, 0.78, 0.76, 0.75], False),  # both get worse
        ([0.80, 0.85, 0.88, 0.90], [0.800, 0.801, 0.799, 0.800], False),  # noise
        ([0.80, 0.85, 0.90], [0.80, 0.70, 0.60], False),  # too early to tell
    ],
)
def test_it_is_said_when_drawn_masks_and_photographs_part_ways(
    drawn: list[float], photos: list[float], said: bool
):
    words = words_on_parting(drawn, photos)
    assert (words is not None) == said
    if words is not None:
        assert "part ways" in words


def test_a_training_logs_the_judge_and_best_may_follow_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    scores = iter([0.5, 0.9, 0.7, 0.6])
    monkeypatch.setattr(PhotoJudge, "validate", lambda *_: {"judge_iou": next(scores), "judge_below_80": 1.0})
    options = replace(
        short("map", tmp_path / "run", tmp_path / "cache", preset="compact", val_every=BATCH),
        judge=folder,
        best_by="judge",
    )
    train(options)
    assert [row["judge_iou"] for row in read_log(options.run / "log.csv")] == [0.5, 0.9, 0.7, 0.6]
    assert load_card(options.run / "best")["step"] == 2


def test_without_a_judge_the_log_has_its_old_columns(tmp_path: Path):
    options = short("map", tmp_path / "run", tmp_path / "cache", preset="compact", val_every=10**6)
    train(options)
    assert not any(name.startswith("judge") for name in read_log(options.run / "log.csv")[0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"best_by": "judge"}, "best_by judge: goes with `judge` FOLDER"),
        ({"best_by": "photos"}, "best_by photos: expected one of drawn, judge"),
        ({"judge": Path("nowhere")}, "judge nowhere: no such folder"),
    ],
)
def test_nonsense_about_the_judge_is_refused_with_its_flag(changes: dict[str, Any], words: str):
    with pytest.raises(UserError, match=words):
        MapOptions(run=Path("run"), preset="compact", online="demo", images=8, **changes).validate()
