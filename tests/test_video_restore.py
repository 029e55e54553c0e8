"""Frames of a clip without masks: steady, and to the bit the clip's own away from them."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from eval_support import write_module
from video_support import DrawnFrame, KnownFaces, drawn_clip

import unmask
from unmask.datagen.pictures.arrays import U8
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.inference.aligned import Seen
from unmask.model.inference.photo_patch import work_grid
from unmask.model.inference.unmasker import Unmasker
from unmask.model.video import restore as restore_module
from unmask.model.video import steady as steady_module
from unmask.model.video.flicker import FlickerMeter
from unmask.model.video.restore import FrameRestorer, RestoredFrame, Steadiness, restore_frames
from unmask.model.video.steady import CHANGES_MIND, SteadyFace, share_of

ALONE = Steadiness(memory_s=0.0)


@pytest.fixture(scope="module")
def clip() -> list[DrawnFrame]:
    return drawn_clip(12)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("modules")
    return {kind: write_module(folder / kind, kind) for kind in ("map", "edit")}


@pytest.fixture
def unmasker(weights: dict[str, Path], clip: list[DrawnFrame], monkeypatch: pytest.MonkeyPatch) -> Unmasker:
    """Small networks, a finder that knows the clip, and a Map Module that sees its mask with some noise."""
    monkeypatch.setattr(Unmasker, "finder", KnownFaces(clip, tremble=0.02))
    rng = np.random.default_rng(5)

    def see(module: object, picture: PicturePyramid, frame: np.ndarray) -> Seen:
        grid = work_grid(64)
        true = next(drawn.map for drawn in clip if drawn.image is picture.levels[0])
        body = PicturePyramid(true).cut(grid.to_picture(frame), grid.width, grid.height) / np.float32(255)
        unsure = cv2.GaussianBlur(body, (0, 0), 1.5) + np.float32(rng.normal(0, 0.12))
        return Seen(np.clip(unsure, 0.01, 0.99), None)

    monkeypatch.setattr(steady_module, "see_face", see)
    return Unmasker(weights["map"], weights["edit"], "cpu")


def restored(
    unmasker: Unmasker, clip: Iterable[DrawnFrame], steadiness: Steadiness | None = None
) -> tuple[list[RestoredFrame], FrameRestorer]:
    restorer = FrameRestorer(unmasker, 25.0, steadiness=steadiness)
    return [restorer.restore(drawn.image) for drawn in clip], restorer


def test_pixels_away_from_the_mask_are_those_of_the_clip(unmasker: Unmasker, clip: list[DrawnFrame]):
    before = [drawn.image.copy() for drawn in clip]
    made, _ = restored(unmasker, clip)
    for one, image in zip(made, before, strict=True):
        changed = (one.image != image).any(axis=2)
        near = cv2.dilate(one.map | one.straps, np.ones((15, 15), np.uint8)) > 0
        assert one.map.any()
        assert changed.any()
        assert not (changed & ~near).any()
    for drawn, image in zip(clip, before, strict=True):
        assert np.array_equal(drawn.image, image)


def test_the_map_follows_the_mask(unmasker: Unmasker, clip: list[DrawnFrame]):
    made, _ = restored(unmasker, clip)
    for one, drawn in zip(made, clip, strict=True):
        both = ((one.map > 0) & (drawn.map > 0)).sum()
        assert both / ((one.map > 0) | (drawn.map > 0)).sum() > 0.8
        (face,) = one.faces
        assert (face.track, face.status) == (1, "ok")


def test_what_is_remembered_flickers_less(
    unmasker: Unmasker, clip: list[DrawnFrame], monkeypatch: pytest.MonkeyPatch
):
    rng = np.random.default_rng(1)

    def draw(*_: object) -> U8:
        """A network that draws another face in every frame."""
        return cv2.resize(
            rng.integers(80, 180, (4, 4, 3), np.uint8), (64, 96), interpolation=cv2.INTER_LINEAR
        )

    monkeypatch.setattr(restore_module, "draw_face", draw)
    steady, alone = (restored(unmasker, clip, kind)[1].meter.flicker for kind in (None, ALONE))
    assert steady.drawn < 0.6 * alone.drawn
    assert steady.skin < 0.6 * alone.skin  # the face is followed, not found anew


def test_the_same_frames_give_the_same_result(unmasker: Unmasker, clip: list[DrawnFrame]):
    def again() -> list[U8]:
        unmasker.__dict__["finder"] = KnownFaces(clip)
        return [one.image for one in restored(unmasker, clip[:3], ALONE)[0]]

    steady_module.see_face = lambda *_: _seen(0.97)  # type: ignore[assignment]  # put back by the fixture
    assert all(np.array_equal(*both) for both in zip(again(), again(), strict=True))


def test_nothing_is_kept_of_frames_that_are_past(unmasker: Unmasker, clip: list[DrawnFrame]):
    restorer = FrameRestorer(unmasker, 25.0, steadiness=Steadiness(search_s=0.2))
    sizes = []
    for drawn in [*clip, *clip, *clip]:
        restorer.restore(drawn.image)
        sizes.append(_bytes_of(restorer))
    assert max(sizes[24:]) <= max(sizes[:12]) * 1.02


def _bytes_of(thing: object, seen: set[int] | None = None) -> int:
    """Size of all arrays that hang on a thing of ours."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, Unmasker | KnownFaces):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return thing.nbytes
    if isinstance(thing, dict):
        return sum(_bytes_of(part, seen) for part in thing.values())
    if isinstance(thing, list | tuple):
        return 8 * len(thing) + sum(_bytes_of(part, seen) for part in thing)
    return sum(_bytes_of(part, seen) for part in vars(thing).values()) if hasattr(thing, "__dict__") else 8


