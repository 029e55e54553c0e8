import json
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unmask.datagen.common.errors import UserError
from unmask.datagen.common.rng import generator
from unmask.datagen.masks.draw import check_recipe, draw_recipe
from unmask.datagen.masks.recipe import MaskRecipe
from unmask.datagen.masks.recipe_config import (
    LIMITS,
    WORN_STATES,
    RecipeConfig,
    load_recipe_config,
    packaged_recipes,
)
from unmask.datagen.masks.template import load_templates

TEMPLATES = load_templates()


def draw_many(config: RecipeConfig, count: int, seed: int = 0) -> list[MaskRecipe]:
    return [draw_recipe(generator(seed, f"face {i}", 0, "mask"), config, TEMPLATES) for i in range(count)]


def flatten(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of a nested dict as (dotted name, value)."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from flatten(inner, f"{name}.{key}" if name else key)


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[[str], str]:
    """Writes a recipe file and returns its path as text."""

    def write(text: str) -> str:
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_every_packaged_recipe_loads_and_draws():
    assert "default" in packaged_recipes()
    for name in packaged_recipes():
        config = load_recipe_config(name)
        assert set(config.ranges) == set(LIMITS)
        assert draw_recipe(np.random.default_rng(0), config, TEMPLATES).worn in WORN_STATES


def test_the_same_generator_draws_the_same_mask_and_no_global_one_is_touched():
    config = load_recipe_config()
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002 the global generator is what must not move
    first, second = (draw_recipe(generator(7, "a", 3, "mask"), config, TEMPLATES) for _ in range(2))
    assert first == second
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
    assert draw_recipe(generator(7, "a", 4, "mask"), config, TEMPLATES) != first


def test_json_keeps_every_bit():
    for recipe in draw_many(load_recipe_config(), 50):
        again = MaskRecipe.from_json(recipe.to_json())
        assert again == recipe
        assert again.to_json() == recipe.to_json()
        assert "\n" not in recipe.to_json()


def test_a_recipe_is_frozen_and_its_dict_is_a_copy():
    recipe = draw_many(load_recipe_config(), 1)[0]
    with pytest.raises(FrozenInstanceError):
        recipe.worn = "chin"  # type: ignore[misc]
    text = recipe.to_json()
    recipe.to_dict()["shape"]["width"] = 99.0
    assert recipe.to_json() == text


@pytest.mark.parametrize("spoil", ["missing", "unknown", "missing part", "unknown in part", "not a table"])
def test_json_that_is_no_recipe_is_a_value_error(spoil: str):
    data = json.loads(draw_many(load_recipe_config(), 1)[0].to_json())
    if spoil == "missing":
        del data["worn"]
    elif spoil == "unknown":
        data["extra"] = 1
    elif spoil == "missing part":
        del data["shape"]
    elif spoil == "unknown in part":
        data["shape"]["extra"] = 1
    else:
        data = [data]
    with pytest.raises(ValueError, match="recipe"):
        MaskRecipe.from_json(json.dumps(data))


def test_drawn_values_stay_within_the_ranges_of_the_file():
    config = load_recipe_config()
    # Numbers that are drawn as they are; the others are combined with the template's own.
    plain = ("shadow.strength", "shadow.offset", "shadow.blur", "strap.width", "strap.sag")
    plain += ("light.exposure", "light.shading", "light.cast", "fold.wrinkle")
    recipes = [dict(flatten(recipe.to_dict())) for recipe in draw_many(config, 200)]
    for name in plain:
        low, high = config.ranges[name].span()
        values = [recipe[name] for recipe in recipes]
        assert all(low <= value <= high for value in values), name
        assert max(values) - min(values) > 0.8 * (high - low), name


def test_every_family_worn_state_and_texture_of_the_file_is_drawn():
    config = load_recipe_config()
    recipes = draw_many(config, 1500)
    assert {recipe.family for recipe in recipes} == set(TEMPLATES.families)
    assert {recipe.worn for recipe in recipes} == {
        name for name, weight in config.states.items() if weight > 0
    }
    assert {recipe.fabric.texture for recipe in recipes} >= {k for k, w in config.textures.items() if w > 0}
    proper = sum(recipe.worn == "proper" for recipe in recipes) / len(recipes)
    wanted = config.states["proper"] / sum(config.states.values())
    assert proper == pytest.approx(wanted, abs=0.06)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("[light]\nexposure = 0.5", "light.exposure"),
        ("[strap]\nsag = [10, 20]", "strap.sag"),
        ("[shadow]\nblur = {choice = [0.01, 0.02]}", "shadow.blur"),
        ("[worn]\nchin = 79", "shape.slide"),
        ("[shape]\ntilt = [10, 20]", "shape.tilt"),
    ],
)
def test_a_file_that_changes_one_range_leaves_every_other_drawn_value_alone(
    write_recipe: Callable[[str], str], text: str, changed: str
):
    usual, other = load_recipe_config(), load_recipe_config(write_recipe(text))
    moved: set[str] = set()
    for old, new in zip(draw_many(usual, 80), draw_many(other, 80), strict=True):
        after = dict(flatten(new.to_dict()))
        moved |= {name for name, value in flatten(old.to_dict()) if after[name] != value}
    assert moved == {changed}


