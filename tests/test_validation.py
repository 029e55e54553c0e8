import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from picture_scores import psnr
from torch import Tensor, nn

from unmask.model.data.batches import Batch, fixed_batch
from unmask.model.data.options import DataOptions
from unmask.model.data.triplets import TripletSplits, open_triplets
from unmask.model.inference.cleaning import clean_map
from unmask.model.inference.compositing import paste_alpha
from unmask.model.metrics.metrics import iou
from unmask.model.networks.perceptual import load_perceptual
from unmask.model.training.session import Session
from unmask.model.training.validation import SHOWN, EditJudge, MapJudge, fixed_batches, restore, to_uint8

CPU = torch.device("cpu")
PICTURES, SIZE = 8, 128
FLOORS = ("do nothing", "nearest pixel", "mean face", "ceiling")
Network = Callable[..., Tensor]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> TripletSplits:
    cache = tmp_path_factory.mktemp("cache")
    options = DataOptions(online="demo", size=SIZE, limit=12, val_pictures=PICTURES, cache=cache, workers=1)
    return open_triplets(options)


@pytest.fixture(scope="module")
def truth(splits: TripletSplits) -> Batch:
    """All validation pictures."""
    return fixed_batch(splits.val, range(PICTURES))


@dataclass
class Table:
    """Says what it was given to say; of the rows whose picture it gets."""

    pictures: Tensor
    answers: Tensor

    def __call__(self, picture: Tensor, *_: Tensor) -> Tensor:
        rows = [
            next(i for i, known in enumerate(self.pictures) if torch.equal(known, one)) for one in picture
        ]
        return self.answers[rows]


@pytest.fixture
def session(splits: TripletSplits, tmp_path: Path) -> Session:
    """What judges look at of a session."""
    return SimpleNamespace(
        splits=splits,
        fabric=SimpleNamespace(device=CPU),
        options=SimpleNamespace(run=tmp_path),
    )


def logits_of(maps: Tensor) -> Tensor:
    """Logits that say 0.88 where a map (n, 1, h, w) is at least half covered, else 0.12."""
    return torch.where(maps >= 128, 2.0, -2.0)


def in_table(truth: Batch, answers: Tensor) -> Table:
    """Answers for the masked pictures, and "nothing" for the same faces without their masks."""
    masked, _, clean = truth.pictures()
    return Table(torch.cat([masked, clean]), torch.cat([answers, torch.full_like(answers, -2.0)]))


class Known(nn.Module):
    """A Map Module that knows these pictures."""

    def __init__(self, table: Network) -> None:
        super().__init__()
        self.table = table

    def forward(self, picture: Tensor) -> Tensor:
        return self.table(picture)


# ---- maps ----------------------------------------------------------------------------------------------------


def test_a_perfect_map_network_gets_all_and_a_blind_one_nothing(session: Session, truth: Batch):
    judge = MapJudge(session)
    perfect = judge.validate(in_table(truth, logits_of(truth.map)))
    assert tuple(perfect) == judge.columns
    assert perfect["val_raw_iou"] == 1
    assert 0.97 < perfect["val_iou"] <= 1  # cleaning opens corners and closes holes
    assert 0.98 < perfect["val_dice"] <= 1
    assert perfect["val_boundary_f"] > 0.97
    blind = judge.validate(in_table(truth, torch.full_like(truth.map, -2.0, dtype=torch.float32)))
    assert blind == dict.fromkeys(judge.columns, 0.0)


def test_cleaning_shows_in_the_iou_and_not_in_the_raw_one(session: Session, truth: Batch):
    speckled = truth.map.clone()
    speckled[:, :, 1::4, 1::4] = 255 - speckled[:, :, 1::4, 1::4]  # single pixels, on the mask and off it
    judge = MapJudge(session)
    scores = judge.validate(in_table(truth, logits_of(speckled)))
    perfect = judge.validate(in_table(truth, logits_of(truth.map)))
    assert scores["val_raw_iou"] < 0.8
    assert scores["val_iou"] > scores["val_raw_iou"] + 0.1
    assert scores["val_iou"] < perfect["val_iou"]


def test_scores_of_maps_are_means_over_pictures(session: Session, truth: Batch):
    wrong = torch.roll(truth.map, 6, 2)
    scores = MapJudge(session).validate(in_table(truth, logits_of(wrong)))
    pairs = list(zip(wrong[:, 0].numpy() >= 128, truth.map[:, 0].numpy() >= 128, strict=True))
    assert scores["val_raw_iou"] == pytest.approx(np.mean([iou(found, real) for found, real in pairs]))
    cleaned = [iou(clean_map(found.astype(np.float32)) > 0, real) for found, real in pairs]
    assert scores["val_iou"] == pytest.approx(np.mean(cleaned))