def test_faces_that_are_too_small_or_doubtful_are_left(unmasker: Unmasker, clip: list[DrawnFrame]):
    doubtful = FrameRestorer(unmasker, 25.0, least_score=99.0).restore(clip[0].image)
    assert [face.status for face in doubtful.faces] == ["unsure"]
    assert np.array_equal(doubtful.image, clip[0].image)
    assert not doubtful.map.any()
    small = clip[0].frame * 0.13
    unmasker.__dict__["finder"] = KnownFaces([replace(clip[0], frame=small)])
    steady_module.see_face = lambda *_: _seen(0.97)  # type: ignore[assignment]  # put back by the fixture
    made = FrameRestorer(unmasker, 25.0).restore(clip[0].image)
    assert [face.status for face in made.faces] == ["too_small"]
    assert np.array_equal(made.image, clip[0].image)


def _seen(probability: float) -> Seen:
    """A mask over the lower half of a face, as sure as that."""
    grid = work_grid(64)
    body = np.full((grid.height, grid.width), 0.02, np.float32)
    body[52:76, 18:46] = probability
    return Seen(body, None)


def decisions(monkeypatch: pytest.MonkeyPatch, probabilities: list[float], share: float = 0.9) -> list[bool]:
    """Whether a face in a still picture wears a mask, frame by frame, for how sure the Map Module is of it."""
    sure = iter(probabilities)
    monkeypatch.setattr(steady_module, "see_face", lambda *_: _seen(next(sure)))
    face, picture = SteadyFace(share), PicturePyramid(np.full((200, 180, 3), 90, np.uint8))
    return [face.mask(None, picture, np.eye(2, 3)) is not None for _ in probabilities]  # type: ignore[arg-type]


def test_one_frame_that_says_otherwise_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    assert all(decisions(monkeypatch, [0.95] * 3 + [0.1] + [0.95] * 3))
    assert not any(decisions(monkeypatch, [0.1] * 3 + [0.95] + [0.1] * 3))


