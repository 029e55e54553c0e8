"""Drawn parts get the noise of the photograph around them, and none where there is none."""

import cv2
import numpy as np
import pytest

from unmask.datagen.pictures.arrays import F32, U8
from unmask.model.inference.grain import add_grain, noise_levels


def ramp(height: int = 160, width: int = 200) -> U8:
    across = np.linspace(90, 170, width)[None, :] + np.linspace(-15, 15, height)[:, None]
    return np.repeat(np.rint(across)[..., None], 3, axis=2).astype(np.uint8)


def noisy(levels: float, *, grey: bool = False, soft: float = 0.0) -> U8:
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((160, 200, 1 if grey else 3))
    if soft:
        noise = cv2.GaussianBlur(noise, (0, 0), soft).reshape(noise.shape)
        noise /= noise.std()
    return np.clip(np.rint(ramp() + levels * noise), 0, 255).astype(np.uint8)


def hole() -> F32:
    distance = np.hypot(*np.meshgrid(np.arange(200) - 100, np.arange(160) - 80))
    return np.clip(60 - distance, 0, 1).astype(np.float32)


@pytest.mark.parametrize("levels", [2.0, 5.0, 9.0])
def test_noise_is_measured_in_levels(levels: float):
    everything = np.ones((160, 200), np.bool_)
    assert noise_levels(noisy(levels, grey=True), everything) == pytest.approx(levels, rel=0.1)


@pytest.mark.parametrize("levels", [2.0, 4.0, 8.0])
@pytest.mark.parametrize("soft", [0.0, 0.55])
def test_the_drawn_part_gets_the_noise_beside_it(levels: float, soft: float):
    alpha = hole()
    below = noisy(levels, grey=True, soft=soft)
    grained = np.rint(add_grain(ramp(), below, alpha, 7)).clip(0, 255).astype(np.uint8)
    beside = noise_levels(below, alpha <= 0)
    assert noise_levels(grained, alpha >= 1) == pytest.approx(beside, rel=0.15)
    assert abs(float(grained.mean()) - float(ramp().mean())) < 0.3


def test_nothing_is_added_where_the_photograph_is_clean():
    drawn = ramp() + 3
    assert np.array_equal(add_grain(drawn, ramp(), hole(), 7), drawn.astype(np.float32))


def test_a_drawn_part_that_is_noisy_enough_stays():
    drawn = noisy(6.0)
    assert np.array_equal(add_grain(drawn, noisy(3.0), hole(), 7), drawn.astype(np.float32))


def test_texture_counts_for_no_more_than_a_camera_makes():
    rng = np.random.default_rng(1)
    below = rng.integers(0, 256, (160, 200, 3)).astype(np.uint8)
    assert np.std(add_grain(ramp(), below, hole(), 7) - ramp()) < 15.5


def test_hair_cloth_and_ground_are_not_taken_for_grain():
    """Skin without noise is a quarter of what is seen; stripes of hair, checks and a white ground are the rest."""
    below = ramp()
    below[:, :60] = np.where(np.indices((160, 60)).sum(0)[..., None] % 3 == 0, 90, 30)
    below[120:] = np.where(np.arange(200)[None, :, None] % 2, 190, 60)
    below[:30] = 255
    assert np.abs(add_grain(ramp(), below, hole(), 7) - ramp()).max() < 1


@pytest.mark.parametrize("levels", [6.0, 30.0])
def test_in_strong_noise_the_drawn_part_is_noisy(levels: float):
    grained = add_grain(ramp(), noisy(levels, grey=True), hole(), 7)
    assert np.std(grained - ramp()) > 0.8 * min(levels, 8.0)


def test_grey_stays_grey_and_the_seed_says_which_grain():
    alpha, below = hole(), noisy(5.0, grey=True)
    first, again, other = (add_grain(ramp(), below, alpha, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(first[..., 0], first[..., 1])
    assert np.array_equal(first[..., 0], first[..., 2])


def test_a_photograph_that_is_covered_all_over_has_nothing_to_measure():
    whole = np.ones((160, 200), np.float32)
    assert np.array_equal(add_grain(ramp(), noisy(5.0), whole, 7), ramp().astype(np.float32))


def test_a_small_face_gets_no_grain_and_a_larger_one_by_and_by():
    below = noisy(5.0, grey=True)
    spread = [
        float(np.std(add_grain(ramp(), below, hole(), 7, scale) - ramp()))
        for scale in (0.3, 0.5, 0.75, 1.0, 4.0)
    ]
    assert spread[0] == spread[1] == 0 < spread[2] < spread[3] == spread[4]
