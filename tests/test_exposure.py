"""Faces in little and in glaring light."""

import numpy as np
import pytest

from unmask.model.inference.aligned import restore_pictures
from unmask.model.inference.exposure import DARK, Exposure, exposure_of
from unmask.model.inference.unmasker import Unmasker

USUAL, LEAST_SHOWN = 142, 150
HIDDEN = np.zeros((120, 100), bool)
HIDDEN[70:110, 30:70] = True


def face(middle: float, contrast: float = 0.35) -> np.ndarray:
    """Skin whose luma has this median, with lights and shadows."""
    rng = np.random.default_rng(3)
    skin = middle * np.exp(contrast * np.clip(rng.normal(size=(120, 100, 1)), -2, 2)) * [1.1, 0.97, 0.9]
    return np.clip(np.rint(skin), 0, 255).astype(np.uint8)


def median(picture: np.ndarray) -> float:
    return float(np.median(picture[20:70, 30:70] @ [0.299, 0.587, 0.114]))


def test_a_face_in_usual_light_stays_as_it_is() -> None:
    for middle in (90, USUAL, 160):
        light = exposure_of(face(middle), HIDDEN)
        assert light.is_usual
        picture = face(middle)
        assert light.shown(picture) is picture
        assert light.back(picture) is picture


@pytest.mark.parametrize("middle", [20, 35, 50, 62])
def test_a_dark_face_is_shown_lighter_but_darker_than_usual(middle: float) -> None:
    light = exposure_of(face(middle), HIDDEN)
    assert middle + 5 < median(light.shown(face(middle))) < USUAL


def test_a_glaring_face_is_shown_darker() -> None:
    bright = face(225, 0.05)
    assert LEAST_SHOWN < median(exposure_of(bright, HIDDEN).shown(bright)) < median(bright) - 20


def test_the_order_of_levels_stays_and_the_way_back_is_the_inverse() -> None:
    light = exposure_of(face(35), HIDDEN)
    ramp = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, 2)
    shown = light.shown(ramp)
    assert (np.diff(shown[:, 0, 0].astype(int)) >= 0).all()
    inside = shown[..., 0] < 255
    assert np.abs(light.back(shown)[inside].astype(int) - ramp[inside].astype(int)).max() <= 1


def test_it_begins_without_a_step() -> None:
    usual = face(75)
    seen = float(np.percentile(usual[20:70, 30:70] @ [0.299, 0.587, 0.114], 95))
    just = exposure_of(np.rint(usual * ((DARK - 1) / seen)).astype(np.uint8), HIDDEN)
    assert not just.is_usual
    ramp = np.arange(256, dtype=np.uint8)
    assert np.abs(just.shown(ramp).astype(int) - ramp.astype(int)).max() <= 12


def test_what_the_mask_looks_like_says_nothing() -> None:
    dark, other = face(40), face(40)
    other[HIDDEN] = 255
    assert exposure_of(dark, HIDDEN) == exposure_of(other, HIDDEN) != Exposure()


def test_hair_in_front_of_a_face_makes_it_no_dark_face() -> None:
    picture = face(USUAL)
    picture[20:70, 30:55] = 15
    assert exposure_of(picture, HIDDEN).is_usual


def test_where_too_little_is_seen_nothing_is_known() -> None:
    assert exposure_of(face(30), np.zeros_like(HIDDEN)).is_usual
    assert exposure_of(face(30), np.ones_like(HIDDEN)).is_usual
    assert exposure_of(np.zeros((1, 1, 3), np.uint8), np.ones((1, 1), bool)).is_usual
    assert not exposure_of(np.zeros((120, 100, 3), np.uint8), HIDDEN).is_usual  # black: no logarithm of 0


def test_a_dark_picture_is_restored_dark_and_exact_beside_the_mask() -> None:
    dark = face(30)
    map_ = np.where(HIDDEN, 255, 0).astype(np.uint8)
    unmasker = Unmasker(edit="fidelity")
    assert unmasker.edit_module is not None
    (made,) = restore_pictures(unmasker.edit_module, [dark], [map_])
    assert made.done[80:100, 40:60].mean() < 70
    assert np.array_equal(made.done[:60], dark[:60])
