"""Faces of clips that turn away further than the networks know: left, and without a change of mind each frame."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from eval_support import write_module
from video_support import DrawnFrame, KnownFaces, drawn_clip

from unmask.model.inference.aligned import Seen
from unmask.model.inference.photo import MOST_BESIDE
from unmask.model.inference.photo_patch import work_grid
from unmask.model.inference.unmasker import Unmasker
from unmask.model.video import steady as steady_module
from unmask.model.video.restore import FrameRestorer, RestoredFrame, Steadiness
from unmask.model.video.turning import BACK, Turning

ALONE = Steadiness(memory_s=0.0)
# Columns of the network, 2.8 px of the frame each, by which a mask lies beside its face.
BEYOND, BETWEEN, WITHIN = 9, 6, 2


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modules")
    return {kind: write_module(folder / kind, kind) for kind in ("map", "edit")}


def restored(
    monkeypatch: pytest.MonkeyPatch,
    weights: dict[str, Path],
    beside: list[int],
    steadiness: Steadiness | None = None,
) -> list[tuple[np.ndarray, RestoredFrame]]:
    """Frames of a face on a plain ground, and what is made of them, for how far its mask lies beside it."""
    drawn = drawn_clip(1)[0]
    clip = [DrawnFrame(np.full_like(drawn.image, 90), drawn.map, drawn.frame) for _ in beside]
    columns = iter(beside)

    def see(*_: object) -> Seen:
        grid, by = work_grid(64), next(columns)
        body = np.full((grid.height, grid.width), 0.02, np.float32)
        body[52:76, 18 + by : 46 + by] = 0.97
        return Seen(body, None)

    monkeypatch.setattr(steady_module, "see_face", see)
    monkeypatch.setattr(Unmasker, "finder", KnownFaces(clip))
    restorer = FrameRestorer(Unmasker(weights["map"], weights["edit"], "cpu"), 25.0, steadiness=steadiness)
    return [(each.image, restorer.restore(each.image)) for each in clip]


def statuses(made: list[tuple[np.ndarray, RestoredFrame]]) -> list[str]:
    return [face.status for _, frame in made for face in frame.faces]


def test_a_face_that_turns_away_is_left_and_taken_up_again(
    monkeypatch: pytest.MonkeyPatch, weights: dict[str, Path]
) -> None:
    beside = [WITHIN] * 4 + [BEYOND] * 12 + [BETWEEN] * 12 + [WITHIN] * 12
    made = restored(monkeypatch, weights, beside)
    said = statuses(made)
    assert said[:4] == ["ok"] * 4
    assert said[15:28] == ["turned_away"] * 13  # what lies between changes nothing
    assert said[-1] == "ok"
    assert sum(one != other for one, other in pairwise(said)) == 2
    for (image, frame), status in zip(made, said, strict=True):
        assert frame.map.any()  # of a face that is left, too, as photographs have it
        assert np.array_equal(frame.image, image) == (status == "turned_away")


def test_without_memory_each_frame_is_by_itself(
    monkeypatch: pytest.MonkeyPatch, weights: dict[str, Path]
) -> None:
    said = statuses(restored(monkeypatch, weights, [WITHIN, BEYOND, BETWEEN, BEYOND, WITHIN], ALONE))
    assert said == ["ok", "turned_away", "ok", "turned_away", "ok"]


def test_trembling_about_the_limit_changes_its_mind_once_at_most() -> None:
    rng = np.random.default_rng(0)
    near = MOST_BESIDE + rng.normal(0, 0.5, 200)
    steady, alone = Turning(0.2), Turning(1.0)
    said, each = [steady.sees(value) for value in near], [alone.sees(value) for value in near]
    assert sum(one != other for one, other in pairwise(said)) <= 1
    assert sum(one != other for one, other in pairwise(each)) > 50


@pytest.mark.parametrize("side", [-1, 1])
def test_a_face_is_taken_up_again_where_it_is_well_within(side: int) -> None:
    turning = Turning(0.5)
    assert turning.sees(side * (MOST_BESIDE + 2))
    assert all(turning.sees(side * (MOST_BESIDE - BACK / 2)) for _ in range(20))
    assert not all(turning.sees(side * (MOST_BESIDE - 2 * BACK)) for _ in range(20))


def test_a_face_that_the_picture_cuts_off_stays_what_it_was() -> None:
    turning = Turning(0.5)
    assert not turning.sees(0.0)
    assert turning.sees(MOST_BESIDE + 2)
    assert turning.sees(0.0)
