"""``unmask-train map --adapt``: photographs without maps, and what is learnt from them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from train_support import outcome, read_log, short, train

from unmask.datagen.common.errors import UserError
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.pictures.arrays import F64, U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.face_finder import FoundFace
from unmask.model.inference.torch_modules import TrainedModule
from unmask.model.training import train_map
from unmask.model.training.adaptation import UNKNOWN, Adaptation, check_photos, label_faces, label_photos
from unmask.model.training.losses import SURE, bce_dice, sure_loss
from unmask.model.training.options import MapOptions

FRAME: F64 = np.array([[1.0, 0, 60], [0, 1.0, 40]])  # of the face in `photo`


class Bright(nn.Module):
    """Takes what is bright for a mask."""

    def forward(self, picture: Tensor) -> Tensor:
        return picture.mean(1, keepdim=True) * 8


@pytest.fixture
def teacher() -> TrainedModule:
    return TrainedModule(Bright(), {"size": 64}, torch.device("cpu"))


def photo() -> U8:
    """A dark photograph with a bright mask where a face in `FRAME` has it, and something bright far from it."""
    image = np.full((300, 300, 3), 10, np.uint8)
    cv2.rectangle(image, (60 + 60, 40 + 130), (60 + 117, 40 + 185), (245, 245, 245), -1)
    cv2.rectangle(image, (62, 42), (80, 60), (245, 245, 245), -1)
    return image


def found(_: PicturePyramid) -> Sequence[FoundFace]:
    return [FoundFace(FRAME, 5.0)]


def test_a_face_is_kept_with_its_mask_and_nothing_is_known_of_a_second_one(teacher: TrainedModule):
    (face,) = label_faces(photo(), found, teacher)
    assert face.shape == (256, 256, 4)
    picture, label = face[..., :3], face[..., 3]
    bright = picture.mean(2) > 200
    middle = label[150:180, 110:140]
    assert middle.min() >= 230
    assert bright[150:180, 110:140].all()
    corner = bright.copy()
    corner[110:] = False  # what is bright above the mask
    assert corner.any()
    assert np.abs(np.median(label[corner].astype(int)) - UNKNOWN) < 10
    assert (label[80:100, 120:140] <= 25).all()
    assert (label[:, :20] == UNKNOWN).all()  # beyond what the teacher looked at


def test_a_bare_face_and_a_photograph_without_a_face_teach_nothing(teacher: TrainedModule):
    assert label_faces(np.full((300, 300, 3), 10, np.uint8), found, teacher) == []
    assert label_faces(photo(), lambda _: [], teacher) == []


def test_views_move_picture_and_label_alike_and_follow_their_generator(teacher: TrainedModule):
    faces = label_faces(photo(), found, teacher)
    views = Adaptation(faces, load_recipe_config("wild"), 64)
    picture, probability = views.draw(6, np.random.default_rng(3))
    assert picture.shape == (6, 3, 64, 64)
    assert probability.shape == (6, 1, 64, 64)
    assert picture.min() >= -1
    assert picture.max() <= 1
    masked = probability >= SURE
    assert masked.any()
    assert picture.mean(1, keepdim=True)[masked].mean() > 0.8
    assert len({int(count) for count in masked.sum((1, 2, 3))}) > 1
    again = views.draw(6, np.random.default_rng(3))
    assert all(torch.equal(one, other) for one, other in zip(again, (picture, probability), strict=True))


def test_only_sure_pixels_count():
    logits = torch.tensor([[[[2.0, -1.0, 0.5, 3.0]]]])
    sure = torch.tensor([[[[0.95, 0.02, 0.5, 0.7]]]])
    wanted = bce_dice(logits[..., :2], torch.tensor([[[[1.0, 0.0]]]]))
    torch.testing.assert_close(sure_loss(logits, sure), wanted)
    other = logits.clone()
    other[..., 2:] = -7
    torch.testing.assert_close(sure_loss(other, sure), wanted)
    nothing = sure_loss(logits, torch.full_like(sure, 0.5))
    assert nothing == 0


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    for name in ("a.png", "below/b.png"):
        assert cv2.imwrite(str(folder / name), photo())
    return folder


def test_what_cannot_be_read_is_counted(
    photos: Path, teacher: TrainedModule, caplog: pytest.LogCaptureFixture
):
    (photos / "c.png").write_bytes(b"no picture")
    with caplog.at_level("INFO"):
        faces = label_photos(check_photos(photos), found, teacher)
    assert len(faces) == 2
    assert "adapt: 2 faces with masks in 3 photographs, 1 of them unreadable" in caplog.text
    assert "c.png" in caplog.text


def test_photographs_without_masks_are_refused(photos: Path, teacher: TrainedModule):
    with pytest.raises(UserError, match="adapt: no face with a mask is found in its 2 photographs"):
        label_photos(check_photos(photos), lambda _: [], teacher)


def test_an_empty_folder_and_a_judged_photograph_are_refused(photos: Path, tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no pictures in it"):
        check_photos(tmp_path / "empty")
    judged = tmp_path / "other-name.png"
    judged.write_bytes((photos / "a.png").read_bytes())
    with pytest.raises(UserError, match=r"a\.png: is also `judge` .*other-name\.png"):
        check_photos(photos, [judged])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"adapt": Path("nowhere")}, "adapt nowhere: no such folder"),
        ({"adapt": Path()}, "goes with `init_from` weights"),
        ({"adapt": Path(), "init_from": "compact", "batch_size": 1}, "batch_size 1: `adapt` shows drawn"),
        ({"adapt_share": 0.5}, "adapt_share 0.5: goes with `adapt` FOLDER"),
        ({"adapt": Path(), "adapt_share": 1.0}, "adapt_share 1.0: expected a share above 0 and below 1"),
    ],
)
def test_nonsense_is_refused_with_its_flag(changes: dict[str, Any], words: str):
    options = MapOptions(run=Path("run"), preset="compact", online="demo", images=8)
    with pytest.raises(UserError, match=words):
        replace(options, **changes).validate()


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch, teacher: TrainedModule) -> None:
    """The finder and the weights are stand-ins: what is tested is the training."""

    class Finder:
        find = staticmethod(found)

    monkeypatch.setattr(train_map, "load_finder", lambda _: Finder)
    monkeypatch.setattr(train_map, "load_module", lambda *_: teacher)


@pytest.mark.usefixtures("looking")
def test_a_training_learns_from_photographs_and_resumes_to_the_same_bytes(photos: Path, tmp_path: Path):
    base = short("map", tmp_path / "whole", tmp_path / "cache", preset="compact", val_every=10**6)
    adapted = replace(base, adapt=photos, adapt_share=0.5, init_from=Path("compact"))
    train(adapted)
    assert all(row["adapt"] > 0 for row in read_log(adapted.run / "log.csv"))
    cut = replace(adapted, run=tmp_path / "cut")
    train(cut, stop_in=2)
    train(cut)
    assert outcome(cut.run) == outcome(adapted.run)
    without = replace(base, run=tmp_path / "without", init_from=Path("compact"))
    train(without)
    assert "adapt" not in read_log(without.run / "log.csv")[0]
    assert outcome(without.run) != outcome(adapted.run)
