from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.template import Template, TemplateSet
from unmask.datagen.masks.template_layers import load_layers
from unmask.datagen.render.prepared_picture import PreparedPicture, prepare_picture
from unmask.datagen.render.render import blend_painting, paint_mask
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.render.triplet_config import TripletConfig

SKIN = (214, 168, 142)
YAWS = range(-45, 46, 3)
Wear = Callable[..., Triplet]
Pose = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def one_of_each(triplet_config: TripletConfig) -> list[Template]:
    """The first template of every family."""
    templates = triplet_config.templates
    return [templates.of_family(family)[0] for family in templates.families]


@pytest.fixture(scope="module")
def symmetric(triplet_config: TripletConfig) -> list[Template]:
    """One template of every family that has one with a mirror-symmetric outline."""
    found = {}
    for template in triplet_config.templates.templates:
        alpha = load_layers(template, 1).alpha
        if np.abs(alpha - alpha[:, ::-1]).max() < 0.02:
            found[template.family] = template
    assert len(found) >= 5
    return list(found.values())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two maps."""
    a, b = one >= 128, other >= 128
    return np.count_nonzero(a & b) / np.count_nonzero(a | b)


def flat(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), SKIN, np.uint8)


@pytest.mark.parametrize("blend", ["linear", "srgb"])
def test_no_pixel_overshoots_whatever_lies_under_the_mask(
    draw_face: Callable, triplet_config: TripletConfig, one_of_each: list[Template], blend: str
):
    # Blending moves every background towards one and the same colour. So over backgrounds from black to white
    # the output grows with the background and crosses it once: an overshoot would break one or the other.
    backgrounds = [0, 1, 2, 5, *range(10, 246, 25), 250, 254, 255]
    for index, template in enumerate(one_of_each[blend == "srgb" :: 2]):
        image, landmarks = draw_face(index)
        prepared = prepare_picture(image, [landmarks], triplet_config)
        assert isinstance(prepared, PreparedPicture)
        recipe = draw_recipe(np.random.default_rng(index), triplet_config.recipe, TemplateSet([template]))
        recipe = replace(recipe, sensor=replace(recipe.sensor, blend=blend))
        painting = paint_mask(image, prepared.faces[0].scene, recipe, template)
        assert painting is not None
        levels = np.empty((len(backgrounds), *image.shape), np.int16)
        for row, level in zip(levels, backgrounds, strict=True):
            picture = np.full_like(image, level)
            blend_painting(picture, painting)
            row[...] = picture
        assert (np.diff(levels, axis=0) >= 0).all()
        moved = np.sign(levels - np.array(backgrounds, np.int16)[:, None, None, None])
        darkened_before = np.minimum.accumulate(moved, axis=0) < 0
        assert not (darkened_before & (moved > 0)).any()


def test_a_mirrored_face_gets_the_mirrored_map(
    wear: Wear,
    draw_face: Callable,
    mirror_order: np.ndarray,
    even_recipe: Callable,
    symmetric: list[Template],
):
    # Not to the bit: quads are cut along one diagonal, so edges differ by fractions of a sample.
    for index, template in enumerate(symmetric):
        recipe = even_recipe(template)
        image, landmarks = draw_face(index)
        mirrored = landmarks.points[mirror_order] * [-1, 1] + [image.shape[1] - 1, 0]
        here = wear(image, landmarks.points, recipe).map
        there = wear(np.ascontiguousarray(image[:, ::-1]), mirrored, recipe).map[:, ::-1]
        assert (np.abs(here.astype(int) - there) <= 2).mean() > 0.99, template.name
        assert overlap(here, there) > 0.98, template.name


def test_the_mask_follows_a_turning_head_without_a_jump(
    wear: Wear, pose_points: Pose, even_recipe: Callable, symmetric: list[Template]
):
    for template in symmetric[::2]:
        recipe = even_recipe(template)
        maps = [wear(flat(300, 240), pose_points(yaw, origin=(120, 110)), recipe).map for yaw in YAWS]
        assert min(overlap(a, b) for a, b in pairwise(maps)) > 0.9, template.name
        area = np.array([np.count_nonzero(m >= 128) for m in maps])
        centre = np.array([np.argwhere(m >= 128).mean(axis=0) for m in maps])
        assert (np.abs(np.diff(area)) < 0.08 * area.max()).all(), template.name
        steps = np.diff(centre, axis=0)
        assert np.abs(steps[:, 1]).max() < 3 * np.median(np.abs(steps[:, 1])), template.name
        assert np.abs(steps[:, 0]).max() < 1.5, template.name
        # Both ways alike, and widest from the front.
        assert np.allclose(area, area[::-1], rtol=0.02), template.name
        assert area[len(area) // 2] > area[0], template.name


@pytest.mark.parametrize("degrees", [30, 90, 180])
def test_a_picture_turned_in_its_plane_turns_the_mask(
    wear: Wear, pose_points: Pose, even_recipe: Callable, one_of_each: list[Template], degrees: float
):
    turn = cv2.getRotationMatrix2D((149.5, 149.5), -degrees, 1.0)
    points = pose_points(yaw=15, pitch=5, scale=55, origin=(149.5, 125))
    for template in one_of_each:
        recipe = even_recipe(template)
        upright = wear(flat(300, 300), points, recipe).map
        turned = wear(flat(300, 300), points @ turn[:, :2].T + turn[:, 2], recipe).map
        back = cv2.warpAffine(turned, turn, (300, 300), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        assert overlap(upright, back) > 0.97, template.name


def test_a_moved_face_gets_the_same_map_and_a_face_twice_as_large_the_same_shape(
    wear: Wear, pose_points: Pose, surgical: MaskRecipe
):
    points = pose_points(yaw=-10, scale=50, origin=(140, 110))
    here = wear(flat(280, 280), points, surgical).map
    moved = wear(flat(280, 280), points + np.array([17, -12]), surgical).map
    assert np.array_equal(np.roll(moved, (12, -17), (0, 1)), here)
    large = wear(flat(560, 560), points * 2 + 0.5, surgical).map
    assert overlap(cv2.resize(large, (280, 280), interpolation=cv2.INTER_AREA), here) > 0.98


@pytest.mark.parametrize("scale", [8, 400])
def test_very_small_and_very_large_faces_are_rendered(
    wear: Wear, pose_points: Pose, surgical: MaskRecipe, scale: float
):
    size = int(4.5 * scale)
    with np.errstate(all="raise", under="ignore"):
        triplet = wear(flat(size, size), pose_points(scale=scale, origin=(size / 2, size / 2.6)), surgical)
    share = np.count_nonzero(triplet.map >= 128) / triplet.map.size
    assert 0.08 < share < 0.25