def test_a_mask_found_on_a_bare_face_is_a_false_alarm(session: Session, truth: Batch):
    known = logits_of(truth.map)
    eager = Table(torch.cat(truth.pictures()[::2]), torch.cat([known, known]))
    scores = MapJudge(session).validate(eager)
    assert scores["val_false_alarm"] == 1
    assert scores | {"val_false_alarm": 0} == MapJudge(session).validate(in_table(truth, known))


def test_a_sheet_of_maps_has_a_row_for_each_face_and_shows_photograph_and_true_map(
    session: Session, truth: Batch
):
    sheet = MapJudge(session).draw(in_table(truth, logits_of(truth.map)))
    assert sheet.dtype == np.uint8
    rows = cells(sheet, 4)
    assert len(rows) == min(SHOWN, PICTURES)
    for number, (masked, chance, cleaned, true_map) in enumerate(rows):
        assert np.array_equal(masked, truth.masked[number].permute(1, 2, 0).numpy())
        assert set(np.unique(chance)) == {int(255 * p) for p in (0.11920292, 0.88079708)}
        assert set(np.unique(cleaned)) <= {0, 255}
        assert np.array_equal(true_map[..., 0], truth.map[number, 0].numpy())


def cells(sheet: np.ndarray, columns: int) -> list[list[np.ndarray]]:
    """The pictures of a sheet, by rows: below a line of headers, with gaps."""
    gap = (sheet.shape[1] - columns * SIZE) // (columns - 1)
    step = SIZE + gap
    top = sheet.shape[0] % step
    lefts = range(0, sheet.shape[1], step)
    return [
        [sheet[y : y + SIZE, x : x + SIZE] for x in lefts]
        for y in range(top, sheet.shape[0] - SIZE + 1, step)
    ]


# ---- pictures ------------------------------------------------------------------------------------------------


def test_floors_are_in_order_and_a_perfect_network_reaches_the_ceiling(session: Session, truth: Batch):
    judge = EditJudge(session, None, None, "val_psnr")
    floors = judge.write_baselines()
    for column in ("val_psnr", "val_mask_psnr"):
        nothing, nearest, mean, ceiling = (floors[name][column] for name in FLOORS)
        assert nothing < min(nearest, mean)
        assert max(nearest, mean) < ceiling
    perfect = judge.validate(in_table(truth, truth.pictures()[2]))
    assert perfect == floors["ceiling"]
    # No mask is left; what straps and shadows change outside it is.
    assert perfect["val_mask_psnr"] == perfect["val_raw_psnr"] == 100
    assert perfect["val_psnr"] > 40


def test_a_network_that_returns_the_photograph_gets_the_floor_of_doing_nothing(
    session: Session, truth: Batch
):
    judge = EditJudge(session, None, None, "val_psnr")
    idle = judge.validate(lambda picture, paste: picture)
    assert idle == pytest.approx(judge.write_baselines()["do nothing"])
    own = [
        psnr(*pair) for pair in zip(to_uint8(truth.pictures()[0]), to_uint8(truth.pictures()[2]), strict=True)
    ]
    assert idle["val_psnr"] == pytest.approx(np.mean(own))


def test_floors_are_kept_beside_the_coverage_of_the_masks(
    session: Session, truth: Batch, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "unmask")
    floors = EditJudge(session, None, None, "val_psnr").write_baselines()
    kept = json.loads((session.options.run / "floors.json").read_text())
    assert kept["floors"] == floors
    assert kept["pictures"] == PICTURES
    assert kept["coverage"] == pytest.approx((truth.map >= 128).float().mean((1, 2, 3)).mean().item())
    assert tuple(floors) == FLOORS
    assert [line.split(":")[0] for line in caplog.messages[:-1]] == list(FLOORS)
    assert f"{kept['coverage']:.1%}" in caplog.messages[-1]


def test_columns_are_as_declared_whatever_there_is_to_judge_with(session: Session, truth: Batch):
    finder = Known(in_table(truth, logits_of(truth.map)))
    for map_network in (None, finder):
        for perceptual in (None, load_perceptual(None)):
            judge = EditJudge(session, map_network, perceptual, "val_psnr")
            scores = judge.validate(in_table(truth, truth.pictures()[2]))
            assert tuple(scores) == judge.columns
            assert ("val_perceptual" in scores) == (perceptual is not None)
            assert ("val_predicted_psnr" in scores) == (map_network is not None)
            assert judge.best in scores


