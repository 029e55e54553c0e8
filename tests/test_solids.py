from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import Template, TemplateSet
from unmask.datagen.render.render import Painting, paint_mask
from unmask.datagen.render.scene import read_scene
from unmask.datagen.render.triplet import Triplet
from unmask.datagen.render.triplet_config import TripletConfig

SKIN = (214, 168, 142)
Wear = Callable[..., Triplet]
Pose = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def templates(triplet_config: TripletConfig) -> TemplateSet:
    return triplet_config.templates


def flat(height: int = 240, width: int = 240) -> np.ndarray:
    return np.full((height, width, 3), SKIN, np.uint8)


def thick(recipe: MaskRecipe, thickness: float) -> MaskRecipe:
    return replace(recipe, shape=replace(recipe.shape, thickness=thickness))


def sharp(recipe: MaskRecipe) -> MaskRecipe:
    """Without the blur of an even picture, in which nothing says that it is sharp."""
    return replace(recipe, sensor=replace(recipe.sensor, blur=0.0))


def painted(points: np.ndarray, recipe: MaskRecipe, template: Template) -> Painting:
    image = flat()
    painting = paint_mask(image, read_scene(image, points), recipe, template)
    assert painting is not None
    return painting


def whole(painting: Painting) -> np.ndarray:
    body = np.zeros((240, 240), np.float32)
    body[painting.region.window] = painting.body
    return body


def middle_of_yellow(triplet: Triplet) -> np.ndarray:
    red, green, blue = triplet.masked.astype(int).transpose(2, 0, 1)
    return np.argwhere((red - blue > 70) & (green - blue > 45) & (triplet.map > 128)).mean(axis=0)[::-1]


def test_valves_and_filters_are_where_the_drawings_are(templates: TemplateSet):
    with_parts = {template.name: len(template.solids) for template in templates.templates if template.solids}
    assert with_parts == {
        **dict.fromkeys(
            ("valve-cup", "valve-cup-yellow", "valve-fold", "valve-panels", "half-face-single"), 1
        ),
        **dict.fromkeys(("half-face-magenta", "half-face-white", "half-face-cartridge"), 3),
        "sponge-sport": 2,
    }