def test_the_name_of_a_user_file_is_its_stem_and_its_text_tells_it_apart(write_recipe: Callable[[str], str]):
    other = load_recipe_config(write_recipe("[shape]\ntilt = 0"))
    assert other.name == "mine"
    assert other.text != load_recipe_config().text
    assert load_recipe_config().text == load_recipe_config("default").text


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[shape]\nwidht = 1", "shape.widht"),
        ("[shapes]\nwidth = 1", "shapes.width"),
        ("width = 1", "width"),
        ("[shape]\nwidth = 'wide'", "shape.width"),
        ("[shape]\nwidth = [1.2, 1.0]", "shape.width"),
        ("[shape]\nwidth = [0.1, 1.0]", "shape.width"),
        ("[shape]\nwidth = 9", "shape.width"),
        ("[shape]\nwidth = nan", "shape.width"),
        ("[shape]\nwidth = {choice = [1.0, 'x']}", "shape.width"),
        ("[shape]\nwidth = 2020-01-01", "shape.width"),
        ("[shape]\nwidth = {}", "shape.width"),
        ("[worn]\nstates = {proper = 0}", "worn.states"),
        ("[worn]\nstates = {upside_down = 1}", "upside_down"),
        ("[worn]\nstates = 3", "worn.states"),
        ("[texture]\nkinds = {tartan_of_my_clan = 1}", "tartan_of_my_clan"),
        ("[families]\nsurgical = -1", "families"),
        ("families = 3", "families"),
        ("[shape\nwidth = 1", "line 1"),
        ("[shape]\nwidth = 1\nwidth = 2", "overwrite"),
    ],
)
def test_a_wrong_recipe_file_is_one_line_that_names_file_and_key(
    write_recipe: Callable[[str], str], text: str, key: str
):
    path = write_recipe(text)
    with pytest.raises(UserError) as caught:
        load_recipe_config(path)
    message = str(caught.value)
    assert path in message
    assert key in message
    assert "\n" not in message


def test_a_recipe_file_that_is_missing_a_folder_or_not_text_is_named(tmp_path: Path):
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "absent.toml", tmp_path, binary):
        with pytest.raises(UserError, match=r"^recipe") as caught:
            load_recipe_config(str(path))
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("family", ["cloth", "surgical"])
def test_a_pinned_family_is_the_only_one_drawn(family: str):
    config = load_recipe_config("default", [f"family={family}"])
    assert {recipe.family for recipe in draw_many(config, 40)} == {family}


def test_pins_fix_template_worn_state_texture_and_single_values():
    name = TEMPLATES.templates[0].name
    pins = [f"template={name}", "worn=chin", "texture=dots", "light.exposure=1.5", "strap.sag=[1, 2]"]
    for recipe in draw_many(load_recipe_config("default", pins), 40):
        assert (recipe.template, recipe.worn, recipe.fabric.texture) == (name, "chin", "dots")
        assert recipe.light.exposure == 1.5
        assert 1 <= recipe.strap.sag <= 2


@pytest.mark.parametrize(
    "pin", ["family", "family=", "shape.widht=1", "worn=backwards", "shape.width=wide", "colour=red"]
)
def test_a_wrong_pin_is_one_line_that_names_the_flag(pin: str):
    with pytest.raises(UserError, match=r"^pins") as caught:
        load_recipe_config("default", [pin])
    assert "\n" not in str(caught.value)


def test_pins_that_contradict_each_other_are_refused():
    config = load_recipe_config("default", ["family=surgical", "template=kn95-fold"])
    with pytest.raises(UserError, match=r"'kn95-fold', but draws nothing of its family 'kn95'"):
        check_recipe(config, TEMPLATES)


def test_a_recipe_that_gives_every_available_family_no_weight_is_a_user_error():
    config = replace(load_recipe_config(), families=dict.fromkeys(TEMPLATES.families, 0.0) | {"others": 1.0})
    with pytest.raises(UserError, match=r"^families"):
        draw_recipe(np.random.default_rng(0), config, TEMPLATES)
