"""Photographs in one tone."""

import numpy as np
import pytest

from unmask.model.inference.aligned import restore_pictures
from unmask.model.inference.tone import in_tone
from unmask.model.inference.unmasker import Unmasker

SEPIA = np.array([1.08, 0.98, 0.8])


@pytest.fixture
def grey() -> np.ndarray:
    ramp = np.linspace(20, 220, 64)[None].repeat(64, 0)
    noise = np.random.default_rng(1).normal(0, 6, ramp.shape)
    return np.clip(np.rint(ramp + noise), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)


@pytest.fixture
def hidden() -> np.ndarray:
    hidden = np.zeros((64, 64), bool)
    hidden[30:60, 16:48] = True
    return hidden


def skin() -> np.ndarray:
    return np.random.default_rng(2).integers([150, 90, 70], [220, 150, 130], (64, 64, 3)).astype(np.uint8)


def test_a_grey_photograph_gets_a_grey_face_of_the_same_lightness(grey: np.ndarray, hidden: np.ndarray):
    toned = in_tone(skin(), grey, hidden).astype(float)
    assert (np.ptp(toned, axis=2) == 0).all()
    assert np.abs(toned[..., 0] - skin() @ [0.299, 0.587, 0.114]).max() <= 0.51


def test_a_coloured_mask_on_a_grey_photograph_changes_nothing(grey: np.ndarray, hidden: np.ndarray):
    masked = grey.copy()
    masked[hidden] = (10, 90, 200)
    assert np.array_equal(in_tone(skin(), masked, hidden), in_tone(skin(), grey, hidden))


def test_sepia_stays_sepia(grey: np.ndarray, hidden: np.ndarray):
    sepia = np.clip(np.rint(grey * SEPIA), 0, 255).astype(np.uint8)
    toned = in_tone(skin(), sepia, hidden).astype(float)
    assert np.abs(toned[..., 2] / toned[..., 0] - SEPIA[2] / SEPIA[0]).mean() < 0.03


def test_a_photograph_with_colours_keeps_what_the_network_drew(grey: np.ndarray, hidden: np.ndarray):
    picture = grey.copy()
    picture[:20, :, 0] = np.minimum(picture[:20, :, 0].astype(int) + 30, 255)
    raw = skin()
    assert in_tone(raw, picture, hidden) is raw


def test_where_nearly_everything_is_hidden_nothing_is_known(grey: np.ndarray):
    raw = skin()
    assert in_tone(raw, grey, np.ones((64, 64), bool)) is raw


def test_a_restored_grey_picture_is_grey(unmasker: Unmasker, grey: np.ndarray, hidden: np.ndarray):
    map_ = np.where(hidden, 255, 0).astype(np.uint8)
    made = restore_pictures(unmasker.edit_module, [grey], [map_])[0]
    assert (np.ptp(made.done, axis=2) == 0).all()
    assert (made.done != grey).any()
