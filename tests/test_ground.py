"""A light ground behind a restored jaw."""

import cv2
import numpy as np
import pytest

from unmask.model.inference.ground import clear_ground

GROUND, SKIN = np.array([235.0, 238.0, 240.0]), np.array([190.0, 140.0, 115.0])


def scene(ground: np.ndarray = GROUND, blur_px: float = 5.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true picture, a face on a ground; what a network draws that is not sure of the jaw; what is pasted."""
    face = np.zeros((160, 140), np.float32)
    cv2.ellipse(face, (70, 60), (40, 60), 0, 0, 360, 1.0, -1)
    true = (face[..., None] * SKIN + (1 - face[..., None]) * ground).astype(np.float32)
    alpha = np.zeros((160, 140), np.float32)
    cv2.rectangle(alpha, (22, 60), (118, 132), 1.0, -1)
    return true, cv2.GaussianBlur(true, (0, 0), blur_px), alpha


def as_levels(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [1.0, 3.5])
def test_the_haze_around_a_jaw_goes(scale: float) -> None:
    true, drawn, alpha = (
        cv2.resize(each, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR) for each in scene()
    )
    alpha = np.asarray(alpha > 0.5, np.float32)
    made = clear_ground(as_levels(drawn), as_levels(true), alpha, scale)
    before, after = (np.abs(each - true).mean(2)[alpha > 0].mean() for each in (drawn, made))
    assert after < 0.75 * before
    far = (
        (np.abs(true - GROUND).max(2) < 1)
        & (cv2.blur(np.abs(true - GROUND).mean(2), (9, 9)) < 1)
        & (alpha > 0)
    )
    assert np.abs(made - GROUND).mean(2)[far].mean() < 0.5 * np.abs(drawn - GROUND).mean(2)[far].mean()


@pytest.mark.parametrize("level", [20, 100, 165])
def test_on_a_ground_that_is_not_lighter_than_skin_nothing_changes(level: int) -> None:
    true, drawn, alpha = scene(np.full(3, float(level)))
    assert np.array_equal(clear_ground(as_levels(drawn), as_levels(true), alpha, 1.0), as_levels(drawn))


def test_a_light_speck_beside_a_mask_is_no_ground() -> None:
    true, drawn, alpha = scene(np.full(3, 60.0))
    seen = as_levels(true)
    seen[90:94, 10:14] = 255
    made = clear_ground(as_levels(drawn), seen, alpha, 1.0)
    assert np.abs(made - as_levels(drawn)).max() < 1


def test_grey_stays_grey_and_what_is_not_pasted_stays() -> None:
    true, drawn, alpha = (np.asarray(each) for each in scene())
    grey_true, grey_drawn = (
        np.repeat(as_levels(each @ [0.299, 0.587, 0.114])[..., None], 3, 2) for each in (true, drawn)
    )
    made = clear_ground(grey_drawn, grey_true, alpha, 1.0)
    assert (np.ptp(made, axis=2) < 0.02).all()
    assert np.array_equal(made[alpha == 0], grey_drawn[alpha == 0])
    assert (made != grey_drawn).any()


def test_where_all_is_pasted_or_nothing_the_drawing_stays() -> None:
    true, drawn, _ = scene()
    for level in (0.0, 1.0):
        made = clear_ground(
            as_levels(drawn), as_levels(true), np.full(true.shape[:2], level, np.float32), 1.0
        )
        assert np.array_equal(made, as_levels(drawn))