def test_several_frames_that_say_otherwise_do(monkeypatch: pytest.MonkeyPatch):
    said = decisions(monkeypatch, [0.95] * 3 + [0.1] * (CHANGES_MIND + 3))
    assert said[:5] == [True] * 5
    assert not said[-1]
    said = decisions(monkeypatch, [0.1] * 3 + [0.95] * (CHANGES_MIND + 3))
    assert said[:3] == [False] * 3
    assert said[-1]


def test_without_memory_each_frame_is_by_itself(monkeypatch: pytest.MonkeyPatch):
    assert decisions(monkeypatch, [0.95, 0.1, 0.95], share=1.0) == [True, False, True]


def test_where_the_face_changes_the_past_does_not_count(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(steady_module, "see_face", lambda *_: _seen(0.95))
    dark, bright = (PicturePyramid(np.full((200, 180, 3), level, np.uint8)) for level in (20, 220))
    face, frame, raw = SteadyFace(0.2), np.eye(2, 3), np.full((96, 64, 3), 100, np.uint8)
    for picture, other, expected in ((dark, 0, 100), (dark, 100, 120), (bright, 0, 200)):
        mask = face.mask(None, picture, frame)  # type: ignore[arg-type]
        assert mask is not None
        assert face.drawn(raw + np.uint8(other if expected != 200 else 100), mask, frame)[0, 0, 0] == expected


def test_how_long_is_remembered_does_not_depend_on_the_speed():
    after = [(1 - share_of(fps)) ** (0.16 * fps) for fps in (10.0, 25.0, 60.0)]
    assert after == pytest.approx([np.exp(-1)] * 3)
    assert share_of(25.0, 0.0) == 1.0


def test_flicker_is_the_change_of_a_face_in_its_own_frame(clip: list[DrawnFrame]):
    frame, still = clip[0].frame, np.full((200, 200, 3), 100, np.uint8)
    mask = steady_module.mask_of(_seen(0.95), frame, PicturePyramid(still))
    assert mask is not None
    meter = FlickerMeter()
    for level in (100, 107, 100):
        now = still.copy()
        now[mask.body.place][mask.body.pixels > 0] = level
        meter.add(PicturePyramid(now), {1: (frame, mask)})
    assert meter.flicker.drawn == pytest.approx(7, abs=0.01)
    assert meter.flicker.skin == 0
    assert np.isnan(FlickerMeter().flicker.drawn)


def test_frames_come_one_by_one(unmasker: Unmasker, clip: list[DrawnFrame]):
    asked = []

    def frames() -> Iterable[U8]:
        for number in itertools.count():
            asked.append(number)
            yield clip[number].image

    made = unmask.restore_frames(frames(), fps=25, unmasker=unmasker)
    assert next(made).map.any()
    assert asked == [0]


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_is_refused(unmasker: Unmasker, fps: float):
    with pytest.raises(ValueError, match="fps is a positive number"):
        restore_frames(unmasker, [], fps)


def test_frames_of_another_kind_or_size_are_refused(unmasker: Unmasker, clip: list[DrawnFrame]):
    image = clip[0].image
    for wrong in (image.astype(np.float32), image[..., 0], image[:0]):
        with pytest.raises(ValueError, match="a frame is uint8"):
            FrameRestorer(unmasker).restore(wrong)  # type: ignore[arg-type]
    restorer = FrameRestorer(unmasker)
    restorer.restore(image)
    with pytest.raises(ValueError, match=r"a frame of \(100, 200, 3\) in a clip of \(200, 200, 3\)"):
        restorer.restore(image[:100])


def test_the_shipped_modules_find_the_mask_of_a_drawn_clip(clip: list[DrawnFrame]):
    made = list(unmask.restore_frames([drawn.image for drawn in clip[:5]], fps=25))
    for one, drawn in zip(made, clip, strict=False):
        assert [(face.track, face.status) for face in one.faces] == [(1, "ok")]
        both = ((one.map > 0) & (drawn.map > 0)).sum()
        assert both / ((one.map > 0) | (drawn.map > 0)).sum() > 0.8
