from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.render.pose import pose_face
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.render.triplet_config import TripletConfig

SKIN = (214, 168, 142)

Wear = Callable[..., Triplet]
Pose = Callable[..., np.ndarray]


def flat(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), SKIN, np.uint8)


@pytest.mark.parametrize("level", [0, 7, 255])
def test_black_white_and_nearly_black_pictures_are_rendered(
    wear: Wear, pose_points: Pose, surgical: MaskRecipe, level: int
):
    with np.errstate(all="raise", under="ignore"):
        triplet = wear(np.full((218, 178, 3), level, np.uint8), pose_points(), surgical)
    assert (triplet.map >= 128).any()
    untouched = ~triplet.layers.any(axis=2)
    assert (triplet.masked[untouched] == level).all()


def test_a_darker_face_wears_a_darker_mask(wear: Wear, pose_points: Pose, surgical: MaskRecipe):
    means = []
    for gain in (1.0, 0.6, 0.35, 0.15):
        triplet = wear((flat(218, 178) * gain).astype(np.uint8), pose_points(), surgical)
        means.append(float(triplet.masked[triplet.map == 255].mean()))
    assert means == sorted(means, reverse=True)
    assert means[-1] < 0.7 * means[0]


@pytest.mark.parametrize("side", [-1, 1])
def test_light_from_one_side_makes_that_half_of_the_mask_lighter(
    wear: Wear, pose_points: Pose, surgical: MaskRecipe, side: int
):
    ramp = 0.65 + side * 0.35 * np.clip((np.arange(178) - 89) / 60, -1, 1)
    triplet = wear((flat(218, 178) * ramp[None, :, None]).astype(np.uint8), pose_points(), surgical)
    lit = np.where(triplet.map == 255, triplet.masked.mean(axis=2), np.nan)
    left, right = np.nanmean(lit[:, :89]), np.nanmean(lit[:, 90:])
    assert (right - left) * side > 8


def test_the_shadow_darkens_and_stays_on_the_face(draw_face: Callable, wear: Wear, surgical: MaskRecipe):
    for index in range(4):
        image, landmarks = draw_face(index)
        triplet = wear(image, landmarks.points, surgical)
        shaded = (triplet.layers[..., 2] > 0) & (triplet.layers[..., :2] == 0).all(axis=2)
        assert shaded.sum() > 50
        assert (triplet.masked[shaded] <= triplet.clean[shaded]).all()
        assert (triplet.masked[shaded] < triplet.clean[shaded]).any()
        face = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(face, [np.rint(pose_face(landmarks.points).outline_px).astype(np.int32)], 1)
        assert not shaded[cv2.dilate(face, np.ones((5, 5), np.uint8)) == 0].any()


def test_straps_lie_on_skin_and_are_hidden_by_hair(wear: Wear, pose_points: Pose, surgical: MaskRecipe):
    points = pose_points()
    bare = wear(flat(218, 178), points, surgical)
    beside = (bare.layers[..., 1] > 0) & (bare.map == 0)
    assert beside.sum() > 30
    hair = flat(218, 178)
    hair[cv2.dilate(beside.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0] = (30, 24, 20)
    behind = wear(hair, points, surgical)
    assert ((behind.layers[..., 1] > 0) & (behind.map == 0)).sum() < 0.2 * beside.sum()


@pytest.mark.parametrize("kind", ["ear_loops", "head_straps", "ties"])
def test_wide_straps_are_not_cut_off_at_a_window(
    wear: Wear, pose_points: Pose, even_recipe: Callable, triplet_config: TripletConfig, kind: str
):
    template = next(t for t in triplet_config.templates.templates if t.straps.kind == kind)
    recipe = even_recipe(template, sag=-10.0, strength=0.1)
    recipe = replace(recipe, strap=replace(recipe.strap, width=0.1))
    points = pose_points(scale=160, origin=(300, 260))
    narrow, wide = (
        wear(flat(640, 600), points, replace(recipe, shadow=replace(recipe.shadow, offset=0.0, blur=blur)))
        for blur in (0.005, 0.15)
    )
    gap = np.abs(narrow.layers[..., 1].astype(int) - wide.layers[..., 1])
    assert gap.max() <= 2
