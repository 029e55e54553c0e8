"""Straps of the mask's own colour, cut from its cloth, or over hair: by share, and where they should be."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from unmask.datagen.masks.draw import draw_recipe
from unmask.datagen.masks.recipe import STRAP_LATER, MaskRecipe
from unmask.datagen.masks.recipe_config import load_recipe_config
from unmask.datagen.masks.template import TemplateSet
from unmask.datagen.render.straps import StrapCurve, draw_straps
from unmask.datagen.render.triplet_config import TripletConfig

NO_NEW = ("strap.own=0", "strap.broad=0", "strap.over=0")
SKIN, HAIR = (214, 168, 142), (40, 30, 28)


@pytest.fixture(scope="module")
def templates(triplet_config: TripletConfig) -> TemplateSet:
    return triplet_config.templates


def with_straps(recipe: MaskRecipe, **changes: object) -> MaskRecipe:
    return replace(recipe, strap=replace(recipe.strap, **changes))


def test_the_shares_change_the_straps_alone(templates: TemplateSet):
    pins = ["strap.own=0.3", "strap.broad=0.2", "strap.over=0.5"]
    none, some = (load_recipe_config("wild", shares) for shares in (NO_NEW, pins))
    drawn = []
    for seed in range(300):
        plain, new = (draw_recipe(np.random.default_rng(seed), config, templates) for config in (none, some))
        assert not (plain.strap.broad or plain.strap.over)
        assert replace(new, strap=plain.strap) == plain
        if templates[new.template].straps.kind == "none":
            assert new.strap == plain.strap
        else:
            drawn.append((new.strap, new.fabric.colour))
    broad = [strap.broad for strap, _ in drawn if strap.broad]
    assert 0.12 < len(broad) / len(drawn) < 0.28
    assert 0.4 < sum(strap.over for strap, _ in drawn) / len(drawn) < 0.6
    assert 0.33 < sum(strap.colour == cloth for strap, cloth in drawn) / len(drawn) < 0.55
    assert all(strap.colour == cloth for strap, cloth in drawn if strap.broad)
    low, high = some.ranges["strap.broad_width"].span()
    assert all(low <= width <= high for width in broad)


def test_recipes_of_plain_straps_say_nothing_of_it_and_others_come_back(templates: TemplateSet):
    recipe = draw_recipe(np.random.default_rng(3), load_recipe_config("wild", NO_NEW), templates)
    assert not set(STRAP_LATER) & set(recipe.to_dict()["strap"])
    assert MaskRecipe.from_json(recipe.to_json()) == recipe
    own = with_straps(recipe, broad=0.2, over=True)
    assert MaskRecipe.from_json(own.to_json()) == own


@pytest.mark.parametrize(("name", "value"), [("broad", -0.1), ("broad", 3.0), ("over", 1), ("over", "yes")])
def test_nonsense_is_refused_by_name(templates: TemplateSet, name: str, value: object):
    data = draw_recipe(np.random.default_rng(3), load_recipe_config(), templates).to_dict()
    data["strap"][name] = value
    with pytest.raises(ValueError, match=f"strap.{name}"):
        MaskRecipe.from_dict(data)


def test_a_broad_strap_narrows_from_the_mask_to_the_ear():
    way = np.column_stack([np.linspace(10, 90, 20), np.full(20, 40.0)])
    canvas = draw_straps([StrapCurve(way, 1.0)], 4.0, (0, 0), (80, 100), 1, broad_px=24.0)
    heights = (canvas > 127).sum(0)[12:88]
    assert abs(heights[0] - 24) <= 2 and abs(heights[-1] - 4) <= 2
    assert all(left >= right for left, right in pairwise(heights))
    narrow = draw_straps([StrapCurve(way, 1.0)], 4.0, (0, 0), (80, 100), 1)
    assert (canvas >= narrow).all()
    same = draw_straps([StrapCurve(way, 1.0)], 4.0, (0, 0), (80, 100), 1, broad_px=3.0)
    assert np.array_equal(same, narrow)


@pytest.fixture
def worn(wear: Callable, pose_points: Callable, even_recipe: Callable, templates: TemplateSet) -> Callable:
    """Straps' coverage of a mask on a face before hair that begins beside its cheeks, and the whole triplet."""
    image, points = np.full((240, 240, 3), SKIN, np.uint8), pose_points(scale=60, origin=(120, 90))
    image[:, :58] = image[:, 182:] = HAIR
    plain = even_recipe(templates["surgical-pleated"], colour="#b02020", cast=0.0)

    def of(**changes: object):
        made = wear(image, points, with_straps(plain, width=0.06, **changes))
        return made, image

    return of


def test_straps_over_hair_go_on_where_the_others_end(worn: Callable):
    (plain, image), (over, _) = worn(), worn(over=True)
    assert np.array_equal(plain.map, over.map)
    before, after = (made.layers[..., 1] > 64 for made in (plain, over))
    assert after.sum() > 1.2 * before.sum() > 0
    assert not (before & ~after).any()
    hair = (image == HAIR).all(-1)
    assert (after & hair).sum() > 4 * (before & hair).sum()
    nothing = over.layers.max(-1) == 0
    assert np.array_equal(over.masked[nothing], image[nothing])


def test_broad_straps_cover_what_narrow_ones_do_and_more_and_leave_the_rest(worn: Callable):
    (plain, image), (broad, _) = worn(), worn(broad=0.3)
    assert np.array_equal(plain.map, broad.map)
    assert (broad.layers[..., 1] > 64).sum() > 1.5 * (plain.layers[..., 1] > 64).sum() > 0
    nothing = broad.layers.max(-1) == 0
    assert np.array_equal(broad.masked[nothing], image[nothing])
    assert worn(broad=0.3)[0].masked.tobytes() == broad.masked.tobytes()
