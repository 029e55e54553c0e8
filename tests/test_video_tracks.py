"""Faces of a clip: how they move, how they are followed, and where a clip cuts."""

import itertools

import numpy as np
import pytest
from video_support import DrawnFrame, KnownFaces, drawn_clip

from unmask.datagen.faces.frame import frame_corners, frame_distance
from unmask.datagen.pictures.arrays import F64
from unmask.datagen.pictures.pyramid import PicturePyramid
from unmask.model.video.motion import colours, face_motion, is_cut
from unmask.model.video.tracks import Tracker


@pytest.fixture(scope="module")
def clip() -> list[DrawnFrame]:
    return drawn_clip(24)


def followed(
    clip: list[DrawnFrame], finder: KnownFaces, every: int = 8, pull: float | None = None
) -> Tracker:
    tracker = Tracker(finder, every, pull)  # type: ignore[arg-type]
    tracker.places = []  # type: ignore[attr-defined]
    for drawn in clip:
        tracks = tracker.follow(PicturePyramid(drawn.image))
        tracker.places.append([(track.number, track.frame.copy()) for track in tracks])  # type: ignore[attr-defined]
    return tracker


def places(tracker: Tracker) -> list[list[tuple[int, F64]]]:
    return tracker.places  # type: ignore[attr-defined,no-any-return]


def test_motion_is_that_of_the_face_not_of_the_background(clip: list[DrawnFrame]):
    for before, now in itertools.pairwise(clip):
        moved = face_motion(PicturePyramid(before.image), PicturePyramid(now.image), before.frame)
        assert frame_distance(now.frame, moved) < 0.02
        assert frame_distance(now.frame, before.frame) > 0.02


def test_where_nothing_is_seen_nothing_moves(clip: list[DrawnFrame]):
    flat = PicturePyramid(np.full((200, 200, 3), 128, np.uint8))
    assert np.array_equal(face_motion(flat, flat, clip[0].frame), clip[0].frame)
    tiny = PicturePyramid(np.full((5, 7, 3), 128, np.uint8))
    assert np.array_equal(face_motion(tiny, tiny, clip[0].frame), clip[0].frame)


def test_another_scene_is_a_cut_and_a_moving_face_is_none(clip: list[DrawnFrame]):
    seen = [colours(drawn.image) for drawn in clip]
    assert not any(is_cut(before, now) for before, now in itertools.pairwise(seen))
    assert is_cut(seen[0], colours(255 - clip[0].image // 3))
    assert is_cut(seen[0], colours(np.zeros((9, 9, 3), np.uint8)))


def test_a_face_keeps_its_number_and_the_picture_is_searched_now_and_then(clip: list[DrawnFrame]):
    finder = KnownFaces(clip)
    tracker = followed(clip, finder)
    assert [[number for number, _ in some] for some in places(tracker)] == [[1]] * 24
    assert finder.searches == [0, 8, 16]
    assert (tracker.tracks[0].first, tracker.tracks[0].last, tracker.tracks[0].frames) == (0, 23, 24)
    assert tracker.cuts == []


def test_what_trembles_is_followed_steadily(clip: list[DrawnFrame]):
    def errors(pull: float | None) -> tuple[float, float]:
        tracker = followed(clip, KnownFaces(clip, tremble=0.05), pull=pull)
        seen = [some[0][1] for some in places(tracker)]
        both = list(zip(seen, [drawn.frame for drawn in clip], strict=True))
        off = [frame_distance(true, frame) for frame, true in both]
        corners = [frame_corners(frame) - frame_corners(true) for frame, true in both]
        return float(np.mean(off)), float(np.abs(np.diff(corners, axis=0)).mean())

    (steady_off, steady_shake), (raw_off, raw_shake) = errors(None), errors(1.0)
    assert steady_shake < raw_shake / 3
    assert steady_off < raw_off / 1.5


def test_a_cut_begins_new_faces(clip: list[DrawnFrame]):
    other = [DrawnFrame(255 - one.image // 3, one.map, one.frame) for one in clip[:6]]
    both = clip[:6] + other
    tracker = followed(both, KnownFaces(both), every=100)
    assert tracker.cuts == [6]
    assert [some[0][0] for some in places(tracker)] == [1] * 6 + [2] * 6


def test_a_face_that_goes_is_given_up_and_one_that_comes_is_found(clip: list[DrawnFrame]):
    finder = KnownFaces(clip, gone=range(6, 14))
    tracker = followed(clip, finder, every=10)
    numbers = [[number for number, _ in some] for some in places(tracker)]
    assert numbers[:6] == [[1]] * 6
    assert numbers[10] == []
    assert numbers[-1] == [2]
    assert finder.searches[1] == 9  # soon after it was lost
