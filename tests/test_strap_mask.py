"""What of the Map Module's second output counts as a strap."""

import numpy as np
import pytest

from unmask.model.inference.strap_mask import FAINT, LEAST_PX, REACH, SURE, clean_straps

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
    everywhere = np.ones((SIDE, SIDE), np.float32)
    assert np.array_equal(clean_straps(everywhere, body), 255 - body)
    assert not clean_straps(everywhere, 0 * body).any()
