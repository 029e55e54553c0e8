"""What of the Map Module's second output counts as a strap."""

import numpy as np
import pytest

from unmask.model.inference.aligned import STRAP_ZOOM, find_maps, predict_probabilities, see_pictures
from unmask.model.inference.strap_mask import (
    BROAD,
    FAINT,
    LEAST_PX,
    REACH,
    SURE,
    clean_straps,
    joined_straps,
)

SIDE = 100


@pytest.fixture
def body() -> np.ndarray:
    body = np.zeros((SIDE, SIDE), np.uint8)
    body[60:90, 30:70] = 255
    return body


def seen(*pieces: tuple[slice, slice], value: float = 0.9) -> np.ndarray:
    probability = np.zeros((SIDE, SIDE), np.float32)
    for piece in pieces:
        probability[piece] = value
    return probability


BESIDE = (slice(62, 64), slice(70, 80))
FAR = (slice(10, 12), slice(40, 60))


def test_a_strap_begins_at_the_mask_and_one_far_from_it_is_none(body: np.ndarray):
    found = clean_straps(seen(BESIDE, FAR), body)
    assert np.array_equal(found > 0, seen(BESIDE) > 0)


def test_hair_may_lie_over_a_strap_but_not_over_a_long_way(body: np.ndarray):
    gap = int(REACH * SIDE)
    after = (slice(62, 64), slice(79 + gap, 79 + gap + 4))
    assert np.array_equal(clean_straps(seen(BESIDE, after), body) > 0, seen(BESIDE, after) > 0)
    assert np.array_equal(clean_straps(seen(after), body), 0 * body)


def test_what_is_faint_everywhere_and_what_is_tiny_is_no_strap(body: np.ndarray):
    assert not clean_straps(seen(BESIDE, value=(FAINT + SURE) / 2), body).any()
    assert not clean_straps(seen((slice(62, 63), slice(72, 72 + LEAST_PX - 1))), body).any()
    faint = seen(BESIDE, value=(FAINT + SURE) / 2)
    faint[62, 75] = SURE
    assert np.array_equal(clean_straps(faint, body) > 0, faint > 0)


def test_the_body_is_no_strap_and_without_a_body_there_is_none(body: np.ndarray):
    over_it = seen(BESIDE, (slice(60, 90), slice(30, 70)))
    assert np.array_equal(clean_straps(over_it, body) > 0, seen(BESIDE) > 0)
    assert not clean_straps(over_it, 0 * body).any()


def test_a_network_that_does_not_know_straps_yet_repaints_no_picture(body: np.ndarray):
    everywhere = np.full((SIDE, SIDE), 0.5, np.float32)
    assert not clean_straps(everywhere, body).any()
    broad = (slice(40, 58), slice(30, 70))  # beside it, and a little smaller than the body
    assert np.array_equal(clean_straps(seen(broad), body) > 0, seen(broad) > 0)


def test_thin_straps_are_seen_closer_and_broad_ones_from_where_the_mask_is() -> None:
    usual = np.array([[0.1, 0.4, BROAD, 0.8]], np.float32)
    closer = np.array([[0.3, 0.2, 0.1, 0.9]], np.float32)
    assert np.array_equal(joined_straps(usual, closer), np.array([[0.3, 0.2, BROAD, 0.9]], np.float32))
    assert joined_straps(usual, None) is usual
    assert joined_straps(None, None) is None


class Module:
    """A Map Module that sees masks where a picture is red, and, closer only, straps where it is blue."""

    side = 64

    def __init__(self) -> None:
        self.card: dict[str, object] = {}
        self.asked: list[tuple[int, ...]] = []

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        self.asked.append(pictures.shape)
        said = pictures[..., [0, 2]].astype(np.float32) / 255
        said[..., 1] *= pictures.shape[1] > self.side
        return said

    def straps(self, pictures: np.ndarray) -> np.ndarray:
        return self.probabilities(pictures)[..., 1]


def test_straps_of_aligned_faces_are_looked_for_closer_where_there_is_a_mask() -> None:
    bare, masked = np.zeros((2, 96, 96, 3), np.uint8)
    masked[50:80, 30:66, 0] = 255
    masked[52:55, 70:90, 2] = 255
    module = Module()
    maps = find_maps(module, [bare, masked])
    assert [count for count, *_ in module.asked] == [2, 1]
    assert module.asked[1][1:3] == (STRAP_ZOOM * 64,) * 2
    assert not (maps[0].body.any() or maps[0].straps.any())
    found, true = maps[1].straps > 0, masked[..., 2] > 0
    assert (found & true).sum() / (found | true).sum() > 0.7
    seen = see_pictures(module, [bare, masked])
    assert np.array_equal(clean_straps(seen[1].straps, maps[1].body), maps[1].straps)
    asked = len(module.asked)
    assert np.array_equal(predict_probabilities(module, [masked])[0], seen[1].body)
    assert len(module.asked) == asked + 1