def test_without_thickness_pixels_and_recipe_are_those_of_a_template_without_parts(
    pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    points = pose_points(yaw=25, scale=50, origin=(120, 90))
    for template in (t for t in templates.templates if t.solids):
        recipe = even_recipe(template)
        assert "thickness" not in recipe.to_json()
        one, other = (painted(points, recipe, t) for t in (template, replace(template, solids=())))
        assert all(
            np.array_equal(getattr(one, name), getattr(other, name)) for name in ("layer", "body", "shadow")
        ), template.name


def test_a_thick_part_is_in_the_recipe_and_comes_back(templates: TemplateSet, even_recipe: Callable):
    recipe = thick(even_recipe(templates["valve-cup"]), 1.25)
    assert MaskRecipe.from_json(recipe.to_json()) == recipe
    with pytest.raises(ValueError, match=r"shape\.thickness"):
        MaskRecipe.from_json(recipe.to_json().replace("1.25", "40"))


@pytest.mark.parametrize("turn", [{"yaw": -35}, {"yaw": 35}, {"pitch": -25}, {"pitch": 25}])
def test_a_valve_moves_against_its_mask_the_way_the_head_turns(
    wear: Wear, pose_points: Pose, even_recipe: Callable, templates: TemplateSet, turn: dict[str, float]
):
    recipe = sharp(even_recipe(templates["valve-cup-yellow"], colour="#f0f0f0", cast=0.0))

    def parallax(**turn: float) -> np.ndarray:
        points = pose_points(**turn, scale=60, origin=(120, 90))
        near, far = (middle_of_yellow(wear(flat(), points, thick(recipe, value))) for value in (2.0, 0.0))
        return near - far

    across, up = (parallax(**turn) - parallax()) * [1, -1]  # its front looks a little down already
    if "yaw" in turn:
        assert np.sign(turn["yaw"]) * across > 3
    else:
        assert np.sign(turn["pitch"]) * up > 1


def test_the_map_covers_front_and_wall(pose_points: Pose, even_recipe: Callable, templates: TemplateSet):
    points = pose_points(yaw=40, scale=50, origin=(120, 90))
    for template in (t for t in templates.templates if t.family == "half_face"):
        recipe = even_recipe(template)
        before, after = (whole(painted(points, thick(recipe, value), template)) for value in (0.0, 1.0))
        assert (after >= before - 0.02).mean() > 0.995, template.name
        assert np.count_nonzero(after > 0.5) > 1.08 * np.count_nonzero(before > 0.5), template.name
        # of one piece without a hole: nothing shines through between front, wall and fabric
        solid = (after > 0.5).astype(np.uint8)
        outlines, _ = cv2.findContours(solid, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        assert len(outlines) == 1, template.name


def test_what_a_thick_mask_leaves_is_bit_equal_to_the_face(
    wear: Wear, pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    recipe = thick(even_recipe(templates["half-face-cartridge"]), 1.5)
    triplet = wear(flat(), pose_points(yaw=-30, scale=50, origin=(120, 90)), recipe)
    untouched = (triplet.layers == 0).all(axis=2)
    assert (triplet.masked[untouched] == triplet.clean[untouched]).all()
    assert (triplet.masked[triplet.map > 250] != triplet.clean[triplet.map > 250]).any(axis=1).mean() > 0.99


def test_a_cartridge_sticks_out_beyond_the_far_cheek(
    pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    template = templates["half-face-cartridge"]
    points = pose_points(yaw=45, scale=50, origin=(120, 90))
    flat_map, map_ = (
        whole(painted(points, thick(even_recipe(template), value), template)) > 0.5 for value in (0.0, 1.0)
    )
    right = points[:17, 0].max(), points[27:60, 0].max()
    assert np.flatnonzero(map_.any(axis=0)).max() > max(right) + 8
    assert np.flatnonzero(map_.any(axis=0)).max() > np.flatnonzero(flat_map.any(axis=0)).max() + 8


def test_a_mirrored_face_gets_the_mirrored_filters(
    wear: Wear, draw_face: Callable, mirror_order: np.ndarray, even_recipe: Callable, templates: TemplateSet
):
    image, landmarks = draw_face(3)
    mirrored = landmarks.points[mirror_order] * [-1, 1] + [image.shape[1] - 1, 0]
    recipe = thick(even_recipe(templates["half-face-magenta"]), 1.0)
    here = wear(image, landmarks.points, recipe).map.astype(int)
    there = wear(np.ascontiguousarray(image[:, ::-1]), mirrored, recipe).map[:, ::-1]
    assert (np.abs(here - there) <= 3).mean() > 0.985


def test_a_part_shades_the_fabric_on_the_side_away_from_the_light(
    wear: Wear, pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    template = templates["valve-cup"]
    ramp = 0.65 + 0.35 * np.clip((np.arange(240) - 120) / 60, -1, 1)
    lit = (flat() * ramp[None, :, None]).astype(np.uint8)
    points = pose_points(scale=60, origin=(120, 90))
    recipe = even_recipe(template, colour="#d0d0d0", cast=0.0, strength=0.5)
    with_shadow, without = (
        wear(lit, points, thick(replace(recipe, shadow=replace(recipe.shadow, strength=value)), 2.0))
        for value in (0.5, 0.0)
    )
    lost = (without.masked.astype(int) - with_shadow.masked).mean(axis=2) * (with_shadow.map == 255)
    assert lost.min() >= -1
    left, right = lost[:, :120].sum(), lost[:, 121:].sum()
    assert left > 1.5 * right and left > 200


def test_no_hair_is_kept_before_a_part_that_faces_the_camera(
    wear: Wear, pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    points = pose_points(scale=50, origin=(120, 90))
    recipe = even_recipe(templates["half-face-magenta"], front=True)
    hair = flat()
    hair[40:150, :72] = hair[40:150, 168:] = (30, 24, 20)
    whole_map = wear(flat(), points, thick(recipe, 1.0)).map > 128
    behind_hair = wear(hair, points, thick(recipe, 1.0)).map > 128
    assert np.count_nonzero(whole_map & ~behind_hair) < 0.01 * np.count_nonzero(whole_map)


def test_the_range_changes_thickness_alone_and_only_where_there_are_parts(templates: TemplateSet):
    usual, other = load_recipe_config(), load_recipe_config(pins=["solid.thickness=[0.5, 1.5]"])
    drawn = []
    for seed in range(150):
        old, new = (draw_recipe(np.random.default_rng(seed), config, templates) for config in (usual, other))
        assert old.shape.thickness == 0
        assert thick(new, 0.0) == old
        assert bool(templates[new.template].solids) == (new.shape.thickness > 0)
        drawn.append(new.shape.thickness)
    values = [value for value in drawn if value]
    assert len(set(values)) == len(values) > 10
    assert min(values) >= 0.5 and max(values) <= 1.5


def test_dyed_parts_take_the_recipes_colour_and_leave_the_fabric_alone(
    wear: Wear, pose_points: Pose, even_recipe: Callable, templates: TemplateSet
):
    points = pose_points(scale=60, origin=(120, 90))
    for thickness in (0.0, 1.0):
        own = sharp(thick(even_recipe(templates["valve-cup"], colour="#f0f0f0", cast=0.0), thickness))
        green = replace(own, fabric=replace(own.fabric, solid="#20a040"))
        before, after = (wear(flat(), points, recipe) for recipe in (own, green))
        assert np.array_equal(before.map, after.map)
        changed = np.abs(before.masked.astype(int) - after.masked).max(axis=2) > 2
        assert 0.03 < np.count_nonzero(changed) / np.count_nonzero(after.map > 128) < 0.4
        red, level, blue = after.masked[changed].astype(int).T
        assert ((level > red + 15) & (level > blue + 10)).mean() > 0.9


def test_the_share_of_dyed_parts_is_the_ranges(templates: TemplateSet):
    config = load_recipe_config("wild", ["family=half_face", "solid.dyed=0.4"])
    recipes = [draw_recipe(np.random.default_rng(seed), config, templates) for seed in range(200)]
    colours = [recipe.fabric.solid for recipe in recipes if recipe.fabric.solid]
    assert 0.3 < len(colours) / len(recipes) < 0.5
    assert len(set(colours)) == len(colours)
    assert MaskRecipe.from_json(recipes[0].to_json()) == recipes[0]
    with pytest.raises(ValueError, match=r"fabric\.solid"):
        MaskRecipe.from_json(replace(recipes[0], fabric=replace(recipes[0].fabric, solid="red")).to_json())