def test_predicted_maps_are_judged_against_the_true_ones(session: Session, truth: Batch):
    clean = truth.pictures()[2]
    right = EditJudge(session, Known(in_table(truth, logits_of(truth.map))), None, "val_psnr")
    found = right.validate(in_table(truth, clean))
    assert found["val_predicted_mask_psnr"] > 60
    # A map that finds nothing leaves the mask where it is, however good the network.
    blind = EditJudge(session, Known(in_table(truth, logits_of(truth.map * 0))), None, "val_psnr")
    scores = blind.validate(in_table(truth, clean))
    nothing = blind.write_baselines()["do nothing"]
    assert scores["val_predicted_psnr"] == pytest.approx(nothing["val_psnr"])
    assert scores["val_predicted_mask_psnr"] == pytest.approx(nothing["val_mask_psnr"])
    assert scores["val_mask_psnr"] == found["val_mask_psnr"] == 100


def test_the_perceptual_distance_is_of_the_composited_picture_on_the_mask(session: Session, truth: Batch):
    judge = EditJudge(session, None, load_perceptual(None), "val_perceptual")
    picture, map_, clean = truth.pictures()
    paste = paste_alpha(map_)
    spoilt_outside = torch.where(paste > 0, clean, 0.0)
    perfect, outside, nothing = (
        judge.validate(in_table(truth, output))["val_perceptual"]
        for output in (clean, spoilt_outside, picture)
    )
    assert outside == pytest.approx(perfect)
    assert perfect < 0.1 * nothing


def test_what_lies_outside_the_paste_stays_bit_for_bit(truth: Batch):
    picture, map_, _ = truth.pictures()
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    raw, done = restore(lambda *_: noise, picture, map_)
    outside = (paste_alpha(map_) == 0).expand_as(picture)
    assert outside.any()
    assert raw is noise
    assert torch.equal(done[outside], picture[outside])
    under = (map_ > 0).expand_as(picture)
    assert torch.equal(done[under], noise[under])
    before, after = (np.stack(to_uint8(part)) for part in (picture, done))
    kept = outside.permute(0, 2, 3, 1).numpy()
    assert np.array_equal(before[kept], after[kept])


def test_a_network_gets_the_pasted_map(truth: Batch):
    picture, map_, _ = truth.pictures()
    got: list[Tensor] = []

    def network(shown: Tensor, paste: Tensor) -> Tensor:
        got.extend((shown, paste))
        return shown

    restore(network, picture, map_)
    assert torch.equal(got[0], picture)
    assert torch.equal(got[1], paste_alpha(map_))


def test_every_level_survives_the_way_to_floats_and_back():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    there = Batch(levels, levels[:, :1], levels, levels[:, :1], ("a",)).pictures()[0]
    assert np.array_equal(to_uint8(there)[0], levels[0].permute(1, 2, 0).numpy())
    assert to_uint8(torch.tensor([-9.0, 9.0]).reshape(1, 1, 1, 2))[0].ravel().tolist() == [0, 255]


def test_a_sheet_of_restored_faces_shows_photograph_map_raw_composited_and_clean(
    session: Session, truth: Batch
):
    judge = EditJudge(session, None, None, "val_psnr")
    _, map_, clean = truth.pictures()
    rows = cells(judge.draw(in_table(truth, clean)), 5)
    assert len(rows) == min(SHOWN, PICTURES)
    for number, (masked, map_shown, raw, done, true) in enumerate(rows):
        assert np.array_equal(masked, truth.masked[number].permute(1, 2, 0).numpy())
        assert np.array_equal(map_shown[..., 0], truth.map[number, 0].numpy())
        assert np.array_equal(raw, true)
        assert np.array_equal(true, truth.clean[number].permute(1, 2, 0).numpy())
        pasted = (paste_alpha(map_)[number, 0] == 1).numpy()
        assert np.array_equal(done[pasted], true[pasted])
        untouched = (paste_alpha(map_)[number, 0] == 0).numpy()
        assert np.array_equal(done[untouched], masked[untouched])
    finder = Known(in_table(truth, logits_of(truth.map)))
    with_predicted = cells(EditJudge(session, finder, None, "val_psnr").draw(in_table(truth, clean)), 6)
    assert len(with_predicted[0]) == 6


def test_validation_pictures_are_the_same_every_time_and_all_of_them(splits: TripletSplits, truth: Batch):
    batches = fixed_batches(splits.val, CPU)
    assert [key for batch in batches for key in batch.keys] == list(truth.keys)
    assert torch.equal(torch.cat([batch.masked for batch in batches]), truth.masked)
    assert len(set(truth.keys)) == PICTURES
