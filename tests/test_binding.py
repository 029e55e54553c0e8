"""Edges of another colour: drawn by share, seen along the edges alone, absent from recipes that have none."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import ALL_EDGES, BINDING, BOUND_EDGES, LONG_EDGES, SIDE_EDGES, MaskRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import TemplateSet
from unmask.datagen.render.binding import bind, strip_cover, strip_height
from unmask.datagen.render.fabric import make_fabric
from unmask.datagen.render.triplet_config import TripletConfig

SIZE = (2.0, 1.0)  # IOD of a raster of 40 x 80 texels, each 0.025


@pytest.fixture(scope="module")
def templates(triplet_config: TripletConfig) -> TemplateSet:
    return triplet_config.templates


@pytest.fixture
def outline() -> np.ndarray:
    """A rectangle of 20 x 60 texels in the middle of the raster."""
    alpha = np.zeros((40, 80), np.float32)
    alpha[10:30, 10:70] = 1
    return alpha


def bound(recipe: MaskRecipe, width: float, colour: str = "#20a040", edges: str = ALL_EDGES) -> MaskRecipe:
    fabric = replace(recipe.fabric, binding=colour, binding_width=width, bound=edges)
    return replace(recipe, fabric=fabric)


def test_a_strip_is_as_wide_as_asked_along_the_edges_that_are_bound(outline: np.ndarray):
    long, side, whole = (strip_cover(outline, SIZE, 0.1, e) for e in (LONG_EDGES, SIDE_EDGES, ALL_EDGES))
    inside = outline > 0
    assert np.array_equal(np.flatnonzero(long[:, 40] * outline[:, 40]), [10, 11, 12, 13, 26, 27, 28, 29])
    assert np.array_equal(np.flatnonzero(side[20] * outline[20]), [10, 11, 12, 13, 66, 67, 68, 69])
    assert np.array_equal(whole[inside], np.maximum(long, side)[inside])
    assert set(np.unique(whole[inside])) == {0.0, 1.0}


def test_a_wider_strip_covers_all_of_a_narrower_one(outline: np.ndarray):
    for edges in BOUND_EDGES:
        covers = [strip_cover(outline, SIZE, width, edges) for width in (0.03, 0.08, 0.2)]
        for narrow, wide in pairwise(covers):
            assert (wide >= narrow).all() and wide.sum() > narrow.sum()


def test_a_strip_stands_a_little_above_the_cloth(outline: np.ndarray):
    cover = strip_cover(outline, SIZE, 0.1, LONG_EDGES)
    height = strip_height(cover, SIZE, 0.1)
    assert height.min() >= 0 and 0.005 < height.max() < 0.02
    assert height[20, 40] == 0 < height[11, 40]


def test_laid_over_a_templates_own_trim_only_the_strip_has_its_colour():
    rng = np.random.default_rng(1)
    trim, trim_rgb = rng.random((4, 6), np.float32), rng.random((3, 4, 6), np.float32)
    dye, cover = np.array([0.1, 0.2, 0.9], np.float32), np.zeros((4, 6), np.float32)
    same, same_rgb = bind(trim, trim_rgb, cover, dye)
    assert np.array_equal(same, trim) and np.array_equal(same_rgb, trim_rgb)
    cover[0] = 1
    more, more_rgb = bind(trim, trim_rgb, cover, dye)
    assert (more[0] == 1).all() and np.allclose(more_rgb[:, 0], dye[:, None])
    assert np.array_equal(more[1:], trim[1:]) and np.array_equal(more_rgb[:, 1:], trim_rgb[:, 1:])


def test_the_share_changes_the_edges_alone(templates: TemplateSet):
    none, some = (load_recipe_config("wild", [f"binding.share={share}"]) for share in (0, 0.4))
    drawn = []
    for seed in range(200):
        plain, new = (draw_recipe(np.random.default_rng(seed), config, templates) for config in (none, some))
        assert plain.fabric.binding_width == 0
        strip = {name: getattr(plain.fabric, name) for name in BINDING}
        assert replace(new, fabric=replace(new.fabric, **strip)) == plain
        drawn.append(new.fabric)
    strips = [fabric for fabric in drawn if fabric.binding_width]
    assert 0.3 < len(strips) / len(drawn) < 0.5
    assert {strip.bound for strip in strips} == set(BOUND_EDGES)
    assert len({strip.binding for strip in strips}) > 0.9 * len(strips)
    low, high = some.ranges["binding.width"].span()
    assert all(low <= strip.binding_width <= high for strip in strips)


def test_recipes_without_a_strip_say_nothing_of_it_and_those_with_one_come_back(templates: TemplateSet):
    config = load_recipe_config("wild", ["binding.share=0"])
    recipe = draw_recipe(np.random.default_rng(3), config, templates)
    assert not set(BINDING) & set(recipe.to_dict()["fabric"])
    assert MaskRecipe.from_json(recipe.to_json()) == recipe
    own = bound(recipe, 0.1, edges=SIDE_EDGES)
    assert MaskRecipe.from_json(own.to_json()) == own


@pytest.mark.parametrize(
    ("name", "value"),
    [("binding", "green"), ("binding_width", -0.1), ("binding_width", 3.0), ("bound", "top")],
)
def test_nonsense_is_refused_by_name(templates: TemplateSet, name: str, value: object):
    recipe = bound(draw_recipe(np.random.default_rng(3), load_recipe_config(), templates), 0.1)
    data = recipe.to_dict()
    data["fabric"][name] = value
    with pytest.raises(ValueError, match=f"fabric.{name}"):
        MaskRecipe.from_dict(data)


def test_every_template_can_be_bound_along_every_edge_at_every_size(templates: TemplateSet):
    recipe = draw_recipe(np.random.default_rng(3), load_recipe_config(), templates)
    for template in templates.templates:
        for edges in BOUND_EDGES:
            fabric = replace(bound(recipe, 0.1, edges=edges).fabric, texture="plain")
            for px_per_iod in (20.0, 45.0, 90.0):
                texels = make_fabric(template, fabric, recipe.fold, px_per_iod, {}).texels
                assert np.isfinite(texels).all()


@pytest.mark.parametrize("template", ["surgical-pleated", "gaiter-tube", "valve-cup", "clear-surgical"])
def test_the_map_stays_and_the_colour_is_seen_near_the_outline(
    wear: Callable, pose_points: Callable, even_recipe: Callable, templates: TemplateSet, template: str
):
    image, points = np.full((240, 240, 3), (214, 168, 142), np.uint8), pose_points(scale=60, origin=(120, 90))
    plain = even_recipe(templates[template], colour="#f0f0f0", cast=0.0)
    plain = replace(plain, sensor=replace(plain.sensor, blur=0.0))
    before, after = (wear(image, points, recipe) for recipe in (plain, bound(plain, 0.12)))
    assert np.array_equal(before.map, after.map)
    assert np.array_equal(before.masked[before.map == 0], after.masked[before.map == 0])
    red, green, blue = after.masked.astype(int).transpose(2, 0, 1)
    changed = (green > red + 25) & (green > blue + 15) & (after.map > 128)
    share = np.count_nonzero(changed) / np.count_nonzero(after.map > 128)
    assert 0.05 < share < 0.6
    middle = np.argwhere(after.map > 128).mean(axis=0).astype(int)
    assert not changed[middle[0] - 3 : middle[0] + 4, middle[1] - 3 : middle[1] + 4].any()
